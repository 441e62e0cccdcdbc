// One exchange with the server as it comes back: status, headers, and a body that flows only when somebody takes it.
import type { ReplyHeaders } from "./http1/answer-head.ts";
import type { Carrier, Outgoing, OutgoingRequest } from "./http1/connection.ts";
import { letGo } from "./http1/upload.ts";

export type { ReplyHeaders } from "./http1/answer-head.ts";

/** Where a reply's body goes. `data` answers false to ask for a pause, ended by calling `resume` on the body. */
export interface BodySink {
  data(chunk: Buffer): boolean;
  end(): void;
  /** The body broke off; nothing follows. */
  cut(cause: Error): void;
}

export interface ReplyBody {
  /** What has arrived so far and was not taken; stays until `pipe`. */
  readonly arrived: readonly Buffer[];
  /** True once everything has arrived (and waits in `arrived`). */
  readonly complete: boolean;
  /** Resolves when there is something to look at: a chunk, the end or a cut. */
  ready(): Promise<void>;
  pipe(sink: BodySink): void;
  resume(): void;
  /** Ends the exchange; the server sees its connection closed. */
  abort(): void;
}

export type Reply =
  | { readonly kind: "reply"; readonly status: number; readonly headers: ReplyHeaders; readonly body: ReplyBody }
  /** No answer: `sent` tells whether any byte of the request may have reached the server. */
  | { readonly kind: "lost"; readonly sent: "nothing" | "maybe"; readonly cause: Error };

/** Unread body bytes held before the server is asked to pause. */
const holdBytes = 64 * 1024;

/** One request on its way and the body of its reply: turns what a connection tells into one `Reply`. */
export class Exchange implements Outgoing, ReplyBody {
  readonly arrived: Buffer[] = [];
  complete = false;
  readonly #settle: (reply: Reply) => void;
  /** Who has this exchange, until it is over. */
  #carrier: Carrier | undefined;
  #sink: BodySink | undefined;
  #cut: Error | undefined;
  #heldBytes = 0;
  #waiting: (() => void) | undefined;
  #settled = false;
  #aborted = false;
  /** Until it is written: whoever reads the answer for hours shall not hold what was asked. */
  #request: OutgoingRequest | undefined;

  constructor(request: OutgoingRequest, settle: (reply: Reply) => void) {
    this.#request = request;
    this.#settle = settle;
  }

  request(): OutgoingRequest {
    const request = this.#request;
    if (request === undefined) throw new Error("written twice");
    this.#request = undefined;
    return request;
  }

  carriedBy(carrier: Carrier): void {
    this.#carrier = carrier;
    if (this.#aborted) this.abort();
  }

  answered(status: number, headers: ReplyHeaders): void {
    this.#settled = true;
    this.#settle({ kind: "reply", status, headers, body: this });
  }

  data(chunk: Buffer): boolean {
    if (this.#sink !== undefined) return this.#sink.data(chunk);
    this.arrived.push(chunk);
    this.#heldBytes += chunk.length;
    this.#wake();
    return this.#heldBytes <= holdBytes;
  }

  ended(): void {
    this.#carrier = undefined;
    this.complete = true;
    if (this.#sink !== undefined) this.#sink.end();
    this.#wake();
  }

  failed(sent: "nothing" | "maybe", cause: Error): void {
    this.#carrier = undefined;
    const body = this.#request?.body;
    if (body !== undefined && !(body instanceof Uint8Array)) letGo(body);
    if (!this.#settled) {
      this.#settled = true;
      this.#settle({ kind: "lost", sent, cause });
      return;
    }
    this.#cut = cause;
    if (this.#sink !== undefined) this.#sink.cut(cause);
    this.#wake();
  }

  ready(): Promise<void> {
    if (this.arrived.length > 0 || this.complete || this.#cut !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    let flowing = true;
    for (let chunk = this.arrived.shift(); chunk !== undefined; chunk = this.arrived.shift()) {
      flowing = sink.data(chunk) && flowing;
      // The sink may have handed the rest over to another one, which has taken care of it.
      if (this.#sink !== sink) return;
    }
    this.#heldBytes = 0;
    if (this.complete) sink.end();
    else if (this.#cut !== undefined) sink.cut(this.#cut);
    else if (flowing) this.#carrier?.resume();
    else this.#carrier?.pause();
  }

  resume(): void {
    this.#carrier?.resume();
  }

  abort(): void {
    this.#aborted = true;
    this.#carrier?.drop(this, new Error("ended by the proxy"));
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}
