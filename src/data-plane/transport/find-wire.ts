// Finds out which of the two HTTP transports a server speaks, as the specification's backward compatibility says: Streamable HTTP first; where initialize is
// refused with 400, 404 or 405 and no JSON-RPC, HTTP+SSE. Remembers what it found, and looks again when a session is opened and that no longer fits.
import { sessionIdHeader } from "../../protocol/index.ts";
import { notFound } from "./post-reply.ts";
import { wholeBody } from "./push-body.ts";
import type { Reply } from "./reply.ts";
import type { Transport, WireRequest } from "./streamable-http.ts";
import { headerOf } from "./virtual-server.ts";
import type { Tell } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

const mayBeOther: ReadonlySet<number> = new Set([400, 404, 405]);
const headBytes = 64 * 1024;

export interface TwoWires {
  readonly http: Transport;
  readonly sse: Transport;
  readonly tell: Tell;
}

export function findWire(wires: TwoWires): Transport {
  return new FoundWire(wires);
}

class FoundWire implements Transport {
  readonly origin: string;
  readonly #wires: TwoWires;
  #found: Transport | undefined;

  constructor(wires: TwoWires) {
    this.#wires = wires;
    this.origin = wires.http.origin;
  }

  get wire(): string | undefined {
    return this.#found?.wire;
  }

  get messagesOnly(): boolean | undefined {
    return this.#found?.messagesOnly;
  }

  get sessionsOnly(): boolean | undefined {
    return this.#found?.sessionsOnly;
  }

  send(request: WireRequest): Promise<Reply> {
    const { http, sse } = this.#wires;
    if (request.method === "OPTIONS") return http.send(request);
    const opens = request.method === "POST" && headerOf(request.headers, sessionIdHeader) === undefined;
    if (opens) return this.#found === sse ? this.#openBySse(request) : this.#openByHttp(request);
    if (this.#found !== undefined) return this.#found.send(request);
    return http.send(request).then((reply) => {
      // A session of before our own restart: a server that takes no POST here cannot hold it, and a new one finds the wire.
      const takesNone = request.method === "POST" && reply.kind === "reply" && reply.status === 405;
      if (takesNone) reply.body.abort();
      return takesNone ? notFound() : reply;
    });
  }

  askAside(request: WireRequest): Promise<Reply> {
    const { http, sse } = this.#wires;
    return this.#found === sse && sse.askAside !== undefined ? sse.askAside(request) : http.send(request);
  }

  sendTo(path: string, request: WireRequest & { readonly verb: string }): Promise<Reply> {
    return this.#wires.http.sendTo(path, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#wires.http[Symbol.asyncDispose](), this.#wires.sse[Symbol.asyncDispose]()]);
  }

  async #openByHttp(request: WireRequest): Promise<Reply> {
    const reply = await this.#wires.http.send(request);
    if (reply.kind === "lost") return reply;
    if (reply.status < 300) this.#find(this.#wires.http);
    if (!mayBeOther.has(reply.status) || !(request.body instanceof Uint8Array)) return reply;
    const refusal = await readWhole(reply);
    if (refusal.text.includes('"jsonrpc"')) return refusal.reply;
    const other = await this.#wires.sse.send(request);
    if (other.kind === "reply" && other.status < 300) this.#find(this.#wires.sse);
    else if (!isOwnTrouble(other)) {
      if (other.kind === "reply") other.body.abort();
      return refusal.reply;
    }
    return other;
  }

  /** After a loss the server may have become another one. */
  async #openBySse(request: WireRequest): Promise<Reply> {
    const reply = await this.#wires.sse.send(request);
    const isGone =
      reply.kind === "reply"
        ? mayBeOther.has(reply.status)
        : reply.cause instanceof WireFault && reply.cause.code === "SSE_ENDPOINT_MISSING";
    if (!isGone) return reply;
    if (reply.kind === "reply") reply.body.abort();
    this.#found = undefined;
    return this.#openByHttp(request);
  }

  #find(wire: Transport): void {
    if (this.#found === wire) return;
    this.#found = wire;
    this.#wires.tell("info", `server speaks ${wire.wire}`, { wire: wire.wire ?? "" });
  }
}

/** It does speak HTTP+SSE, and something else is wrong. */
function isOwnTrouble(reply: Reply): boolean {
  if (reply.kind === "reply") return reply.status === 401 || reply.status === 403;
  return reply.cause instanceof WireFault && reply.cause.code !== "SSE_ENDPOINT_MISSING";
}

async function readWhole(
  reply: Extract<Reply, { kind: "reply" }>,
): Promise<{ readonly text: string; readonly reply: Reply }> {
  const chunks: Buffer[] = [];
  let size = 0;
  await new Promise<void>((resolve) => {
    reply.body.pipe({
      data: (chunk) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size < headBytes) return true;
        reply.body.abort();
        resolve();
        return false;
      },
      end: resolve,
      cut: () => resolve(),
    });
  });
  const bytes = Buffer.concat(chunks);
  return { text: bytes.toString(), reply: { ...reply, body: wholeBody(bytes) } };
}
