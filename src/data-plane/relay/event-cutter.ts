// Cuts a server's event stream into whole events as its bytes pass, and leaves its event ids out. Changes nothing else, and copies nothing.
import { type SseEvent, SseObserver } from "../../protocol/index.ts";

/** An unfinished event is held back up to this size, so that a cut leaves the client no half event; larger ones flow. */
const eventHoldBytes = 64 * 1024;
const mostPieces = 256;
/** Of an event that has begun to flow, so much goes on at a time: small pieces cost more than they weigh. */
const partBytes = 16 * 1024;

/** Pieces are bytes as the server wrote them, without its `id` lines. */
export interface EventSink {
  event(event: SseEvent, pieces: readonly Buffer[]): void;
  /** Comments, and whatever else stands between two events. */
  between(bytes: Buffer): void;
  /** More of an event that is too large to be held back. */
  part(pieces: readonly Buffer[]): void;
  /** The rest of that event. */
  lastPart(event: SseEvent, pieces: readonly Buffer[]): void;
}

export class EventCutter {
  readonly #sink: EventSink;
  readonly #observer: SseObserver;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Stream offset of the first pending byte. */
  #offset = 0;
  #inPart = false;

  constructor(sink: EventSink) {
    this.#sink = sink;
    this.#observer = new SseObserver((event) => this.#event(event));
  }

  /** An event has begun to flow and is not over. */
  get inPart(): boolean {
    return this.#inPart;
  }

  push(chunk: Buffer): void {
    // A server that sends its bytes one by one must not make a list of them.
    if (this.#pending.length >= mostPieces) this.#pending = [Buffer.concat(this.#pending)];
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    this.#observer.push(chunk);
    if (!this.#inPart && this.#observer.boundary > this.#offset) this.#between(this.#observer.boundary);
    if (this.#pendingBytes <= (this.#inPart ? partBytes : eventHoldBytes)) return;
    const until = this.#observer.safeOffset;
    if (until <= this.#offset) return;
    if (!this.#observer.inEvent) return this.#between(until);
    this.#inPart = true;
    this.#sink.part(this.#take(until, this.#observer.idSpans));
  }

  /** The stream ended; an event without its blank line is none. */
  end(): void {
    this.#observer.end();
    if (!this.#inPart && this.#observer.boundary > this.#offset) this.#between(this.#observer.boundary);
  }

  #event(event: SseEvent): void {
    if (this.#inPart) {
      this.#inPart = false;
      this.#sink.lastPart(event, this.#take(event.endOffset, event.idSpans));
      return;
    }
    if (event.startOffset > this.#offset) this.#between(event.startOffset);
    this.#sink.event(event, this.#take(event.endOffset, event.idSpans));
  }

  #between(until: number): void {
    for (const bytes of this.#take(until, undefined)) this.#sink.between(bytes);
  }

  /** The pending bytes up to this offset, without the spans. */
  #take(until: number, spans: readonly number[] | undefined): readonly Buffer[] {
    const pieces: Buffer[] = [];
    if (spans !== undefined) this.#leaveOut(spans, until, pieces);
    this.#shift(until, pieces);
    return pieces;
  }

  #leaveOut(spans: readonly number[], until: number, pieces: Buffer[]): void {
    for (let index = 0; index < spans.length; index += 2) {
      const [begin, end] = [spans[index] as number, spans[index + 1] as number];
      // A part of the event, with this line, has been taken before.
      if (end <= this.#offset || begin >= until) continue;
      this.#shift(begin, pieces);
      this.#shift(end, undefined);
    }
  }

  #shift(until: number, into: Buffer[] | undefined): void {
    let length = until - this.#offset;
    while (length > 0) {
      const chunk = this.#pending[0] as Buffer;
      const whole = chunk.length <= length;
      const part = whole ? chunk : chunk.subarray(0, length);
      if (whole) this.#pending.shift();
      else this.#pending[0] = chunk.subarray(length);
      length -= part.length;
      this.#pendingBytes -= part.length;
      this.#offset += part.length;
      into?.push(part);
    }
  }
}
