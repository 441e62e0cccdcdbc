// Asks quiet servers whether they live: at once when a connector opens, soon again while they do not answer, now and then while nothing else asks them.
import type { Running } from "./running.ts";

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

export interface ProberOptions {
  /** 0: a server that has answered is never asked again. */
  readonly intervalMs: () => number;
  /** Starting a program only to see that it starts is too much to do now and then. */
  readonly isCheap: boolean;
  readonly changed: () => void;
}

/** Runs until `stop`; each connector has its own, so that none waits for another. */
export class Prober {
  readonly #running: Running;
  readonly #options: ProberOptions;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;
  #stopped = false;
  #isRetrying = false;
  #asking: Promise<void> | undefined;

  constructor(running: Running, options: ProberOptions) {
    this.#running = running;
    this.#options = options;
  }

  /** Asks now; whoever asks while it asks waits for the same answer. */
  ask(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isRetrying = false;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
      this.#later();
    });
    return this.#asking;
  }

  /** An exchange failed: the server is asked again soon, if that is not under way. */
  wake(): void {
    if (this.#asking === undefined && !this.#isRetrying) this.#later();
  }

  /** The interval has changed: what waits for the old one waits for the new one. */
  retime(): void {
    if (this.#asking === undefined && !this.#isRetrying) this.#later();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const { evidence } = this.#running;
    const result = await this.#running.probe("life");
    const nowMs = Date.now();
    if (this.#stopped) return;
    if (result.ok) {
      evidence.answered(200, describe(result.serverInfo), nowMs);
      evidence.good(nowMs);
      this.#retryMs = firstRetryMs;
    } else {
      evidence.failed(result, nowMs);
    }
    this.#options.changed();
  }

  #later(): void {
    if (this.#stopped) return;
    const { evidence } = this.#running;
    const { intervalMs, isCheap } = this.#options;
    clearTimeout(this.#timer);
    if (!evidence.isGood) {
      this.#isRetrying = true;
      // A person must act before it can be otherwise, or a program must be started for each try.
      const delayMs = isCheap ? this.#retryMs * (0.8 + Math.random() * 0.4) : longestRetryMs;
      this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
      evidence.nextTry(Date.now() + delayMs);
      this.#options.changed();
      this.#timer = setTimeout(() => void this.ask(), delayMs).unref();
      return;
    }
    evidence.nextTry(undefined);
    this.#retryMs = firstRetryMs;
    const quietMs = intervalMs();
    if (quietMs === 0 || !isCheap) return;
    this.#timer = setTimeout(() => {
      const isQuiet = Date.now() - (evidence.lastGoodAtMs ?? 0) >= quietMs;
      if (isQuiet || !evidence.isGood) void this.ask();
      else this.#later();
    }, quietMs).unref();
  }
}

function describe(serverInfo: Readonly<Record<string, unknown>> | undefined): string {
  const part = (name: string) => (typeof serverInfo?.[name] === "string" ? serverInfo[name] : "");
  return `${part("name")} ${part("version")}`.trim();
}
