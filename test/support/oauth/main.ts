// An OAuth-protected MCP server as one writes it with the SDK, as a process: its auth router, its bearer middleware, one transport per session.
// Holds sessions in memory only, so that a restart forgets them. `/test/...` is for the tests alone.
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { getOAuthProtectedResourceMetadataUrl, mcpAuthRouter } from "@modelcontextprotocol/sdk/server/auth/router.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { InstantProvider, type TokenKind } from "./provider.ts";

/** As much of Express as is used here; its types are not installed. */
interface App {
  set(setting: string, value: string): void;
  use(...handlers: readonly unknown[]): void;
  all(path: string, ...handlers: readonly unknown[]): void;
  listen(port: number, host: string, onListening: () => void): void;
}

type McpRequest = IncomingMessage & {
  readonly body?: unknown;
  readonly auth?: { readonly extra?: { readonly user?: string } };
};

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    /** The origin that clients see. */
    origin: { type: "string", default: "" },
    state: { type: "string", default: "" },
    tokens: { type: "string", default: "jwt" },
    /** Refuse an unknown session before looking at the token, as servers do whose sessions come before their login. */
    "sessions-first": { type: "boolean", default: false },
  },
});
const origin = new URL(values.origin);
const resource = new URL("/mcp", origin);
const provider = new InstantProvider(values.state, origin.href, values.tokens as TokenKind);
const sessions = new Map<string, StreamableHTTPServerTransport>();
const journal: object[] = [];
let calls = 0;

function buildServer(): McpServer {
  const server = new McpServer({ name: "oauth-protected", version: "1.0.0" });
  server.registerTool("whoami", { description: "Says who calls." }, ({ authInfo }) => {
    calls += 1;
    return { content: [{ type: "text", text: `${String(authInfo?.extra?.["user"])}, call ${calls}` }] };
  });
  server.registerTool("announce", { description: "Sends a message down the session's stream." }, async () => {
    await server.server.notification({ method: "notifications/tools/list_changed" });
    return { content: [{ type: "text", text: "announced" }] };
  });
  return server;
}

async function handleMcp(request: McpRequest, response: ServerResponse): Promise<void> {
  const id = request.headers["mcp-session-id"];
  if (id === undefined) {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (sessionId) => void sessions.set(sessionId, transport),
      onsessionclosed: (sessionId) => void sessions.delete(sessionId),
    });
    await buildServer().connect(transport);
    return transport.handleRequest(request as Parameters<typeof transport.handleRequest>[0], response, request.body);
  }
  const transport = sessions.get(String(id));
  if (transport !== undefined) {
    return transport.handleRequest(request as Parameters<typeof transport.handleRequest>[0], response, request.body);
  }
  refuseSession(response);
}

function serveMcp(request: McpRequest, response: ServerResponse): void {
  handleMcp(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
}

/** Notes each exchange at the MCP endpoint when its head is known. */
function note(request: McpRequest, response: ServerResponse, next: () => void): void {
  const writeHead = response.writeHead.bind(response);
  response.writeHead = ((...head: Parameters<typeof writeHead>) => {
    const { host, authorization } = request.headers;
    const method = (request.body as { method?: string } | undefined)?.method ?? "";
    const user = request.auth?.extra?.user ?? "";
    const forwarded = [request.headers["x-forwarded-for"], request.headers["x-forwarded-proto"]].join(" ");
    const session = request.headers["mcp-session-id"] ?? "";
    const status = head[0];
    journal.push({ http: request.method, method, status, user, session, host, forwarded, authorization });
    return writeHead(...head);
  }) as typeof writeHead;
  next();
}

function refuseUnknown(request: McpRequest, response: ServerResponse, next: () => void): void {
  const id = request.headers["mcp-session-id"];
  if (id === undefined || sessions.has(String(id))) next();
  else refuseSession(response);
}

function refuseSession(response: ServerResponse): void {
  response.writeHead(404, { "content-type": "application/json" });
  response.end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
}

const app = createMcpExpressApp() as unknown as App;
// As the SDK's rate limits ask for behind a proxy.
app.set("trust proxy", "loopback");
app.all("/test/expire", (_request: McpRequest, response: ServerResponse) => {
  provider.expireAccessTokens();
  response.end();
});
app.all("/test/journal", (_request: McpRequest, response: ServerResponse) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(journal));
});
const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resource);
app.use(mcpAuthRouter({ provider, issuerUrl: origin, resourceServerUrl: resource }));
const bearer = requireBearerAuth({ verifier: provider, resourceMetadataUrl });
app.all("/mcp", note, ...(values["sessions-first"] ? [refuseUnknown] : []), bearer, serveMcp);
app.listen(Number(values.port), "127.0.0.1", () => process.stdout.write(`listening on port ${values.port}\n`));
