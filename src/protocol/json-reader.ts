// Reads JSON byte by byte and says whether it is valid, as JSON.parse would of the decoded text. Tells a watcher of the outermost keys and values; builds no value and knows nothing of JSON-RPC.
import { beforeNumber, canEndAfter, numberEnds, numberFails, placeAfter } from "./json-number.ts";

/** Learns of keys and values that lie at most `depth` containers deep. Token bytes are valid only during the call. */
export interface JsonWatcher {
  readonly depth: number;
  key(bytes: Uint8Array, from: number, to: number): void;
  /** A value begins with this byte. Returns how many bytes of its text `end` must see; 0 for none, and for containers always. */
  begin(first: number, depth: number): number;
  /** The value ended; its text, if it was asked for, is `from` to `to`, and longer than asked for if it was cut. */
  end(depth: number, bytes: Uint8Array, from: number, to: number): void;
}

/** Every byte of the first MiB of a body is looked at, and the first 64 KiB of every string. Past both, raw control characters and wrong escapes may go unnoticed. */
const exactBodyBytes = 1024 * 1024;
const exactStringBytes = 64 * 1024;
/** A native search costs as much as this many bytes read one by one. */
const shortLeapBytes = 64;
const denseBytes = 4096;
const shortStringBytes = 256;
const keptKeyBytes = 64;

const quote = 0x22;
const backslash = 0x5c;

/** What may come next between tokens; 0 is nothing but white space. */
const wantsValue = 1;
const wantsKey = 2;
const wantsColon = 4;
const wantsComma = 8;
const wantsClose = 16;

const noToken = 0;
const inString = 1;
const inEscape = 2;
const inHex = 3;
const inNumber = 4;
const inLiteral = 5;

const trueText = Buffer.from("true");
const falseText = Buffer.from("false");
const nullText = Buffer.from("null");
const noBytes = new Uint8Array();

function literalOf(first: number): Uint8Array | undefined {
  if (first === 0x74) return trueText;
  if (first === 0x66) return falseText;
  return first === 0x6e ? nullText : undefined;
}

/** 1 for bytes that mean nothing inside a string: all but the quote, the backslash and control characters. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== quote && byte !== backslash ? 1 : 0,
);
const isEscapeLetter = Uint8Array.from({ length: 256 }, (_, byte) =>
  '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? 1 : 0,
);
const isHexDigit = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9a-fA-F]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

export class JsonReader {
  readonly #watcher: JsonWatcher;
  #failure: string | undefined;
  #offset = 0;
  #wants = wantsValue;
  #token = noToken;
  #depth = 0;
  #inObject = false;
  /** One bit per open container, set for an object: a million brackets cost 125 KB and no stack. */
  #nesting = new Uint32Array(8);
  #isKey = false;
  #exactUntil = 0;
  #hexLeft = 0;
  #number = beforeNumber;
  #literal: Uint8Array = nullText;
  #literalAt = 0;
  /** The token being kept: how much of it, where it began in this chunk, what earlier chunks held of it. */
  #keep = 0;
  #tokenAt = 0;
  #carry = new Uint8Array(keptKeyBytes);
  #carryLength = 0;

  constructor(watcher: JsonWatcher) {
    this.#watcher = watcher;
  }

  reset(): void {
    this.#failure = undefined;
    this.#offset = 0;
    this.#wants = wantsValue;
    this.#token = noToken;
    this.#depth = 0;
    this.#inObject = false;
    if (this.#nesting.length > 8) this.#nesting = new Uint32Array(8);
    if (this.#carry.length > keptKeyBytes) this.#carry = new Uint8Array(keptKeyBytes);
    this.#keep = 0;
    this.#carryLength = 0;
  }

  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return;
    let at = 0;
    if (this.#token !== noToken) at = this.#readToken(chunk, 0);
    if (this.#token === noToken && this.#failure === undefined) this.#readStructure(chunk, at);
    if (this.#keep > 0) this.#carryOver(chunk, chunk.length);
    this.#offset += chunk.length;
  }

  /** Why the bytes so far cannot begin any JSON value. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Why the bytes so far are not one JSON value, or undefined if they are. */
  end(): string | undefined {
    if (this.#token === inNumber && canEndAfter(this.#number) && this.#depth === 0) this.#endValue(noBytes, 0);
    if (this.#failure !== undefined) return this.#failure;
    if (this.#token === noToken && this.#wants === 0) return undefined;
    return this.#offset === 0 ? "the body is empty" : `the JSON text ends early, after ${this.#offset} bytes`;
  }

  #readStructure(chunk: Uint8Array, from: number): void {
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at]!;
      if (byte === quote) at = this.#beginString(chunk, at);
      else if (byte === 0x3a && this.#wants === wantsColon) {
        this.#wants = wantsValue;
        at++;
      } else if (byte === 0x2c && (this.#wants & wantsComma) !== 0) {
        this.#wants = this.#inObject ? wantsKey : wantsValue;
        at++;
      } else if ((byte === 0x7d || byte === 0x5d) && (this.#wants & wantsClose) !== 0) at = this.#close(chunk, at);
      else if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) at++;
      else if ((this.#wants & wantsValue) !== 0) at = this.#beginValue(chunk, at);
      else at = this.#fail(chunk, at);
    }
  }

  #beginString(chunk: Uint8Array, at: number): number {
    if ((this.#wants & (wantsKey | wantsValue)) === 0) return this.#fail(chunk, at);
    this.#isKey = (this.#wants & wantsKey) !== 0;
    if (this.#depth <= this.#watcher.depth) {
      this.#keep = this.#isKey ? keptKeyBytes : this.#watcher.begin(quote, this.#depth);
      this.#tokenAt = at;
    }
    // Most strings are short and whole: those never become a state.
    const nearEnd = Math.min(chunk.length, at + shortStringBytes);
    let end = at + 1;
    while (end < nearEnd && isPlain[chunk[end]!] === 1) end++;
    if (end < nearEnd && chunk[end] === quote) return this.#endString(chunk, end + 1);
    this.#token = inString;
    this.#exactUntil = Math.max(exactBodyBytes, this.#offset + at + exactStringBytes);
    return this.#readString(chunk, end);
  }

  #beginValue(chunk: Uint8Array, at: number): number {
    const first = chunk[at]!;
    if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
      this.#token = inNumber;
      this.#number = placeAfter(beforeNumber, first);
    } else if (first !== 0x7b && first !== 0x5b) {
      const literal = literalOf(first);
      if (literal === undefined) return this.#fail(chunk, at);
      this.#token = inLiteral;
      this.#literal = literal;
      this.#literalAt = 1;
    }
    if (this.#depth <= this.#watcher.depth) {
      this.#keep = this.#watcher.begin(first, this.#depth);
      this.#tokenAt = at;
    }
    return this.#token === noToken ? this.#open(first === 0x7b, at) : this.#readToken(chunk, at + 1);
  }

  #open(isObject: boolean, at: number): number {
    const word = this.#depth >>> 5;
    if (word === this.#nesting.length) {
      const wider = new Uint32Array(word * 2);
      wider.set(this.#nesting);
      this.#nesting = wider;
    }
    const bit = 1 << (this.#depth & 31);
    const bits = this.#nesting[word]!;
    this.#nesting[word] = isObject ? bits | bit : bits & ~bit;
    this.#depth++;
    this.#inObject = isObject;
    this.#keep = 0;
    this.#wants = isObject ? wantsKey | wantsClose : wantsValue | wantsClose;
    return at + 1;
  }

  #close(chunk: Uint8Array, at: number): number {
    if ((chunk[at] === 0x7d) !== this.#inObject) return this.#fail(chunk, at);
    this.#depth--;
    const outer = this.#depth - 1;
    this.#inObject = outer >= 0 && ((this.#nesting[outer >>> 5]! >>> (outer & 31)) & 1) === 1;
    this.#endValue(chunk, at + 1);
    return at + 1;
  }

  #endString(chunk: Uint8Array, to: number): number {
    if (this.#isKey) this.#endKey(chunk, to);
    else this.#endValue(chunk, to);
    return to;
  }

  #endValue(chunk: Uint8Array, to: number): void {
    this.#token = noToken;
    this.#wants = this.#depth === 0 ? 0 : wantsComma | wantsClose;
    if (this.#depth > this.#watcher.depth) return;
    if (this.#keep === 0) this.#watcher.end(this.#depth, chunk, 0, 0);
    else if (this.#carryLength === 0) this.#watcher.end(this.#depth, chunk, this.#tokenAt, to);
    else {
      this.#carryOver(chunk, to);
      this.#watcher.end(this.#depth, this.#carry, 0, this.#carryLength);
    }
    this.#keep = 0;
    this.#carryLength = 0;
  }

  #endKey(chunk: Uint8Array, to: number): void {
    this.#token = noToken;
    this.#wants = wantsColon;
    if (this.#keep === 0) return;
    if (this.#carryLength === 0) this.#watcher.key(chunk, this.#tokenAt, to);
    else {
      this.#carryOver(chunk, to);
      this.#watcher.key(this.#carry, 0, this.#carryLength);
    }
    this.#keep = 0;
    this.#carryLength = 0;
  }

  #readToken(chunk: Uint8Array, at: number): number {
    if (this.#token === inNumber) return this.#readNumber(chunk, at);
    if (this.#token === inLiteral) return this.#readLiteral(chunk, at);
    return this.#readString(chunk, at);
  }

  #readString(chunk: Uint8Array, from: number): number {
    const length = chunk.length;
    let at = from;
    while (at < length) {
      if (this.#token !== inString) {
        at = this.#readEscape(chunk, at);
        continue;
      }
      const exactEnd = Math.min(this.#exactUntil - this.#offset, length);
      if (at < exactEnd) while (at < exactEnd && isPlain[chunk[at]!] === 1) at++;
      else at = this.#leap(chunk, at);
      if (at >= length) break;
      const byte = chunk[at]!;
      if (byte === quote) return this.#endString(chunk, at + 1);
      if (byte === backslash) {
        this.#token = inEscape;
        at++;
      } else if (byte < 0x20) return this.#fail(chunk, at);
    }
    return at;
  }

  #readEscape(chunk: Uint8Array, at: number): number {
    const byte = chunk[at]!;
    if (this.#token === inHex) {
      if (isHexDigit[byte] !== 1) return this.#fail(chunk, at);
      if (--this.#hexLeft === 0) this.#token = inString;
    } else if (byte === 0x75) {
      this.#token = inHex;
      this.#hexLeft = 4;
    } else if (isEscapeLetter[byte] === 1) this.#token = inString;
    else return this.#fail(chunk, at);
    return at + 1;
  }

  /** Goes to the quote that ends the string, or to the end of the chunk, by native search and the count of backslashes before each quote. */
  #leap(chunk: Uint8Array, from: number): number {
    let at = from;
    for (;;) {
      const found = Buffer.prototype.indexOf.call(chunk, quote, at);
      const stop = found < 0 ? chunk.length : found;
      let slashes = 0;
      while (stop - slashes > at && chunk[stop - slashes - 1] === backslash) slashes++;
      const isEscaped = slashes % 2 === 1;
      if (found < 0) {
        if (isEscaped) this.#token = inEscape;
        return stop;
      }
      if (!isEscaped) return stop;
      if (found - at < shortLeapBytes) {
        // JSON inside a JSON string: so many quotes that reading on byte by byte is quicker.
        this.#exactUntil = this.#offset + found + denseBytes;
        return found + 1;
      }
      at = found + 1;
    }
  }

  #readNumber(chunk: Uint8Array, from: number): number {
    let at = from;
    let place = this.#number;
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!;
      const next = placeAfter(place, byte);
      if (next === numberFails) return this.#fail(chunk, at);
      if (next === numberEnds) {
        this.#endValue(chunk, at);
        return at;
      }
      place = next;
    }
    this.#number = place;
    return at;
  }

  #readLiteral(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && this.#literalAt < this.#literal.length) {
      if (chunk[at] !== this.#literal[this.#literalAt]) return this.#fail(chunk, at);
      this.#literalAt++;
      at++;
    }
    if (this.#literalAt === this.#literal.length) this.#endValue(chunk, at);
    return at;
  }

  #carryOver(chunk: Uint8Array, to: number): void {
    const end = Math.min(to, this.#tokenAt + this.#keep + 1 - this.#carryLength);
    const length = this.#carryLength + end - this.#tokenAt;
    if (length > this.#carry.length) {
      const wider = new Uint8Array(length * 2);
      wider.set(this.#carry);
      this.#carry = wider;
    }
    this.#carry.set(chunk.subarray(this.#tokenAt, end), this.#carryLength);
    this.#carryLength = length;
    this.#tokenAt = 0;
  }

  /** Returns the chunk's end, so that every loop over it stops. */
  #fail(chunk: Uint8Array, at: number): number {
    const byte = chunk[at]!.toString(16).padStart(2, "0");
    this.#failure = `unexpected byte 0x${byte} at offset ${this.#offset + at}`;
    this.#keep = 0;
    return chunk.length;
  }
}
