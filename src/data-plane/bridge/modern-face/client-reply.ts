// The answer to one POST of a modern client: a single JSON body if the result comes first, an event stream from the first notification on.
import { encodeSseEvent, type RawId } from "../../../protocol/index.ts";
import type { ModernExchange } from "../../relay/index.ts";

/** What a request is answered with; the id is put in by whoever is answered. */
export interface Outcome {
  /** HTTP status, where the answer is no stream yet. */
  readonly status: number;
  readonly member: "result" | "error";
  /** JSON text. */
  readonly text: string;
}

export class ClientReply {
  readonly exchange: ModernExchange;
  readonly #id: RawId;
  #isStream = false;
  #isOver = false;

  constructor(exchange: ModernExchange, id: RawId) {
    this.exchange = exchange;
    this.#id = id;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls back if the client goes before it is answered: in this era it thereby cancels. */
  onLeft(listener: () => void): void {
    const { connection } = this.exchange;
    const left = (): void => {
      if (this.#isOver) return;
      this.#isOver = true;
      listener();
    };
    if (connection.gone) left();
    else connection.onGone(left);
  }

  /** Sends a message before the answer. False asks for a pause. */
  notify(text: string): boolean {
    if (this.#isOver) return true;
    this.#begin();
    return this.exchange.connection.write(encodeSseEvent({ type: "message", data: text }));
  }

  finish({ status, member, text }: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { connection } = this.exchange;
    const body = Buffer.from(`{"jsonrpc":"2.0","id":${this.#id},"${member}":${text}}`);
    if (this.#isStream) return connection.end(encodeSseEvent({ type: "message", data: body }));
    connection.answer(status, ["content-type", "application/json", "content-length", String(body.length)], body);
  }

  /** Keeps a quiet stream open. */
  keepAlive(): void {
    if (this.#isStream && !this.#isOver) this.exchange.connection.write(Buffer.from(": keepalive\n\n"));
  }

  #begin(): void {
    if (this.#isStream) return;
    this.#isStream = true;
    this.exchange.connection.head(200, [
      "content-type",
      "text/event-stream",
      "cache-control",
      "no-cache, no-transform",
      "x-accel-buffering",
      "no",
    ]);
  }
}
