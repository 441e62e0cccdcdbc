// A server of a few lines that answers what the test says and keeps every request as it came. Knows MCP only as far as a handshake needs it.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import type { Message } from "./recovery-scene.ts";

export interface Seen {
  readonly http: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly message: Message;
  /** How many initialize requests had come by then, this one included. */
  readonly initializes: number;
}

export interface Upstream extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** What came, in order: JSON-RPC methods, and GET or DELETE. OPTIONS, which asks nothing, is left out. */
  names(since?: number): readonly string[];
  /** From now on these session ids are unknown. */
  forget(...ids: readonly string[]): void;
}

/** Answers a request, or leaves it to `serve`. */
export type Script = (seen: Seen, response: ServerResponse) => boolean | undefined | Promise<boolean | undefined>;

export async function startUpstream(script: Script = () => undefined, atPort = 0): Promise<Upstream> {
  const seen: Seen[] = [];
  const dead = new Set<unknown>();
  let initializes = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const body = await readText(request);
      const message = (body === "" ? {} : JSON.parse(body)) as Message;
      if (message["method"] === "initialize") initializes += 1;
      const one: Seen = { http: request.method ?? "", headers: request.headers, body, message, initializes };
      seen.push(one);
      if (dead.has(request.headers["mcp-session-id"])) refuseSession(response);
      else if ((await script(one, response)) !== true) serve(one, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(atPort, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    seen,
    names: (since = 0) =>
      seen
        .slice(since)
        .filter(({ http }) => http !== "OPTIONS")
        .map(nameOf),
    forget: (...ids) => {
      for (const id of ids) dead.add(id);
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A server that answers no initialize before it is told to. */
export async function startSlowToOpen(): Promise<Upstream & { open(): void }> {
  const opened = Promise.withResolvers<void>();
  const upstream = await startUpstream(async (seen, response) => {
    if (seen.message["method"] === "initialize") await opened.promise;
    serve(seen, response);
    return true;
  });
  return { ...upstream, open: () => opened.resolve() };
}

export function nameOf({ http, message }: Seen): string {
  const { method } = message;
  if (http !== "POST") return http;
  return typeof method === "string" ? method : "response";
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: object,
  headers: Record<string, string> = {},
): true {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
  return true;
}

/** The refusal of a session id that the TypeScript SDK gives. */
export function refuseSession(response: ServerResponse): true {
  return sendJson(response, 404, { jsonrpc: "2.0", id: null, error: { code: -32001, message: "Session not found" } });
}

/** A server without tools that forgets nothing: session ids are s1, s2 and so on, one per initialize. */
export function serve({ http, message, initializes }: Seen, response: ServerResponse): void {
  const { id, method, params } = message;
  if (http === "GET") {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    return;
  }
  if (id === undefined || method === undefined) {
    response.writeHead(http === "POST" ? 202 : 200).end();
    return;
  }
  if (method !== "initialize") {
    sendJson(response, 200, { jsonrpc: "2.0", id, result: {} });
    return;
  }
  const result = initializeResult((params as Message)["protocolVersion"]);
  sendJson(response, 200, { jsonrpc: "2.0", id, result }, { "mcp-session-id": `s${initializes}` });
}

export function initializeResult(protocolVersion: unknown, others: Message = {}): Message {
  const capabilities = { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} };
  return { protocolVersion, capabilities, serverInfo: { name: "scripted", version: "1" }, ...others };
}
