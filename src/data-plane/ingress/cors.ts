// Pages of other origins that may call (the Fetch standard's CORS protocol): which headers their browsers need. Only where the operator asked for it.
import type { IncomingMessage, ServerResponse } from "node:http";

/** True for an origin whose pages may call. */
export type CorsRule = (origin: string) => boolean;

/** Each entry is an origin, or a regular expression between slashes; none means all. @throws SyntaxError */
export function corsRule(entries: readonly string[]): CorsRule {
  if (entries.length === 0) return () => true;
  const rules = entries.map((entry) => {
    const pattern = /^\/(.+)\/([a-z]*)$/.exec(entry);
    const expression = pattern === null ? undefined : new RegExp(pattern[1] ?? "", stateless(pattern[2] ?? ""));
    return (origin: string) => expression?.test(origin) ?? entry.toLowerCase() === origin.toLowerCase();
  });
  return (origin) => rules.some((allows) => allows(origin));
}

/** Without the flags that make an expression go on from its last match. */
function stateless(flags: string): string {
  return flags.replaceAll(/[gy]/g, "");
}

/** Adds what a browser must read to let its page have the answer. True: the request was only the browser's question, and is answered. */
export function answerCors(rule: CorsRule, request: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = request.headers;
  if (origin === undefined || !rule(origin)) return false;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", "mcp-session-id, mcp-protocol-version, www-authenticate");
  response.setHeader("vary", "origin");
  const asked = request.headers["access-control-request-method"];
  if (request.method !== "OPTIONS" || asked === undefined) return false;
  const headers = request.headers["access-control-request-headers"];
  response.writeHead(204, {
    "access-control-allow-methods": "GET, POST, DELETE",
    ...(headers === undefined ? {} : { "access-control-allow-headers": headers }),
    "access-control-max-age": "600",
  });
  response.end();
  return true;
}
