// The words by which servers refuse a session: a closed list, each with who says it (versions as read in November 2026). Words only; classify.ts
// decides when they count.

export type Signals = readonly RegExp[];

/** The server holds no handshake for what it was sent. Also the only sign that a server without session ids can give. */
export const notInitialized: Signals = [
  // typescript-sdk 1.x/2.x, server-everything, playwright: "Bad Request: Server not initialized"; anubis-mcp (200); swift-sdk 0.12: "Session not initialized"
  /\b(?:server|session)\b.{0,12}\bnot (?:yet )?initialized/is,
  // go-sdk 1.7: `method "tools/list" is invalid during session initialization`
  /invalid during session initialization/i,
  // python-sdk 1.x: "Received request before initialization was complete"
  /before initialization/i,
];

/** The request came before notifications/initialized was taken in. */
export const tooEarly: Signals = [
  ...notInitialized,
  // anubis-mcp, gateways that shorten it
  /^not (?:yet )?initialized/i,
  // rmcp 1.x-3.x: "expect initialized notification"
  /expect(?:ed)? initialized notification/i,
];

/** python-sdk 1.x: the whole refusal of a session that has not finished its handshake; also that of malformed params. */
export const genericRefusal: Signals = [/^invalid request parameters$/i];

/** With 400, on an id that had served. */
export const goneWith400: Signals = [
  // server-everything 2026.8, supergateway 3.4.3, mcphub 0.9.8, affine 3.2.2, python-sdk 1.9-1.25 (plain): "Bad Request: No valid session ID provided"
  /no valid session/i,
  // supergateway 3.4.3 GET: "Invalid or missing session ID"; envoy ai-gateway: "invalid session ID: ..."; remnote
  /invalid (?:or missing )?session/i,
  /session (?:not found|has been terminated|(?:has )?expired)/i,
  ...notInitialized,
];

/** With 404, on an id that had served. */
export const goneWith404: Signals = [
  ...goneWith400,
  // typescript-, python-, csharp-, java-, kotlin-, ruby-, php-sdk, rmcp, mcp-proxy, metamcp, n8n: "Session not found"; go-sdk: "session is closing"; mcp-go:
  // "Session terminated"; php-sdk: "Session not found or has expired."
  /session.{0,40}?(?:not found|unknown|expired|terminated|invalid|closing|timed out|inactivity)/is,
  // swift-sdk: "Invalid or expired session ID"; python-sdk SSE: "Could not find session"; onyx (200): "missing or invalid Mcp-Session-Id"
  /(?:could not find|unknown|expired|terminated|invalid) (?:mcp[- ])?session/i,
];

/** A text that says this and nothing else. On a first GET stream a 404 mostly means "no stream here", so only this counts. */
export const goneAndNothingElse: Signals = [
  /^\s*(?:(?:bad request|not found|unauthorized): )?(?:session not found|no valid session id provided|invalid or missing session id|invalid session id|session (?:has been )?terminated|could not find session)\.?\s*$/i,
];

/** With 401 and no challenge: rmcp 0.3-0.16 "Unauthorized: Session not found", Kuadrant mcp-gateway "invalid session". */
export const goneWith401: Signals = [/session not found/i, /invalid session/i];

/** With 400: fits a lost session, but says so in its own way. */
export const likelyWith400: Signals = [
  // csharp-sdk 2.2 after a change to stateless mode: "The Mcp-Session-Id header is not supported in stateless mode"
  /not supported in stateless mode/i,
  // mcp-proxy 6.7 (SSE): "No active transport"
  /^no active transport/i,
];

/** rmcp 0.17-3.x with 422: to a server that knows the id this cannot be the first message. */
export const likelyWith422: Signals = [/expect initialize request/i];

/** rmcp 1.x-3.x with 500, in the moment of an idle reap: "Encounter an error when get session". */
export const likelyWith500: Signals = [/encounter(?:ed)? an error when get(?:ting)? session/i];

/** supergateway 3.4.3 and 4.0.0 (SSE) with 503: "No active SSE connection for session <uuid>". */
export const goneWith503: Signals = [/no active sse connection for session/i];

/** Anthropic's connector proxy, -32600, for a 404 of the server behind it: "Anthropic Proxy: Invalid content from server". */
export const doubtfulContent: Signals = [/invalid content from server/i];

/** python-sdk 2.x (JSON answers) with 500: the request was running when its session ended. */
export const endedWhileRunning: Signals = [/session terminated before the request completed/i];

/** cloudflare agents with 500: "Failed to establish WebSocket connection" to the object that holds the session. */
export const objectAway: Signals = [/failed to establish websocket connection/i];

/** typescript-sdk: "Unsupported protocol version: ..."; csharp-sdk: "The MCP-Protocol-Version header value '...' is not supported". */
export const unsupportedVersion: Signals = [
  /^(?:bad request: )?unsupported protocol version/i,
  /mcp-protocol-version header value .{0,60}? not supported/is,
];

/** typescript-sdk, single-transport servers: "Invalid Request: Server already initialized". */
export const alreadyInitialized: Signals = [/(?:server|session)(?: is)? already initialized/i];

export function matches(signals: Signals, text: string): boolean {
  return signals.some((signal) => signal.test(text));
}
