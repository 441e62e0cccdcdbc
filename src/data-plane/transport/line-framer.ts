// Cuts a stream of bytes into lines, one JSON-RPC message each (transports, "stdio"). A line beyond the limit is read through without being kept.
import { type Envelope, EnvelopeScanner, type Scanned, scanEnvelope } from "../../protocol/index.ts";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export interface LineEvents {
  message(text: Buffer, scanned: Extract<Scanned, { shape: "single" | "batch" }>): void;
  /** A message beyond the limit: what its envelope says. */
  tooLarge(envelope: Envelope): void;
  /** A line that is no message; its beginning. */
  noise(head: string): void;
}

const noiseBytes = 200;

export class LineFramer {
  readonly #events: LineEvents;
  readonly #mostBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Reads on where nothing is kept any more. */
  #scanner: EnvelopeScanner | undefined;

  constructor(mostBytes: number, events: LineEvents) {
    this.#mostBytes = mostBytes;
    this.#events = events;
  }

  push(chunk: Buffer): void {
    let at = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, at)) {
      this.#add(chunk.subarray(at, end));
      at = end + 1;
      this.#end();
    }
    if (at < chunk.length) this.#add(chunk.subarray(at));
  }

  /** The stream is over: a last line without its end counts. */
  end(): void {
    if (this.#bytes > 0) this.#end();
  }

  #add(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes <= this.#mostBytes) {
      this.#parts.push(part);
      return;
    }
    if (this.#scanner === undefined) {
      this.#scanner = new EnvelopeScanner();
      for (const kept of this.#parts.splice(0)) this.#scanner.push(kept);
    }
    this.#scanner.push(part);
  }

  #end(): void {
    const { length } = this.#parts;
    const line = length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    const scanner = this.#scanner;
    this.#parts = [];
    this.#bytes = 0;
    this.#scanner = undefined;
    if (scanner !== undefined) return this.#overlong(scanner);
    const text = line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
    if (text.length === 0) return;
    const scanned = scanEnvelope(text);
    if (scanned.shape === "single" || scanned.shape === "batch") this.#events.message(text, scanned);
    else this.#events.noise(text.toString("utf8", 0, noiseBytes));
  }

  #overlong(scanner: EnvelopeScanner): void {
    const scanned = scanner.end();
    if (scanned.shape === "single") this.#events.tooLarge(scanned.envelope);
    else this.#events.noise("(a line beyond the limit)");
  }
}
