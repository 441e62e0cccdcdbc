// A reply's body that is filled from inside the process instead of from a socket. Tells its source when too much waits unread.
import type { BodySink, Reply, ReplyBody } from "./reply.ts";

/** Bytes that wait unread before the source is asked to pause: an answer larger than that still passes whole. */
const holdBytes = 256 * 1024;

export interface PushBodyEvents {
  /** More waits than should; ended by `emptied`. */
  filled(): void;
  emptied(): void;
  /** The reader wants no more; nothing more is called. */
  aborted(): void;
}

export class PushBody implements ReplyBody {
  readonly arrived: Buffer[] = [];
  complete = false;
  readonly #events: PushBodyEvents | undefined;
  #sink: BodySink | undefined;
  #flowing = false;
  #heldBytes = 0;
  #isFull = false;
  #cut: Error | undefined;
  #isOver = false;
  /** Who was told of the end. */
  #told: BodySink | undefined;
  #waiting: (() => void) | undefined;

  constructor(events?: PushBodyEvents) {
    this.#events = events;
  }

  push(chunk: Buffer): void {
    if (this.#isOver || this.complete || this.#cut !== undefined) return;
    if (this.#sink !== undefined && this.#flowing && this.arrived.length === 0) {
      if (this.#sink.data(chunk)) return;
      this.#flowing = false;
      this.#fill();
      return;
    }
    this.arrived.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#sink !== undefined || this.#heldBytes > holdBytes) this.#fill();
    this.#wake();
  }

  finish(): void {
    if (this.#isOver || this.complete || this.#cut !== undefined) return;
    this.complete = true;
    // What is over holds nobody up, however slowly it is read.
    this.#empty();
    this.#tellEnd();
    this.#wake();
  }

  cut(cause: Error): void {
    if (this.#isOver || this.complete || this.#cut !== undefined) return;
    this.#cut = cause;
    this.#empty();
    this.#tellEnd();
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
    this.#flowing = true;
    this.#drain();
  }

  resume(): void {
    if (this.#isOver || this.#sink === undefined) return;
    this.#flowing = true;
    this.#drain();
  }

  abort(): void {
    if (this.#isOver) return;
    const wasOpen = !this.complete && this.#cut === undefined;
    this.#isOver = true;
    this.arrived.length = 0;
    this.#empty();
    if (wasOpen) this.#events?.aborted();
  }

  #drain(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    while (this.#flowing) {
      const chunk = this.arrived.shift();
      if (chunk === undefined) break;
      this.#heldBytes -= chunk.length;
      if (!sink.data(chunk)) this.#flowing = false;
      // The sink may have handed the rest over to another one, which has taken care of it.
      if (this.#sink !== sink || this.#isOver) return;
    }
    if (this.arrived.length > 0) return;
    if (this.#flowing) this.#empty();
    this.#tellEnd();
  }

  #tellEnd(): void {
    const sink = this.#sink;
    if (sink === undefined || this.#told === sink || this.arrived.length > 0) return;
    if (!this.complete && this.#cut === undefined) return;
    this.#told = sink;
    if (this.complete) sink.end();
    else if (this.#cut !== undefined) sink.cut(this.#cut);
  }

  #fill(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#events?.filled();
  }

  #empty(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#events?.emptied();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}

/** A body that is there as a whole. */
export function wholeBody(bytes: Buffer): ReplyBody {
  const body = new PushBody();
  body.push(bytes);
  body.finish();
  return body;
}

export function wholeReply(
  status: number,
  contentType: string,
  text: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Extract<Reply, { kind: "reply" }> {
  const body = wholeBody(typeof text === "string" ? Buffer.from(text) : text);
  return {
    kind: "reply",
    status,
    headers: contentType === "" ? headers : { ...headers, "content-type": contentType },
    body,
  };
}
