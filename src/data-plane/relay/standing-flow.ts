// A server's standing stream on its way to the session's clients: one object, and no closures, for thousands of such streams are idle.
import type { BodySink, ReplyBody } from "../transport/index.ts";
import { EventCutter, type EventSink } from "./event-cutter.ts";

/** The server's end, under the id of the session that it belongs to. */
export interface Upstream {
  readonly body: ReplyBody;
  readonly upstreamId: string | undefined;
  /** Of the session. A restore opens the stream of the generation that it makes. */
  readonly generation: number;
}

export interface StandingTaker extends EventSink {
  /** More has come. False asks the server to pause. */
  take(chunk: Buffer, cutter: EventCutter, body: ReplyBody): boolean;
  ended(upstream: Upstream, isClean: boolean): void;
}

export class StandingFlow implements BodySink {
  readonly #taker: StandingTaker;
  readonly #upstream: Upstream;
  readonly #cutter: EventCutter;

  constructor(taker: StandingTaker, upstream: Upstream) {
    this.#taker = taker;
    this.#upstream = upstream;
    this.#cutter = new EventCutter(taker);
  }

  data(chunk: Buffer): boolean {
    return this.#taker.take(chunk, this.#cutter, this.#upstream.body);
  }

  end(): void {
    this.#taker.ended(this.#upstream, true);
  }

  cut(): void {
    this.#taker.ended(this.#upstream, false);
  }
}
