// Front mode: what the server lets pages of another origin read (the Fetch standard's CORS protocol), for the answers that Holdfast makes in its place. A browser keeps an answer
// without those words from its page.
import type { Reply, ReplyHeaders, Transport, WireRequest } from "../transport/index.ts";

const names = [
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-expose-headers",
  "vary",
] as const;
/** Of more origins the oldest are forgotten. */
const mostOrigins = 100;

/** Remembers them by origin, from the server's answers. */
export class ServerCors {
  readonly #words = new Map<string, readonly string[]>();

  /** Flat names and values; none for a request of no page, or of one that the server has not let read anything. */
  of(origin: string | undefined): readonly string[] {
    return (origin === undefined ? undefined : this.#words.get(origin)) ?? [];
  }

  learn(origin: string, headers: ReplyHeaders): void {
    if (headers["access-control-allow-origin"] === undefined) return;
    const words = names.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [name, String(value)];
    });
    this.#words.delete(origin);
    this.#words.set(origin, words);
    const [oldest] = this.#words.keys();
    if (this.#words.size > mostOrigins && oldest !== undefined) this.#words.delete(oldest);
  }
}

/** `inner`, with `cors` learning from what passes. */
export function listening(inner: Transport, cors: ServerCors): Transport {
  const heard = async (request: WireRequest, sending: Promise<Reply>): Promise<Reply> => {
    const reply = await sending;
    const origin = reply.kind === "reply" ? originOf(request.headers) : undefined;
    if (reply.kind === "reply" && origin !== undefined) cors.learn(origin, reply.headers);
    return reply;
  };
  return {
    get origin() {
      return inner.origin;
    },
    get wire() {
      return inner.wire;
    },
    get sessionsOnly() {
      return inner.sessionsOnly;
    },
    get messagesOnly() {
      return inner.messagesOnly;
    },
    send: (request) => heard(request, inner.send(request)),
    sendTo: (path, request) => heard(request, inner.sendTo(path, request)),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

export function originOf(headers: readonly string[]): string | undefined {
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index]?.toLowerCase() === "origin") return headers[index + 1];
  return undefined;
}
