// An MCP server that keeps what it received byte for byte and answers what the test says, byte for byte. Knows no more of MCP than opening a session.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  /** Names as they were written, with their values. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export type Respond = (seen: Seen, response: ServerResponse) => unknown;

export interface RawServerOptions {
  /** Answers everything but the opening of a session; default: an empty result. */
  readonly respond?: Respond;
  /** Takes a POST over before its body is read; true if it did. */
  readonly onHead?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Answers initialize in place of the ordinary answer. */
  readonly open?: Respond;
  /** Further headers of the answer to initialize. */
  readonly initializeHeaders?: Readonly<Record<string, string>>;
  readonly protocolVersion?: string;
}

export interface RawServer extends AsyncDisposable {
  readonly url: string;
  /** Ids that it gave to sessions. */
  readonly sessionIds: readonly string[];
  /** Everything received but initialize and notifications/initialized. */
  readonly seen: readonly Seen[];
  readonly opened: readonly Seen[];
  /** Resolves with the first request, past or to come, that fits. */
  next(fits: (seen: Seen) => boolean): Promise<Seen>;
}

const emptyResult: Respond = ({ method, body }, response) => {
  const id = /"id"\s*:\s*("[^"]*"|\d+)/.exec(body.toString())?.[1];
  if (method !== "POST") response.writeHead(method === "GET" ? 405 : 200).end();
  else if (id === undefined || !body.includes('"method"')) response.writeHead(202).end();
  else answerJson(response, `{"jsonrpc":"2.0","id":${id},"result":{}}`);
};

export function answerJson(response: ServerResponse, body: string | Buffer): void {
  response.writeHead(200, { "content-type": "application/json" }).end(body);
}

export function openEvents(response: ServerResponse): ServerResponse {
  response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  return response;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function startRawServer(options: RawServerOptions = {}): Promise<RawServer> {
  const { respond = emptyResult, protocolVersion = "2025-11-25" } = options;
  const seen: Seen[] = [];
  const opened: Seen[] = [];
  const sessionIds: string[] = [];
  const watchers = new Set<(one: Seen) => void>();

  const open = (one: Seen, response: ServerResponse): void => {
    opened.push(one);
    if (!one.body.includes('"initialize"')) return void response.writeHead(202).end();
    if (options.open !== undefined) return void options.open(one, response);
    const sessionId = `server-session-${sessionIds.length + 1}`;
    sessionIds.push(sessionId);
    const id = /"id"\s*:\s*("[^"]*"|\d+)/.exec(one.body.toString())?.[1] ?? "null";
    const capabilities = '{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}}';
    const result = `{"protocolVersion":"${protocolVersion}","capabilities":${capabilities},"serverInfo":{"name":"raw","version":"1"}}`;
    response.writeHead(200, {
      "content-type": "application/json",
      "mcp-session-id": sessionId,
      ...options.initializeHeaders,
    });
    response.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "", url = "", headers, rawHeaders } = request;
    // What carries a method header is of the era without sessions.
    const opening = method === "POST" && headers["mcp-session-id"] === undefined && headers["mcp-method"] === undefined;
    if (method === "POST" && !opening && options.onHead?.(request, response) === true) return;
    const one: Seen = { method, url, headers, rawHeaders, body: await readAll(request) };
    if (opening || one.body.includes('"notifications/initialized"')) return open(one, response);
    seen.push(one);
    for (const watch of watchers) watch(one);
    await respond(one, response);
  };

  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    // A client that breaks off in the middle is part of some tests.
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    sessionIds,
    seen,
    opened,
    next: (fits) => {
      const past = seen.find(fits);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve) => {
        const watch = (one: Seen): void => {
          if (!fits(one)) return;
          watchers.delete(watch);
          resolve(one);
        };
        watchers.add(watch);
      });
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
