// One exchange with the server as it comes back: status, headers, and a body that flows only when somebody takes it.
import type { Dispatcher } from "undici";

export type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

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

/** The dispatch handler of one request: turns undici's callbacks into one `Reply`. Owns nothing but the exchange. */
export class Exchange implements Dispatcher.DispatchHandler, ReplyBody {
  readonly arrived: Buffer[] = [];
  complete = false;
  readonly #settle: (reply: Reply) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #sink: BodySink | undefined;
  #cut: Error | undefined;
  #heldBytes = 0;
  #waiting: (() => void) | undefined;
  #settled = false;
  #aborted: Error | undefined;

  constructor(settle: (reply: Reply) => void) {
    this.#settle = settle;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted !== undefined) controller.abort(this.#aborted);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // 1xx answers are the connection's own business.
    if (status < 200) return;
    this.#settled = true;
    this.#settle({ kind: "reply", status, headers, body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#sink !== undefined) {
      if (!this.#sink.data(chunk)) controller.pause();
      return;
    }
    this.arrived.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > holdBytes) controller.pause();
    this.#wake();
  }

  onResponseEnd(): void {
    this.complete = true;
    if (this.#sink !== undefined) this.#sink.end();
    this.#wake();
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (!this.#settled) {
      this.#settled = true;
      this.#settle({ kind: "lost", sent: this.#controller === undefined ? "nothing" : "maybe", cause });
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
    else if (flowing) this.#controller?.resume();
    else this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    this.#aborted = new Error("ended by the proxy");
    if (this.#controller !== undefined && !this.complete) this.#controller.abort(this.#aborted);
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}
