// Watches a text/event-stream as its bytes pass and tells of each event; encodes events of our own. Never changes or holds back a byte of what it watches.
import { EnvelopeScanner, scanEnvelope } from "./json-envelope.ts";
import type { Scanned } from "./message.ts";

const keptTextBytes = 64 * 1024;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const newline = Buffer.from("\n");
const byteOrderMark = "\xef\xbb\xbf";

export interface SseEvent {
  /** This event's own `id` field; not the last one seen. */
  readonly id: string | undefined;
  readonly type: string;
  readonly retryMs: number | undefined;
  /** Whether a `data` field was there, if only an empty one as in a priming event. */
  readonly hasData: boolean;
  /** What the data is as JSON-RPC; undefined if there is none or it is empty. */
  readonly scanned: Scanned | undefined;
  /** Bytes of the stream before the first line with a field; comments in front of it belong to no event. */
  readonly startOffset: number;
  /** Bytes of the stream up to and with the blank line: here it can be cut without splitting an event. */
  readonly endOffset: number;
  /** Where the `id` lines are, and a byte order mark: offsets of begin and end, in pairs. Undefined where there are none. */
  readonly idSpans: readonly number[] | undefined;
  /** The data, unless there is none or it is longer than the observer keeps. */
  text(): string | undefined;
  /** As `text`, in the bytes as they came. */
  bytes(): Buffer | undefined;
}

const dataName = Buffer.from("data:");
const letterD = 0x64;

function isDataName(chunk: Uint8Array, at: number): boolean {
  for (let index = 1; index < dataName.length; index++) if (chunk[at + index] !== dataName[index]) return false;
  return true;
}

type Field = "data" | "id" | "event" | "retry";
const fields: ReadonlyMap<string, Field> = new Map(
  (["data", "id", "event", "retry"] as const).map((name) => [name, name]),
);
const longestName = 5;

/**
 * The event stream rules of https://html.spec.whatwg.org/multipage/server-sent-events.html, with one difference: every block with a known
 * field is told, also one that a browser would not dispatch because its data is empty or absent.
 */
export class SseObserver {
  /** Bytes of the stream up to the last place between two events (a comment ends at its line): here it can be cut. */
  boundary = 0;
  readonly #onEvent: (event: SseEvent) => void;
  readonly #keptDataBytes: number;
  /** Made for the first data that comes in pieces: most is there at once, and thousands of streams may stay silent. */
  #scanner: EnvelopeScanner | undefined;
  #isScanning = false;
  /** The only piece of data so far, which came with this chunk. */
  #unscanned: Uint8Array | undefined;
  /** Bytes in earlier chunks; the next line ends in this one. */
  #offset = 0;
  #nextLf = -1;
  #nextCr = -1;
  /** The current line: its name until the colon, then the field it is. */
  #name = "";
  #field: Field | "skipped" | undefined;
  #isValueStart = false;
  #value: Uint8Array[] = [];
  #valueBytes = 0;
  /** How the line before ended. A CR at the end of what came so far may be half of a CRLF. */
  #lastBreak: "lf" | "crlf" | "cr" = "lf";
  #isAfterCr = false;
  #isBlankPending = false;
  /** The current event. */
  #hasField = false;
  #hasData = false;
  #data: Uint8Array[] = [];
  #dataBytes = 0;
  #id: string | undefined;
  #type = "";
  #retryMs: number | undefined;
  #startOffset = 0;
  #idSpans: number[] | undefined;
  #lineStart = 0;
  /** Begin of an `id` line whose end may be half of a CRLF. */
  #idLineStart: number | undefined;

  /** `keptDataBytes`: the longest data of one event that is kept to be handed out. */
  constructor(onEvent: (event: SseEvent) => void, keptDataBytes = keptTextBytes) {
    this.#onEvent = onEvent;
    this.#keptDataBytes = keptDataBytes;
  }

  /** Up to here an unfinished event can be passed on already: it ends in no `id` line, and `idSpans` will not reach below it. */
  get safeOffset(): number {
    if (this.#idLineStart !== undefined) return this.#idLineStart;
    return this.#field === undefined || this.#field === "id" ? this.#lineStart : this.#offset;
  }

  /** A line with a field has begun an event that is not over. */
  get inEvent(): boolean {
    return this.#hasField;
  }

  /** The `id` lines of the unfinished event so far. */
  get idSpans(): readonly number[] | undefined {
    return this.#idSpans;
  }

  /** The chunk must not be written to afterwards: short data is kept as references into it. */
  push(chunk: Uint8Array): void {
    this.#nextLf = this.#nextCr = -1;
    let at = 0;
    while (at < chunk.length) {
      if (this.#isAfterCr) at = this.#settleCr(chunk, at);
      else if (this.#field === undefined) at = this.#readName(chunk, at);
      else at = this.#readValue(chunk, at);
    }
    if (this.#unscanned !== undefined) this.#scan();
    this.#offset += chunk.length;
  }

  /** The stream ended: tells of an event whose blank line was a CR that could have become a CRLF. An event without its blank line is none. */
  end(): void {
    if (this.#isBlankPending) this.#dispatch(this.#offset);
  }

  #readName(chunk: Uint8Array, at: number): number {
    const byte = chunk[at]!;
    if (byte === letterD && this.#name === "" && isDataName(chunk, at)) {
      this.#name = "data";
      this.#beginField();
      return at + dataName.length;
    }
    if (byte === lineFeed || byte === carriageReturn) {
      const isBlank = this.#name === "";
      if (!isBlank) this.#beginField();
      return this.#endLine(chunk, at, isBlank);
    }
    if (byte === 0x3a) {
      this.#beginField();
      return at + 1;
    }
    this.#name += String.fromCharCode(byte);
    if (this.#name === byteOrderMark && this.#offset + at === byteOrderMark.length - 1) {
      this.#name = "";
      this.#idSpans = [0, byteOrderMark.length];
    }
    if (this.#name.length > longestName) this.#field = "skipped";
    return at + 1;
  }

  #beginField(): void {
    this.#field = fields.get(this.#name) ?? "skipped";
    this.#isValueStart = true;
    if (this.#field === "skipped") return;
    if (!this.#hasField) this.#startOffset = this.#lineStart;
    this.#hasField = true;
    if (this.#field !== "data") return;
    if (this.#hasData) this.#addData(newline);
    this.#hasData = true;
  }

  #readValue(chunk: Uint8Array, from: number): number {
    let at = from;
    if (this.#isValueStart) {
      this.#isValueStart = false;
      if (chunk[at] === 0x20) at++;
    }
    const end = this.#lineEnd(chunk, at);
    if (end > at && this.#field === "data") this.#addData(chunk.subarray(at, end));
    else if (end > at && this.#field !== "skipped") this.#addValue(chunk.subarray(at, end));
    return end < chunk.length ? this.#endLine(chunk, end, false) : end;
  }

  /** Both searches are remembered, so that a stream without CR pays for looking for one only once per chunk. */
  #lineEnd(chunk: Uint8Array, at: number): number {
    if (this.#nextLf < at) this.#nextLf = indexOrEnd(chunk, lineFeed, at);
    if (this.#nextCr < at) this.#nextCr = indexOrEnd(chunk, carriageReturn, at);
    return Math.min(this.#nextLf, this.#nextCr);
  }

  #addData(part: Uint8Array): void {
    if (this.#dataBytes === 0) this.#unscanned = part;
    else this.#scan().push(part);
    this.#dataBytes += part.length;
    if (this.#dataBytes <= this.#keptDataBytes) this.#data.push(part);
    else if (this.#data.length > 0) this.#data = [];
  }

  /** From here on the data is scanned piece by piece. */
  #scan(): EnvelopeScanner {
    this.#scanner ??= new EnvelopeScanner();
    if (this.#unscanned !== undefined) this.#scanner.push(this.#unscanned);
    this.#unscanned = undefined;
    this.#isScanning = true;
    return this.#scanner;
  }

  #scanned(): Scanned | undefined {
    if (this.#unscanned !== undefined) return scanEnvelope(this.#unscanned);
    return this.#isScanning ? this.#scanner?.end() : undefined;
  }

  #addValue(part: Uint8Array): void {
    this.#valueBytes += part.length;
    if (this.#valueBytes <= keptTextBytes) this.#value.push(part);
    else {
      this.#value = [];
      this.#field = "skipped";
    }
  }

  #endLine(chunk: Uint8Array, at: number, isBlank: boolean): number {
    const isId = this.#field === "id";
    if (this.#field === "id" || this.#field === "event" || this.#field === "retry") this.#setField(this.#field);
    this.#name = "";
    this.#field = undefined;
    this.#isValueStart = false;
    if (this.#valueBytes > 0) {
      this.#value = [];
      this.#valueBytes = 0;
    }
    const next = this.#offset + at + 1;
    if (chunk[at] === lineFeed) {
      if (isId) (this.#idSpans ??= []).push(this.#lineStart, next);
      this.#lineStart = next;
      this.#lastBreak = "lf";
      if (!this.#hasField) this.boundary = next;
      if (isBlank) this.#dispatch(next);
      return at + 1;
    }
    if (isId) this.#idLineStart = this.#lineStart;
    this.#lineStart = next;
    this.#isAfterCr = true;
    // After a line that ended in a lone CR the blank line is one too, and its event need not wait for the next byte.
    if (isBlank && this.#lastBreak === "cr") this.#dispatch(next);
    else this.#isBlankPending = isBlank;
    return at + 1;
  }

  #settleCr(chunk: Uint8Array, at: number): number {
    this.#isAfterCr = false;
    const isCrLf = chunk[at] === lineFeed;
    this.#lastBreak = isCrLf ? "crlf" : "cr";
    const next = isCrLf ? at + 1 : at;
    this.#lineStart = this.#offset + next;
    if (this.#idLineStart !== undefined) {
      (this.#idSpans ??= []).push(this.#idLineStart, this.#lineStart);
      this.#idLineStart = undefined;
    }
    if (this.#isBlankPending) this.#dispatch(this.#offset + next);
    return next;
  }

  #setField(field: "id" | "event" | "retry"): void {
    const text = textOf(this.#value);
    if (field === "event") this.#type = text;
    else if (field === "id" && !text.includes("\0")) this.#id = text;
    else if (field === "retry" && /^[0-9]+$/.test(text)) this.#retryMs = Number(text);
  }

  #dispatch(endOffset: number): void {
    this.#isBlankPending = false;
    this.boundary = endOffset;
    if (!this.#hasField) return;
    const hasData = this.#hasData;
    const parts = hasData && this.#dataBytes <= this.#keptDataBytes ? this.#data : undefined;
    const event: SseEvent = {
      id: this.#id,
      type: this.#type === "" ? "message" : this.#type,
      retryMs: this.#retryMs,
      hasData,
      scanned: this.#scanned(),
      startOffset: this.#startOffset,
      endOffset,
      idSpans: this.#idSpans,
      text: () => (parts === undefined ? undefined : textOf(parts)),
      bytes: () => (parts === undefined ? undefined : Buffer.concat(parts)),
    };
    if (this.#isScanning) this.#scanner?.reset();
    this.#isScanning = false;
    this.#unscanned = undefined;
    this.#hasField = this.#hasData = false;
    this.#data = [];
    this.#dataBytes = 0;
    this.#id = undefined;
    this.#type = "";
    this.#retryMs = undefined;
    this.#idSpans = undefined;
    this.#onEvent(event);
  }
}

export interface OutgoingSseEvent {
  readonly id?: string;
  readonly type?: string;
  readonly data: string | Uint8Array;
}

/** Data with line breaks becomes several `data` lines, which readers join again with "\n". */
export function encodeSseEvent({ id, type, data }: OutgoingSseEvent): Buffer {
  if (/[\r\n\0]/.test(`${id ?? ""}${type ?? ""}`))
    throw new RangeError("an SSE id or type cannot hold a line break or NUL");
  const head = `${type === undefined ? "" : `event: ${type}\n`}${id === undefined ? "" : `id: ${id}\n`}data: `;
  const body = typeof data === "string" ? Buffer.from(data) : data;
  const isOneLine =
    indexOrEnd(body, lineFeed, 0) === body.length && indexOrEnd(body, carriageReturn, 0) === body.length;
  // Latin-1 keeps each byte, whatever it is, while the breaks are replaced.
  const lines = isOneLine ? body : Buffer.from(prefixLines(Buffer.from(body).toString("latin1"), "data: "), "latin1");
  return Buffer.concat([Buffer.from(head), lines, Buffer.from("\n\n")]);
}

/** A comment and a blank line: what readers drop, so that it keeps a quiet connection open. Only between events, which it would end. */
export function sseComment(text: string): Buffer {
  return Buffer.from(`: ${prefixLines(text, ": ")}\n\n`);
}

function prefixLines(text: string, prefix: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, `\n${prefix}`);
}

function indexOrEnd(chunk: Uint8Array, byte: number, from: number): number {
  const found = Buffer.prototype.indexOf.call(chunk, byte, from);
  return found < 0 ? chunk.length : found;
}

function textOf(parts: readonly Uint8Array[]): string {
  const [first] = parts;
  const bytes = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
  return Buffer.prototype.toString.call(bytes, "utf8");
}
