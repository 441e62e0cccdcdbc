// Lines that wait to be written, joined as bytes: text that waits would be moved by each collection of garbage meanwhile. Writes nothing itself.

const batchBytes = 64 * 1024;
/** The most that one UTF-16 unit of a line becomes in UTF-8. */
const bytesPerUnit = 3;

export class LineBatch {
  #bytes = Buffer.allocUnsafeSlow(batchBytes);
  #from = 0;
  #to = 0;

  /** False if the line does not fit: what waits must be taken first, then `renew` makes room. */
  add(line: string): boolean {
    if (this.#to + line.length * bytesPerUnit > this.#bytes.length) return false;
    this.#to += this.#bytes.write(line, this.#to);
    return true;
  }

  /** What waits, if anything. These bytes are never written to again, so they may be kept until they are on their way. */
  take(): Buffer | undefined {
    if (this.#to === this.#from) return undefined;
    const taken = this.#bytes.subarray(this.#from, this.#to);
    this.#from = this.#to;
    return taken;
  }

  renew(line: string): void {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(batchBytes, line.length * bytesPerUnit));
    this.#from = this.#to = 0;
  }
}
