// The events of one stream that are kept, and how far its present connection has been given them. Writes to nobody.
import type { StoredEvent } from "../../store/index.ts";
import type { EventOwner, KeptEvent, KeptEvents } from "./kept-events.ts";

/** Smaller events become one piece of memory together with their id, so that they hold nothing of the server's chunk. */
const copiedBytes = 16 * 1024;
/** Places of events that went, before the rest is moved up. */
const mostGone = 512;

export class StreamEvents {
  /** Number of the newest event. */
  seq: number;
  /** Nothing up to this one is kept any more. */
  droppedSeq: number;
  /** Bytes that the present connection, or the next one, is still to be given. */
  unsentBytes = 0;
  readonly #owner: EventOwner;
  readonly #keptOfAll: KeptEvents;
  /** Oldest first, from `#head` on: an array that loses its first element each time would be moved each time. */
  #events: (KeptEvent | undefined)[] = [];
  #head = 0;
  /** The first event that the present connection was not given whole. */
  #cursor = 0;
  #bytes = 0;

  constructor(owner: EventOwner, keptOfAll: KeptEvents, seq: number) {
    this.#owner = owner;
    this.#keptOfAll = keptOfAll;
    this.seq = this.droppedSeq = seq;
  }

  /** Events that wait to be given out. */
  get waiting(): number {
    return this.#events.length - this.#cursor;
  }

  /** The next event to be given out. */
  get next(): KeptEvent | undefined {
    return this.#events[this.#cursor];
  }

  get newest(): KeptEvent | undefined {
    return this.#events.at(-1);
  }

  /** The next part of `next`, which counts as given from here on. */
  nextPart(event: KeptEvent): Buffer | undefined {
    const part = event.parts[event.written];
    if (part === undefined) return undefined;
    event.written += 1;
    this.unsentBytes -= part.length;
    return part;
  }

  /** `next` was given whole. */
  advance(): void {
    this.#cursor += 1;
  }

  /** Makes an event of our `id` line and the pieces. */
  append(idLine: string, pieces: readonly Uint8Array[], atMs: number, stored: boolean): KeptEvent {
    const size = sizeOf(pieces);
    const isCopied = size <= copiedBytes;
    const first = Buffer.allocUnsafe(isCopied ? idLine.length + size : idLine.length);
    const parts: Buffer[] = [first];
    let at = first.write(idLine, "latin1");
    for (const piece of pieces) {
      if (isCopied) {
        first.set(piece, at);
        at += piece.length;
      } else parts.push(piece as Buffer);
    }
    const bytes = idLine.length + size;
    const event = this.#newEvent(parts, bytes, idLine.length, atMs, stored);
    this.#events.push(event);
    this.#keptOfAll.add(event);
    this.unsentBytes += bytes;
    this.#bytes += bytes;
    return event;
  }

  /** Events of before a restart: somebody may have been given them. */
  adopt(stored: readonly StoredEvent[], atMs: number): void {
    for (const { seq, bytes, idBytes } of stored) {
      this.seq = seq;
      const parts = [Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)];
      const event = this.#newEvent(parts, bytes.length, idBytes, atMs, true);
      event.written = 1;
      event.complete = true;
      this.#events.push(event);
      this.#bytes += event.bytes;
      this.#cursor += 1;
      this.#keptOfAll.add(event);
    }
  }

  /** Adds to an event. False if it is not wanted: a connection that joined in the middle of it waits for its end. */
  grow(event: KeptEvent, pieces: readonly Uint8Array[]): boolean {
    const before = this.#cursor > this.#head ? this.#events[this.#cursor - 1] : undefined;
    if (before !== undefined && event.seq <= before.seq) return false;
    const size = sizeOf(pieces);
    event.parts.push(...(pieces as readonly Buffer[]));
    event.bytes += size;
    this.#bytes += size;
    this.unsentBytes += size;
    this.#keptOfAll.grow(size);
    return true;
  }

  /** Another connection begins behind this event. */
  rewind(seq: number): void {
    const from = Math.max(seq, this.droppedSeq);
    this.unsentBytes = 0;
    for (this.#cursor = this.#events.length; this.#cursor > this.#head; this.#cursor -= 1) {
      const event = this.#events[this.#cursor - 1] as KeptEvent;
      if (event.seq <= from) break;
      event.written = 0;
      this.unsentBytes += event.bytes;
    }
  }

  /** Keeps to the limits by what was given out already: the rest waits for the client, and the server for both. True if anything of it went. */
  trim(keepEvents: number, keepBytes: number): boolean {
    const before = this.droppedSeq;
    const tooMany = (): boolean => this.#events.length - this.#head > keepEvents || this.#bytes > keepBytes;
    while (this.#cursor > this.#head && tooMany()) this.dropOldest();
    const first = this.#events[this.#head];
    if (first !== undefined && this.#cursor === this.#head && first.bytes > keepBytes) this.#freeWritten(first);
    return this.droppedSeq > before;
  }

  /** "unsent": the present connection was not given it whole. */
  dropOldest(): "unsent" | "sent" | "none" {
    const unsent = this.#cursor === this.#head;
    const event = this.#take(this.#head);
    if (event === undefined) return "none";
    this.droppedSeq = event.seq;
    return unsent ? "unsent" : "sent";
  }

  /** Takes an event out that will not be repeated. False if a part of it was given out and the rest was not. */
  remove(event: KeptEvent): boolean {
    const at = this.#events.indexOf(event);
    if (at < 0) return true;
    const isHalf = at >= this.#cursor && event.written > 0 && event.written < event.parts.length;
    this.#take(at);
    return !isHalf;
  }

  /** Takes out what no connection was ever given: bytes without our ids. */
  takeUnsent(): readonly Buffer[][] {
    const unsent: KeptEvent[] = [];
    while (this.#cursor < this.#events.length) unsent.push(this.#take(this.#events.length - 1) as KeptEvent);
    return unsent
      .toReversed()
      .filter(({ seq, written }) => written === 0 && seq > this.droppedSeq)
      .map((event) => {
        const [first, ...rest] = event.parts;
        return first === undefined ? [] : [first.subarray(event.idBytes), ...rest];
      });
  }

  clear(): void {
    while (this.#events.length > this.#head) this.#take(this.#events.length - 1);
  }

  #compact(): void {
    if (this.#head < this.#events.length && this.#head < mostGone) return;
    this.#events.splice(0, this.#head);
    this.#cursor -= this.#head;
    this.#head = 0;
  }

  #newEvent(parts: Buffer[], bytes: number, idBytes: number, atMs: number, stored: boolean): KeptEvent {
    return {
      seq: this.seq,
      owner: this.#owner,
      atMs,
      idBytes,
      written: 0,
      parts,
      bytes,
      complete: false,
      stored,
      older: undefined,
      newer: undefined,
    };
  }

  /** One event that is larger than what is kept: the parts that are out need not stay. */
  #freeWritten(event: KeptEvent): void {
    const freed = sizeOf(event.parts.splice(0, event.written));
    if (freed === 0) return;
    event.written = 0;
    event.bytes -= freed;
    this.#bytes -= freed;
    this.droppedSeq = event.seq;
    this.#keptOfAll.grow(-freed);
  }

  #take(at: number): KeptEvent | undefined {
    const event = this.#events[at];
    if (event === undefined) return undefined;
    const wasGiven = at < this.#cursor;
    if (at === this.#head) {
      this.#events[at] = undefined;
      this.#head += 1;
      if (!wasGiven) this.#cursor = this.#head;
      this.#compact();
    } else {
      if (at === this.#events.length - 1) this.#events.pop();
      else this.#events.splice(at, 1);
      if (wasGiven) this.#cursor -= 1;
    }
    if (!wasGiven) this.unsentBytes -= sizeOf(event.parts.slice(event.written));
    this.#bytes -= event.bytes;
    this.#keptOfAll.remove(event);
    return event;
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  return size;
}
