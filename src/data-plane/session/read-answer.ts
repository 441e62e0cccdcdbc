// Finds one JSON-RPC answer in a body that was read whole. Only for Holdfast's own requests; relayed answers are never parsed this way.

export type JsonObject = Readonly<Record<string, unknown>>;

/** The first message of a JSON or SSE body, whatever its id. */
export function firstMessage(text: string, contentType: string): JsonObject | undefined {
  if (contentType !== "text/event-stream") return parseObject(text);
  for (const event of text.split(/\r\n\r\n|\n\n|\r\r/)) {
    const message = parseObject(eventData(event));
    if (message !== undefined) return message;
  }
  return undefined;
}

function eventData(event: string): string {
  const lines = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(line.startsWith("data: ") ? 6 : 5)).join("\n");
}

/** The message, if it is the answer to `id`. */
export function matching(message: JsonObject | undefined, id: string | number): JsonObject | undefined {
  return message !== undefined && message["id"] === id && !("method" in message) ? message : undefined;
}

export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
