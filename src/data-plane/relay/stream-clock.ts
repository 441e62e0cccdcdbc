// One timer for all streams of the process: opens what waits too long, keeps idle streams alive, lets go of what nobody came back for.
import type { StreamOptions } from "../../config/index.ts";
import { monotonicMs } from "../../protocol/index.ts";
import { type InLine, Line } from "../session/index.ts";
import { KeptEvents } from "./kept-events.ts";

/** An answer that has not begun. */
export interface Waiting extends InLine<Waiting> {
  readonly sinceTick: number;
  /** Gives the client what it needs to come back for the answer. */
  openEarly(): void;
}

export interface Timed {
  /** Looks at the clock; false when it need not be asked again. */
  tick(): boolean;
  /** A call is under way whose answer it will bring, whether its client is there or not. */
  readonly isAnswering: boolean;
}

const longestTickMs = 1_000;
const shortestTickMs = 10;

export class StreamClock {
  readonly limits: StreamOptions;
  readonly kept: KeptEvents;
  /** Answers that have not begun; in the order in which they were asked for. */
  readonly waiting = new Line<Waiting>();
  /** The streams, a session's together. */
  readonly streams = new Set<Timed>();
  /** Coarse, so that a time costs nothing. */
  ticks = 0;
  nowMs = monotonicMs();
  readonly keepAliveTicks: number;
  readonly #openAfterTicks: number;
  readonly #timer: NodeJS.Timeout;

  constructor(limits: StreamOptions) {
    this.limits = limits;
    this.kept = new KeptEvents(limits.keepTotalBytes);
    const { keepAliveMs, openAfterMs, keepMs } = limits;
    const tickMs = Math.max(shortestTickMs, Math.min(longestTickMs, keepAliveMs / 3, openAfterMs / 3, keepMs / 4));
    // A tick may come just after a byte, so one less keeps the promise.
    this.keepAliveTicks = Math.max(1, Math.floor(keepAliveMs / tickMs) - 1);
    this.#openAfterTicks = Math.max(1, Math.ceil(openAfterMs / tickMs));
    this.#timer = setInterval(() => this.#tick(), tickMs).unref();
  }

  get isAnswering(): boolean {
    for (const { isAnswering } of this.streams) if (isAnswering) return true;
    return false;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.ticks += 1;
    this.nowMs = monotonicMs();
    for (let { first } = this.waiting; first !== undefined; { first } = this.waiting) {
      if (this.ticks - first.sinceTick <= this.#openAfterTicks) break;
      this.waiting.leave(first);
      first.openEarly();
    }
    this.kept.dropOlderThan(this.nowMs - this.limits.keepMs);
    for (const stream of this.streams) if (!stream.tick()) this.streams.delete(stream);
  }
}
