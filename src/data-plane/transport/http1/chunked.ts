// A body in chunks (RFC 9112 section 7.1), as it comes. Extensions and trailers are bounded, checked and dropped. Pure.
import { Facts, malformed, readFields } from "./answer-head.ts";

/** Longest line of a chunk's size with its extensions, which nobody needs, in bytes. */
export const maxSizeLineBytes = 4 * 1024;
/** All trailers together, in bytes. */
export const maxTrailerBytes = 16 * 1024;
/** Twelve hexadecimal digits are a number that is still exact. */
const maxDigits = 12;

type At = "size" | "extension" | "size-lf" | "data" | "data-cr" | "data-lf" | "trailer" | "done";

export class ChunkedBody {
  #at: At = "size";
  #left = 0;
  #lineBytes = 0;
  #trailer = "";

  get isDone(): boolean {
    return this.#at === "done";
  }

  begin(): void {
    this.#at = "size";
    this.#left = 0;
    this.#lineBytes = 0;
    this.#trailer = "";
  }

  /**
   * Reads from `from` on and answers where it stopped: at the end of `bytes`, just after the body, or where `emit` answered false.
   * @throws AnswerFault
   */
  take(bytes: Buffer, from: number, emit: (data: Buffer) => boolean): number {
    let at = from;
    while (at < bytes.length && this.#at !== "done") {
      if (this.#at === "data") {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#at = "data-cr";
        const goesOn = emit(bytes.subarray(at, end));
        at = end;
        if (!goesOn) return at;
      } else this.#takeByte(bytes[at++] as number);
    }
    return at;
  }

  #takeByte(byte: number): void {
    switch (this.#at) {
      case "size":
        return this.#takeSize(byte);
      case "extension":
        if (byte === 0x0d) this.#at = "size-lf";
        else if (!isText(byte)) throw malformed("a chunk's extension has a control character");
        else if (++this.#lineBytes > maxSizeLineBytes) throw malformed("a chunk's extensions are too long");
        return;
      case "size-lf":
        if (byte !== 0x0a) throw malformed("the line of a chunk's size does not end with CR LF");
        this.#at = this.#left === 0 ? "trailer" : "data";
        this.#lineBytes = 0;
        return;
      case "data-cr":
        if (byte !== 0x0d) throw malformed("a chunk is longer than its size");
        this.#at = "data-lf";
        return;
      case "data-lf":
        if (byte !== 0x0a) throw malformed("a chunk is longer than its size");
        this.#at = "size";
        return;
      case "trailer":
        return this.#takeTrailer(byte);
      case "data":
      case "done":
        return;
    }
  }

  #takeSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#left = this.#left * 16 + digit;
      if (++this.#lineBytes > maxDigits) throw malformed("a chunk's size is too large");
      return;
    }
    if (this.#lineBytes === 0 || (byte !== 0x0d && byte !== 0x3b)) throw malformed("a chunk's size is no number");
    this.#at = byte === 0x0d ? "size-lf" : "extension";
    if (byte === 0x3b) this.#lineBytes += 1;
  }

  #takeTrailer(byte: number): void {
    this.#trailer += String.fromCharCode(byte);
    const text = this.#trailer;
    if (text.length > maxTrailerBytes) throw malformed("its trailers are too long");
    if (byte !== 0x0a) {
      if (byte !== 0x0d && !isText(byte)) throw malformed("a trailer has a control character");
      return;
    }
    if (text === "\r\n") this.#at = "done";
    else if (!text.endsWith("\r\n")) throw malformed("a trailer does not end with CR LF");
    else if (text.endsWith("\r\n\r\n")) {
      readFields(text.slice(0, -4), 0, new Facts());
      this.#at = "done";
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function isText(byte: number): boolean {
  return byte === 0x09 || (byte >= 0x20 && byte !== 0x7f);
}
