// The known ways in which servers say "this session is gone", one row each. Data only: when a row is used is decided elsewhere.
import { errorOf, type RequestId } from "./json-rpc.ts";

/** The request that is refused. */
export interface Refused {
  readonly id: RequestId | undefined;
  readonly method: string;
  readonly sessionId: string;
}

interface Refusal {
  readonly status: number;
  /** Absent: the answer carries no content type at all, as some servers do. */
  readonly contentType?: string;
  readonly body: (refused: Refused) => string;
}

export interface Shape extends Refusal {
  readonly who: string;
  readonly forGet?: Refusal;
  /** Absent: as for GET. */
  readonly forDelete?: Refusal;
  /** The server still answers `ping` in this state, so a ping proves nothing. */
  readonly answersPing?: true;
  /** The dead id is taken as if nothing had happened; only what the session held is gone. */
  readonly silent?: true;
}

const json = "application/json";
const jsonUtf8 = "application/json; charset=utf-8";
const plain = "text/plain; charset=utf-8";
const html = "text/html; charset=utf-8";

const text = (status: number, body: string, contentType?: string): Refusal =>
  contentType === undefined ? { status, body: () => body } : { status, contentType, body: () => body };

const error = (status: number, code: number, message: string, id: string | null = null, type = json): Refusal =>
  text(status, JSON.stringify({ ...errorOf(null, code, message), id }), type);

/** The error carries the id of the request, as an answer to it would. */
const echoed = (status: number, code: number, message: string): Refusal => ({
  status,
  contentType: json,
  body: ({ id }) => JSON.stringify(errorOf(id ?? null, code, message)),
});

const noContent = (status: number) => text(status, "");
const page = (title: string) => `<!doctype html><html><head><title>${title}</title></head><body>${title}</body></html>`;

const noValidId = "Bad Request: No valid session ID provided";
const notFound = "Session not found";

export const shapes = {
  "404-json": { who: "TypeScript SDK, mcp-proxy, fastmcp", ...error(404, -32001, notFound) },
  "404-supergateway": {
    who: "supergateway 4",
    ...error(404, -32001, notFound, null, jsonUtf8),
    forGet: text(404, notFound, html),
  },
  "404-csharp": { who: "C# SDK 2.2", ...echoed(404, -32001, notFound), forDelete: noContent(200) },
  "404-id-empty": {
    who: "@azure/mcp, older C# SDK",
    ...error(404, -32001, notFound, "", jsonUtf8),
    forDelete: noContent(200),
  },
  "404-json-32000": { who: "Kotlin SDK (Ktor)", ...error(404, -32000, notFound) },
  "404-no-valid-id": { who: "hand-written servers", ...error(404, -32000, "No valid session ID provided") },
  "404-json-32600": { who: "Python SDK 1.26 to 1.27", ...error(404, -32600, notFound, "server-error") },
  "404-json-32600-null": { who: "Python SDK 2, Ruby SDK", ...error(404, -32600, notFound) },
  "404-terminated": {
    who: "Python SDK",
    ...error(404, -32600, "Not Found: Session has been terminated", "server-error"),
  },
  "404-php": { who: "PHP SDK", ...error(404, -32600, "Session not found or has expired.") },
  "404-swift": { who: "Swift SDK", ...error(404, -32600, "Not Found: Invalid or expired session ID") },
  "404-cloudflare": {
    who: "Cloudflare agents",
    ...error(404, -32001, notFound, null, "text/plain;charset=UTF-8"),
  },
  "404-java": {
    who: "Java SDK, Spring AI",
    status: 404,
    contentType: json,
    body: ({ sessionId }: Refused) =>
      JSON.stringify({
        cause: null,
        stackTrace: [],
        jsonRpcError: { code: -32603, message: `Session not found: ${sessionId}`, data: null },
        message: `Session not found: ${sessionId}`,
      }),
    forGet: text(404, page("HTTP Status 404 – Not Found"), html),
  },
  "404-bare-error": {
    who: "metamcp",
    ...text(404, JSON.stringify({ error: notFound }), json),
    forGet: text(404, notFound),
  },
  "404-bare-envelope": {
    who: "helidon-mcp",
    status: 404,
    contentType: json,
    body: ({ id }: Refused) => JSON.stringify({ jsonrpc: "2.0", id: id ?? null }),
  },
  "404-text": { who: "Go SDK, agentgateway, gh-aw", ...text(404, "session not found", plain) },
  "404-closing": { who: "Go SDK while it closes", ...text(404, "session is closing", plain) },
  "404-rmcp": { who: "rmcp 0.17 and later", ...text(404, "Not Found: Session not found"), forDelete: noContent(202) },
  "404-untyped": { who: "@playwright/mcp, n8n, aap", ...text(404, notFound) },
  "404-mcp-go": { who: "mcp-go, stateful", ...text(404, "Invalid session ID", plain) },
  "404-mcp-go-terminated": { who: "mcp-go, stateful", ...text(404, "Session terminated", plain) },
  "404-python-sse": { who: "Python SDK, legacy SSE", ...text(404, "Could not find session") },
  "404-html": { who: "load balancers, servlet containers", ...text(404, page("404 Not Found"), html) },
  "404-empty": { who: "AWS AgentCore", ...noContent(404) },
  "400-everything": {
    who: "server-everything",
    ...text(400, JSON.stringify({ jsonrpc: "2.0", error: { code: -32000, message: noValidId } }), jsonUtf8),
  },
  "400-supergateway": {
    who: "supergateway 3.4.3",
    ...error(400, -32000, noValidId, null, jsonUtf8),
    forGet: text(400, "Invalid or missing session ID", html),
  },
  "400-json": { who: "mcphub to 0.9.8", ...error(400, -32000, noValidId) },
  "400-affine": {
    who: "affine-mcp-server",
    ...error(400, -32000, "Bad Request: No valid session ID or not an initialize request"),
  },
  "400-text": { who: "Python SDK 1.9 to 1.25", ...text(400, noValidId) },
  "400-not-initialized": {
    who: "a fresh TypeScript transport",
    ...error(400, -32000, "Bad Request: Server not initialized"),
  },
  "400-swift": { who: "Swift SDK", ...error(400, -32600, "Bad Request: Session not initialized") },
  "400-envoy": {
    who: "Envoy AI gateway",
    status: 400,
    contentType: plain,
    body: ({ sessionId }: Refused) => `invalid session ID: ${sessionId}`,
  },
  "400-mcp-proxy-sse": { who: "mcp-proxy, legacy SSE", ...text(400, "No active transport") },
  "401-rmcp": { who: "rmcp to 0.16", ...text(401, "Unauthorized: Session not found") },
  "401-kuadrant": { who: "Kuadrant", ...text(401, "invalid session") },
  "403-user": { who: "Go SDK, other user", ...text(403, "session user mismatch", plain) },
  "403-owner": { who: "IBM context-forge", ...error(403, -32002, "Session ownership unavailable") },
  "500-rmcp": { who: "rmcp around an idle reap", ...text(500, "Encounter an error when get session: channel closed") },
  "500-cloudflare": {
    who: "Cloudflare agents",
    ...error(500, -32001, "Failed to establish WebSocket connection", null, "text/plain;charset=UTF-8"),
  },
  "500-python": {
    who: "Python SDK 2; there the call had run",
    ...error(500, -32603, "Session terminated before the request completed", "server-error"),
  },
  "503-sse": {
    who: "supergateway, legacy SSE",
    status: 503,
    contentType: html,
    body: ({ sessionId }: Refused) => `No active SSE connection for session ${sessionId}`,
  },
  "503-empty": { who: "neotoma", ...noContent(503) },
  "200-zilla": { who: "zilla", ...error(200, -32600, "Invalid Request"), forGet: noContent(400) },
  "200-not-initialized": { who: "anubis-mcp", ...echoed(200, -32002, "Server not initialized") },
  "200-session-not-found": { who: "gortex", ...echoed(200, -32001, "session not found") },
  "200-session-not-found-32002": { who: "IBM context-forge", ...echoed(200, -32002, notFound) },
  "200-missing-or-invalid": { who: "onyx agent-wiki", ...echoed(200, -32600, "missing or invalid Mcp-Session-Id") },
  "200-go": {
    who: "Go SDK, uninitialized session",
    status: 200,
    contentType: json,
    body: ({ id, method }: Refused) =>
      JSON.stringify(errorOf(id ?? null, 0, `method "${method}" is invalid during session initialization`)),
  },
  "200-python": {
    who: "Python SDK 1, uninitialized session",
    status: 200,
    contentType: json,
    body: ({ id }: Refused) =>
      JSON.stringify({
        jsonrpc: "2.0",
        id: id ?? null,
        error: { code: -32602, message: "Invalid request parameters", data: "" },
      }),
    answersPing: true,
  },
  "200-not-connected": {
    who: "mcp-proxy whose child died",
    ...echoed(200, -32603, "Not connected"),
    answersPing: true,
  },
  "200-silent": { who: "mcp-go by default, stateless servers", ...noContent(200), silent: true },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof shapes;

export function isShapeName(name: string): name is ShapeName {
  return Object.hasOwn(shapes, name);
}

/** How the shape looks for the HTTP method of the refused request. */
export function refusalFor(shape: Shape, httpMethod: string): Refusal {
  if (httpMethod === "GET") return shape.forGet ?? shape;
  if (httpMethod === "DELETE") return shape.forDelete ?? shape.forGet ?? shape;
  return shape;
}
