// Header names of the Streamable HTTP transport, and which headers may cross the proxy. Node gives names in lower case.

export const sessionIdHeader = "mcp-session-id";
export const protocolVersionHeader = "mcp-protocol-version";
export const lastEventIdHeader = "last-event-id";

/** Both kinds of answer are always accepted: servers refuse a POST that does not name both (transports, "Sending Messages to the Server"). */
export const acceptBoth = "application/json, text/event-stream";

/** What every request to a server says of its answer. Without the second any content coding is welcome (RFC 9110 section 12.5.3), and an answer that is packed cannot be watched. */
export const accepting = ["accept", acceptBoth, "accept-encoding", "identity"] as const;

/** Headers that belong to one connection and never cross a proxy (RFC 9110 section 7.6.1). */
export const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The media type of a content-type header: lower case, no parameters, "" if absent. */
export function mediaType(value: string | readonly string[] | undefined): string {
  const text = typeof value === "string" ? value : (value?.[0] ?? "");
  if (text === "application/json" || text === "text/event-stream") return text;
  const end = text.indexOf(";");
  return (end < 0 ? text : text.slice(0, end)).trim().toLowerCase();
}
