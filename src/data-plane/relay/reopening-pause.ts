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
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  opened(): void {
    this.#openedMs = this.#nowMs();
    this.#nextMs = Math.min(this.#nextMs, longestOnceOpenMs);
  }

  ended(): void {
    if (this.#nowMs() - this.#openedMs >= lastingMs) this.#nextMs = 0;
  }

  async wait(): Promise<void> {
    const forMs = this.#nextMs;
    this.#nextMs = Math.min(Math.max(forMs * 2, firstMs), longestMs);
    if (forMs === 0) return;
    await new Promise((resolve) => setTimeout(resolve, forMs * (0.8 + Math.random() * 0.4)).unref());
  }
}
