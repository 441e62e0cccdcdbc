// The head of a server's answer (RFC 9112 sections 4 and 5), read strictly: what could be read in two ways is refused, for two readers of one answer is how
// the next one is forged. Pure.

import { RepeatedHead } from "../../../protocol/index.ts";

export type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** How the body ends (RFC 9112 section 6.3): after so many bytes, with its last chunk, or with the connection. */
export type Framing = number | "chunked" | "close";

export interface AnswerHead {
  readonly status: number;
  /** Names in lower case; of a name that came more than once the value is a list. */
  readonly headers: ReplyHeaders;
  readonly framing: Framing;
  /** The connection may carry another exchange after this one. */
  readonly persistent: boolean;
  /** How long the server keeps the connection, where it says so. */
  readonly keepAliveMs: number | undefined;
}

/** `ANSWER_NOT_HTTP`: its first bytes are of another protocol. `ANSWER_MALFORMED`: HTTP/1.1 with a fault, or open to two readings. */
export type AnswerFaultCode = "ANSWER_NOT_HTTP" | "ANSWER_MALFORMED" | "ANSWER_HEAD_TOO_LARGE";

export class AnswerFault extends Error {
  override readonly name = "AnswerFault";
  readonly code: AnswerFaultCode;

  constructor(code: AnswerFaultCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

export function malformed(what: string): AnswerFault {
  return new AnswerFault("ANSWER_MALFORMED", `The server's answer is no valid HTTP/1.1: ${what}.`);
}

function notHttp(): AnswerFault {
  return new AnswerFault("ANSWER_NOT_HTTP", "The server's answer does not begin like one of HTTP/1.1.");
}

/** For the answers of one connection. */
export function newAnswerHead(): RepeatedHead<AnswerHead> {
  return new RepeatedHead(fixedNames, rereadHead);
}

/**
 * `end`: where in `bytes` the empty line begins that ends the head. `method`: of the request, for to HEAD no body comes. `repeated`: learns of answers to POST.
 * @throws AnswerFault
 */
export function readHead(bytes: Buffer, end: number, method: string, repeated: RepeatedHead<AnswerHead>): AnswerHead {
  const text = bytes.toString("latin1", 0, end + lineBreak.length);
  const firstEnd = text.indexOf(lineBreak);
  const status = readStatus(text.slice(0, firstEnd));
  const facts = new Facts();
  const headers = readFields(text, firstEnd + lineBreak.length, facts, bytes);
  const isOld = text.charCodeAt(7) === 0x30;
  const bodiless = method === "HEAD" || status < 200 || status === 204 || status === 304;
  const framing = bodiless ? 0 : (facts.framing() ?? "close");
  const staysOpen = isOld ? facts.keeps && !facts.chunked : true;
  // What announces a body although none may come, is followed by one too often.
  const isClear = !bodiless || (method !== "HEAD" && !facts.chunked && (facts.length ?? 0) === 0);
  const persistent = staysOpen && !facts.closes && isClear && framing !== "close";
  const read = { status, headers, framing, persistent, keepAliveMs: facts.keepAliveMs };
  if (method === "POST" && !bodiless && framing !== "close")
    repeated.remember(bytes.subarray(0, end + 2 * lineBreak.length), read);
  return read;
}

/** Headers that outlive their answer: as parts of the head's text they would keep all of it. */
const longLived: ReadonlySet<string> = new Set(["mcp-session-id", "set-cookie"]);
/** They decide how the body is read and what becomes of the connection, or are kept in another way. */
const fixedNames: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding", ...longLived]);

function rereadHead(read: AnswerHead, changes: readonly string[]): AnswerHead | undefined {
  const headers = Object.assign(noFields(), read.headers);
  for (let index = 0; index < changes.length; index += 2) headers[changes[index] as string] = changes[index + 1];
  if (read.framing === "chunked") return { ...read, headers };
  const length = String(headers["content-length"]);
  return plainLength.test(length) ? { ...read, headers, framing: Number(length) } : undefined;
}

/**
 * Of a head that is not complete: said as soon as it is known, for what does not speak HTTP may never send an empty line. `added`: what came last.
 * @throws AnswerFault
 */
export function checkBeginning(beginning: string, added: string): void {
  const version = "HTTP/1.";
  const from = beginning.slice(0, version.length);
  if (from !== version.slice(0, from.length)) throw notHttp();
  if (brokenLine.test(added)) throw malformed("its head has a control character or a line that ends without CR LF");
}

/**
 * The fields from `from` on. `bytes`: what `text` was read from.
 * @throws AnswerFault
 */
export function readFields(text: string, from: number, facts: Facts, bytes?: Buffer): ReplyHeaders {
  const headers = noFields();
  for (let at = from; at < text.length; ) {
    const found = text.indexOf("\r\n", at);
    const end = found < 0 ? text.length : found;
    const colon = text.indexOf(":", at);
    if (colon < 0 || colon > end) throw malformed("a line of its head has no colon");
    const name = lowerName(text.slice(at, colon));
    let first = colon + 1;
    while (first < end && isBlank(text.charCodeAt(first))) first += 1;
    let last = end;
    while (last > first && isBlank(text.charCodeAt(last - 1))) last -= 1;
    const isKept = bytes !== undefined && longLived.has(name);
    const value = isKept ? bytes.toString("latin1", first, last) : text.slice(first, last);
    if (forbidden.test(value)) throw malformed("a header has a control character");
    facts.note(name, value);
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === "string") headers[name] = [before, value];
    else before.push(value);
    at = end + 2;
  }
  return headers;
}

/** What the fields say of the body and of the connection. */
export class Facts {
  length: number | undefined;
  chunked = false;
  closes = false;
  keeps = false;
  keepAliveMs: number | undefined;

  note(name: string, value: string): void {
    switch (name) {
      case "content-length":
        return this.#noteLength(value);
      case "transfer-encoding":
        // No other coding was asked for, and what is coded twice is coded once more for whoever reads it otherwise.
        if (this.chunked || value.toLowerCase() !== "chunked")
          throw malformed("its transfer coding is not chunked alone");
        this.chunked = true;
        return;
      case "connection":
        for (const option of value.toLowerCase().split(",")) {
          if (option.trim() === "close") this.closes = true;
          else if (option.trim() === "keep-alive") this.keeps = true;
        }
        return;
      case "keep-alive": {
        const seconds = /\btimeout=(\d{1,6})\b/i.exec(value)?.[1];
        if (seconds !== undefined) this.keepAliveMs = Number(seconds) * 1_000;
      }
    }
  }

  framing(): Framing | undefined {
    if (this.chunked && this.length !== undefined) throw malformed("it has both a length and chunks");
    return this.chunked ? "chunked" : this.length;
  }

  #noteLength(value: string): void {
    if (this.length !== undefined) throw malformed("it has two lengths");
    if (!plainLength.test(value)) throw malformed("its length is no number");
    this.length = Number(value);
  }
}

/** RFC 9112 section 4. Some servers leave out the space before an empty reason. */
function readStatus(line: string): number {
  const found = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(line)?.[1];
  if (found === undefined) throw notHttp();
  return Number(found);
}

const lineBreak = "\r\n";
/** Fifteen digits are a number that is still exact. */
const plainLength = /^\d{1,15}$/;
const forbidden = /[^\t\x20-\x7e\x80-\xff]/;
const brokenLine = /[^\t\r\n\x20-\x7e\x80-\xff]|\r[^\n]|(?<!\r)\n/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const mostNames = 256;
/** Spellings that were seen, and what they are in lower case. */
const names = new Map<string, string>();

function lowerName(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (!token.test(name)) throw malformed("the name of a header is none");
  const lower = name.toLowerCase();
  if (names.size < mostNames && name.length <= 64) names.set(name, lower);
  return lower;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Without a prototype, so that a header may have any name; made by a constructor, for V8 is slow with what `Object.create(null)` makes. */
// oxlint-disable-next-line typescript/no-extraneous-class
class Fields {}
Reflect.deleteProperty(Fields.prototype, "constructor");
Object.setPrototypeOf(Fields.prototype, null);

function noFields(): Record<string, string | string[] | undefined> {
  return new Fields() as Record<string, string | string[] | undefined>;
}
