// The wire to one Streamable HTTP server: sends bytes, gives back what the server said. Knows nothing of sessions lost or restored.
import type { Readable } from "node:stream";
import { type Dispatcher, Pool } from "undici";
import { Exchange, type Reply } from "./reply.ts";

/** One request on the wire. Headers are a flat list of names and values, as undici takes them without copying. */
export interface WireRequest {
  readonly method: "POST" | "GET" | "DELETE" | "OPTIONS";
  readonly headers: string[];
  readonly body?: Uint8Array | Readable | undefined;
  /** Ends the exchange when it fires. */
  readonly signal?: AbortSignal | undefined;
}

export interface StreamableHttpOptions {
  /** The MCP endpoint. */
  readonly url: URL;
  readonly connectTimeoutMs: number;
}

/** What a request is sent through; closed with its connections. */
export interface Transport extends AsyncDisposable {
  readonly origin: string;
  /** Never rejects: what went wrong is part of the reply. */
  send(request: WireRequest): Promise<Reply>;
  /** As `send`, to another path of the same origin (front mode only). */
  sendTo(path: string, request: WireRequest & { readonly verb: string }): Promise<Reply>;
}

/**
 * Opens the wire. Calls and streams have pools of their own, because a pool looks through its busy connections at each call
 * and streams stay busy for hours. No time limit on answers: a tool may take as long as it takes, and the client cancels.
 */
export function openStreamableHttp(options: StreamableHttpOptions): Transport {
  const { url } = options;
  const poolOptions: Pool.Options = {
    connections: null,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: options.connectTimeoutMs, noDelay: true },
  };
  const calls = new Pool(url.origin, poolOptions);
  const streams = new Pool(url.origin, poolOptions);
  const path = `${url.pathname}${url.search}`;

  return {
    origin: url.origin,
    send: (request) => exchange(request.method === "GET" ? streams : calls, path, request.method, request),
    sendTo: (otherPath, request) => exchange(streams, otherPath, request.verb, request),
    async [Symbol.asyncDispose]() {
      await Promise.all([calls.destroy(), streams.destroy()]);
    },
  };
}

function exchange(pool: Pool, path: string, method: Dispatcher.HttpMethod, request: WireRequest): Promise<Reply> {
  return new Promise((resolve) => {
    const handler = new Exchange(resolve);
    const { signal } = request;
    if (signal !== undefined) {
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
