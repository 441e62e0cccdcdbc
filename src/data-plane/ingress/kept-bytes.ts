// Bounds what all exchanges together keep of their requests for a replay. Counts; holds no body and decides nothing about one.

/** Bodies up to this size are kept without being counted: that is nearly every request, and the number of connections bounds them. */
const countedFromBytes = 16 * 1024;

export class KeptBytes {
  readonly #totalBytes: number;
  #bytes = 0;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  /** Whether a body that is counted with `counted` bytes may be kept at this size. What is counted of it from now on, or undefined if it does not fit. */
  grow(counted: number, size: number): number | undefined {
    if (size <= countedFromBytes) return 0;
    if (this.#bytes - counted + size > this.#totalBytes) return undefined;
    this.#bytes += size - counted;
    return size;
  }

  release(counted: number): void {
    this.#bytes -= counted;
  }
}
