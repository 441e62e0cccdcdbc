// Asks a server one question on a wire that no session uses and that is gone afterwards: some servers end when they are asked anything before `initialize`.
import { type Envelope, rpcCode } from "../../protocol/index.ts";
import { wholeReply } from "./push-body.ts";
import type { Reply } from "./reply.ts";
import { isWire, type Wire, type WireEvents, type WireOpener } from "./wire.ts";

/** Longer silence is an answer. */
const silenceMs = 5_000;

type Answer = Extract<Reply, { kind: "reply" }>;

/** As an HTTP server of the legacy era says that it has no such method. */
export function noSuchMethod(): Answer {
  const error = `{"jsonrpc":"2.0","id":null,"error":{"code":${rpcCode.methodNotFound},"message":"Method not found"}}`;
  return wholeReply(404, "application/json", error);
}

/**
 * The server's answer to one request. Silence, and an end without an answer, are how servers of wires without statuses say that they know no such method.
 * `closing` gets the wire's end, which nobody has to wait for.
 */
export async function askAside(
  open: NonNullable<WireOpener["openAside"]>,
  text: Buffer,
  headers: readonly string[],
  signal: AbortSignal | undefined,
  closing: (end: Promise<void>) => void,
): Promise<Reply> {
  const question = new Question();
  const opened = await open(headers, question, signal);
  if (!isWire(opened)) return opened;
  const reply = await question.ask(opened, text, headers);
  closing(opened.close());
  return reply;
}

class Question implements WireEvents {
  readonly #settled = Promise.withResolvers<Reply>();

  async ask(wire: Wire, text: Buffer, headers: readonly string[]): Promise<Reply> {
    const timer = setTimeout(() => this.closed(), silenceMs);
    void wire.send(text, headers)?.then((refused) => {
      if (refused !== undefined) this.#settled.resolve(refused);
    });
    const reply = await this.#settled.promise;
    clearTimeout(timer);
    return reply;
  }

  /** Whatever id it has: nothing else was asked. */
  message(text: Buffer, { kind }: Envelope): void {
    if (kind === "result" || kind === "error") this.#settled.resolve(wholeReply(200, "application/json", text));
  }

  tooLarge(): void {
    this.closed();
  }

  closed(): void {
    this.#settled.resolve(noSuchMethod());
  }
}
