// How long to wait before a stream is opened again: not at all after one that lasted, longer each time after one that did not.
const firstMs = 250;
const longestMs = 30_000;
/** A stream that opens says that whatever was wrong is over, so what was waited for before is mostly forgotten. */
const longestOnceOpenMs = 2_000;
/** A stream that ends sooner is one that the server does not keep. */
const lastingMs = 1_000;

export class ReopeningPause {
  #nextMs = 0;
  #openedMs = 0;
  #wantedMs = 0;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  opened(): void {
    this.#openedMs = this.#nowMs();
    this.#nextMs = Math.min(this.#nextMs, longestOnceOpenMs);
  }

  /** The server wants to be asked again after so long, once it has ended its stream (the `retry` of server-sent events). */
  wanted(retryMs: number): void {
    this.#wantedMs = Math.min(retryMs, longestMs);
  }

  /** `isClean`: by the server, which is there to be asked. True for a stream that lasted. */
  ended(isClean: boolean): boolean {
    const hasLasted = this.#nowMs() - this.#openedMs >= lastingMs;
    if (hasLasted) this.#nextMs = 0;
    if (isClean) this.#nextMs = Math.max(this.#nextMs, this.#wantedMs);
    return hasLasted;
  }

  async wait(): Promise<void> {
    const forMs = this.#nextMs;
    this.#nextMs = Math.min(Math.max(forMs * 2, firstMs), longestMs);
    if (forMs === 0) return;
    await new Promise((resolve) => setTimeout(resolve, forMs * (0.8 + Math.random() * 0.4)).unref());
  }
}
