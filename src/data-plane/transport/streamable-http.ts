// The wire to one Streamable HTTP server: sends bytes, gives back what the server said. Knows nothing of sessions lost or restored.
import type { Readable } from "node:stream";
import type { Dispatcher, Pool } from "undici";
import { openPools, type PoolParts } from "./pools.ts";
import { Exchange, type Reply } from "./reply.ts";

/** One request on the wire. Headers are a flat list of names and values, as undici takes them without copying. */
export interface WireRequest {
  readonly method: "POST" | "GET" | "DELETE" | "OPTIONS";
  readonly headers: string[];
  readonly body?: Uint8Array | Readable | undefined;
  /** Told, once the request is on its way, how to end the exchange. Cheaper than a signal, for every call has one; over HTTP it is used instead of a signal. */
  readonly onSent?: ((abort: () => void) => void) | undefined;
  /** Ends the exchange when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** `url`: the MCP endpoint. */
export interface StreamableHttpOptions extends PoolParts {
  /** A 307 or 308 to another path of the same origin is followed and remembered (servers redirect /mcp to /mcp/). */
  readonly followRedirects: boolean;
}

/** What a request is sent through; closed with its connections. */
export interface Transport extends AsyncDisposable {
  readonly origin: string;
  /** As people call it: "Streamable HTTP", "HTTP+SSE", "stdio"; undefined while it is not found yet. */
  readonly wire?: string | undefined;
  /** It carries nothing outside a session, so that modern clients are served by the server's legacy side alone. */
  readonly sessionsOnly?: boolean | undefined;
  /** Never rejects: what went wrong is part of the reply. */
  send(request: WireRequest): Promise<Reply>;
  /** As `send`, to another path of the same origin (front mode only). */
  sendTo(path: string, request: WireRequest & { readonly verb: string }): Promise<Reply>;
  /** As `send`, on a wire that no session uses and that is gone afterwards. Absent where a request is by itself anyway. */
  askAside?(request: WireRequest): Promise<Reply>;
  /** It carries messages and nothing else: the server sees no headers, and what it says or asks comes without the call that it is about. */
  readonly messagesOnly?: boolean | undefined;
  /** Sessions that are opened from now on get a new server process, where this wire starts one for them. */
  renew?(): Promise<void>;
  /** A session was moved to another: the old one answers the calls that it has, then ends. */
  retire?(oldId: string, newId: string): void;
}

export function openStreamableHttp(options: StreamableHttpOptions): Transport {
  const { url } = options;
  const { calls, streams, close } = openPools(options);
  let path = `${url.pathname}${url.search}`;

  const send = (request: WireRequest, hops = options.followRedirects ? mostHops : 0): Promise<Reply> =>
    exchange(request.method === "GET" ? streams : calls, path, request.method, request, (reply) =>
      follow(request, reply, hops),
    );

  /** A redirect is given before anything runs, so the request may go on to the new path; a flowing body is gone and may not. */
  const follow = (request: WireRequest, reply: Reply, hops: number): Reply | Promise<Reply> => {
    if (hops === 0 || reply.kind !== "reply" || (reply.status !== 307 && reply.status !== 308)) return reply;
    const moved = movedWithin(url.origin, path, reply.headers["location"]);
    if (moved === undefined) return reply;
    path = moved;
    if (request.body !== undefined && !(request.body instanceof Uint8Array)) return reply;
    reply.body.abort();
    return send(request, hops - 1);
  };

  return {
    origin: url.origin,
    wire: "Streamable HTTP",
    send: (request) => send(request),
    sendTo: (otherPath, request) => exchange(streams, otherPath, request.verb, request, (reply) => reply),
    [Symbol.asyncDispose]: close,
  };
}

const mostHops = 3;

/** The path that a redirect names, if it is on the same origin; another origin is never followed, whoever says so. */
function movedWithin(origin: string, path: string, location: string | string[] | undefined): string | undefined {
  if (typeof location !== "string") return undefined;
  const target = URL.parse(location, `${origin}${path}`);
  return target?.origin === origin ? `${target.pathname}${target.search}` : undefined;
}

/** One request through a pool. `follow` sees the reply first. Never rejects. */
export function exchange(
  pool: Pool,
  path: string,
  method: Dispatcher.HttpMethod,
  request: WireRequest,
  follow: (reply: Reply) => Reply | Promise<Reply>,
): Promise<Reply> {
  return new Promise((resolve) => {
    const handler = new Exchange((reply) => resolve(follow(reply)));
    if (request.onSent !== undefined) request.onSent(() => handler.abort());
    else if (request.signal !== undefined) {
      const { signal } = request;
      if (signal.aborted)
        return resolve({ kind: "lost", sent: "nothing", cause: new Error("ended before it was sent") });
      signal.addEventListener("abort", () => handler.abort(), { once: true });
    }
    try {
      pool.dispatch({ path, method, headers: request.headers, body: request.body ?? null }, handler);
    } catch (cause) {
      resolve({ kind: "lost", sent: "nothing", cause: cause instanceof Error ? cause : new Error(String(cause)) });
    }
  });
}
