// The wire to one Streamable HTTP server: sends bytes, gives back what the server said. Knows nothing of sessions lost or restored.
import { channel } from "node:diagnostics_channel";
import type { Readable } from "node:stream";
import type { OriginParts } from "./http1/connect.ts";
import type { OutgoingRequest } from "./http1/connection.ts";
import { Pool } from "./http1/pool.ts";
import { bodyLines, requestHead } from "./http1/request-head.ts";
import { letGo } from "./http1/upload.ts";
import { Exchange, type Reply } from "./reply.ts";

/** One request on the wire. Headers are a flat list of names and values. */
export interface WireRequest {
  readonly method: "POST" | "GET" | "DELETE" | "OPTIONS";
  readonly headers: string[];
  readonly body?: Uint8Array | Readable | undefined;
  /** Told, once the request is on its way, how to end the exchange. Cheaper than a signal, for every call has one; over HTTP it is used instead of a signal. */
  readonly onSent?: ((abort: () => void) => void) | undefined;
  /** Two requests go out beside each other as soon as this one is answered: over HTTP, a connection for the second is opened meanwhile. */
  readonly twoFollow?: boolean | undefined;
  /** Over HTTP, none that stands already carries it: its peer may be gone without a word. */
  readonly onNewConnection?: boolean | undefined;
  /** Ends the exchange when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** `url`: the MCP endpoint. */
export interface StreamableHttpOptions extends OriginParts {
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
  const pool = new Pool(options);
  let path = `${url.pathname}${url.search}`;

  const send = (request: WireRequest, hops = options.followRedirects ? mostHops : 0): Promise<Reply> =>
    exchange(pool, path, request.method, request, (reply) => follow(request, reply, hops));

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
    sendTo: (otherPath, request) => exchange(pool, otherPath, request.verb, request, (reply) => reply),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

const mostHops = 3;

/** The path that a redirect names, if it is on the same origin; another origin is never followed, whoever says so. */
function movedWithin(origin: string, path: string, location: string | string[] | undefined): string | undefined {
  if (typeof location !== "string") return undefined;
  const target = URL.parse(location, `${origin}${path}`);
  return target?.origin === origin ? `${target.pathname}${target.search}` : undefined;
}

/** Tells of every request to a server, when it is given to the wire and in the context of whoever gave it. Without its path, which is a secret. */
const requests = channel("holdfast:request");

/** One request through a pool. `follow` sees the reply first. Never rejects. */
export function exchange(
  pool: Pool,
  path: string,
  method: string,
  request: WireRequest,
  follow: (reply: Reply) => Reply | Promise<Reply>,
): Promise<Reply> {
  return new Promise((resolve) => {
    const { signal } = request;
    if (request.onSent === undefined && signal?.aborted === true)
      return resolve({ kind: "lost", sent: "nothing", cause: new Error("ended before it was sent") });
    let outgoing: OutgoingRequest;
    try {
      outgoing = toSend(pool, path, method, request);
    } catch (cause) {
      if (request.body !== undefined && !(request.body instanceof Uint8Array)) letGo(request.body);
      return resolve({
        kind: "lost",
        sent: "nothing",
        cause: cause instanceof Error ? cause : new Error(String(cause)),
      });
    }
    const carried = new Exchange(outgoing, (reply) => {
      pool.settled();
      resolve(follow(reply));
    });
    if (request.onSent !== undefined) request.onSent(() => carried.abort());
    else signal?.addEventListener("abort", () => carried.abort(), { once: true });
    if (requests.hasSubscribers) requests.publish({ origin: pool.origin, method, body: request.body });
    pool.send(carried, request.onNewConnection);
    if (request.twoFollow === true) pool.prepare();
  });
}

/** @throws RequestFault */
function toSend({ host, lines }: Pool, path: string, method: string, { headers, body }: WireRequest): OutgoingRequest {
  const { text, announced } = requestHead(method, path, host, headers, lines);
  const length = body === undefined ? 0 : body instanceof Uint8Array ? body.length : announced;
  return { method, head: text + bodyLines(method, length, announced), body, length };
}
