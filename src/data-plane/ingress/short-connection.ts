// The client's end of an exchange that came the short way: writes the answer onto the connection in as few pieces as there can be.
import { httpStatusText, KnownLines } from "../../protocol/index.ts";
import type { ClientConnection } from "../relay/index.ts";
import type { ExchangeNotes } from "./request-record.ts";
import type { ShortRequest } from "./short-request.ts";
import type { ShortSocket } from "./short-socket.ts";

/** Larger pieces are not copied to go out together with what stands around them. */
const togetherBytes = 8 * 1024;
const lineBreak = "\r\n";
const lastChunk = "0\r\n\r\n";
const chunked = -1;

/** A field that could be read as two (RFC 9110 section 5.5), or as none. */
const badName = /[^\w!#$%&'*+\-.^`|~]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const badValue = /[^\t\x20-\x7e\x80-\xff]/;

const answerLines = new KnownLines((name, value) => {
  if (name === "" || badName.test(name) || badValue.test(value)) throw new Error("an answer's header is malformed");
  const lower = name.toLowerCase();
  return lower === "content-length" ? "length" : lower === "date" ? "date" : "plain";
});

export class ShortConnection implements ClientConnection {
  readonly request: ShortRequest;
  readonly notes: ExchangeNotes;
  readonly #owner: ShortSocket;
  statusCode = 0;
  headersSent = false;
  /** Everything has been written. */
  isEnded = false;
  /** Nothing more is called. */
  isOver = false;
  /** Bytes that the head has promised and that are still to come; `chunked` where it promised none. */
  #left = 0;
  /** A head that waits for the first piece of its body. */
  #head = "";
  #leaving: (() => void) | (() => void)[] | undefined;
  #draining: (() => void)[] | undefined;

  constructor(owner: ShortSocket, request: ShortRequest, notes: ExchangeNotes) {
    this.#owner = owner;
    this.request = request;
    this.notes = notes;
  }

  get gone(): boolean {
    return this.isOver || this.#owner.socket.destroyed;
  }

  onGone(listener: () => void): void {
    if (this.#leaving === undefined) this.#leaving = listener;
    else if (Array.isArray(this.#leaving)) this.#leaving.push(listener);
    else this.#leaving = [this.#leaving, listener];
  }

  answer(status: number, headers: readonly string[], body: Buffer): void {
    if (this.gone) return;
    this.#begin(status, headers, body.length);
    this.end(body);
  }

  head(status: number, headers: readonly string[]): void {
    if (this.gone) return;
    this.#begin(status, headers, undefined);
    // A stream's head must not wait for its first event; one that comes at once goes out together with it.
    queueMicrotask(() => {
      if (this.#head !== "" && !this.gone) this.#send(this.#takeHead());
    });
  }

  write(chunk: Uint8Array): boolean {
    // To a client that left, everything can be written at any speed.
    if (this.gone || this.isEnded || chunk.length === 0) return true;
    if (this.#left === chunked) return this.#piece(`${chunk.length.toString(16)}\r\n`, chunk, lineBreak);
    this.#left -= chunk.length;
    // More than was promised would be read as the next answer.
    if (this.#left >= 0) return this.#piece("", chunk, "");
    this.destroy();
    return true;
  }

  onDrain(listener: () => void): void {
    (this.#draining ??= []).push(listener);
  }

  end(chunk?: Uint8Array): void {
    if (this.gone || this.isEnded) return;
    if (chunk !== undefined && chunk.length > 0) {
      if (this.#left === chunked) this.#piece(`${chunk.length.toString(16)}\r\n`, chunk, lineBreak + lastChunk);
      else this.write(chunk);
    } else if (this.#left === chunked) this.#send(this.#takeHead() + lastChunk);
    if (this.#head !== "") this.#send(this.#takeHead());
    this.isEnded = true;
    // A client that is told of fewer bytes than were promised would wait for the rest of them, and take the next answer for it.
    if (this.#left > 0) this.destroy();
    else this.#owner.ended();
  }

  destroy(): void {
    this.#owner.socket.destroy();
  }

  /** The connection takes more, or is gone. */
  drained(): void {
    const waiting = this.#draining;
    this.#draining = undefined;
    for (const listener of waiting ?? []) listener();
  }

  /** Called once, by the socket: the answer has left, or the client has. */
  over(): void {
    this.isOver = true;
    const leaving = this.isEnded ? undefined : this.#leaving;
    this.#leaving = undefined;
    if (Array.isArray(leaving)) for (const listener of leaving) listener();
    else leaving?.();
    this.drained();
  }

  /** `length`: of a body that is known whole. */
  #begin(status: number, headers: readonly string[], length: number | undefined): void {
    if (this.headersSent) throw new Error("the head of this answer has been sent");
    let text = `HTTP/1.1 ${status} ${httpStatusText[status] ?? "Unknown"}\r\n`;
    let promised: number | undefined;
    let isDated = false;
    for (let index = 0; index < headers.length; index += 2) {
      const line = answerLines.at(index / 2, headers[index] as string, headers[index + 1] as string);
      if (line.meaning === "length") promised = readLength(line.value);
      else if (line.meaning === "date") isDated = true;
      text += line.text;
    }
    if (status === 204 || status === 304) promised ??= 0;
    else if (promised === undefined && length !== undefined) {
      promised = length;
      text += `content-length: ${length}\r\n`;
    } else if (promised === undefined) text += "transfer-encoding: chunked\r\n";
    this.#left = promised ?? chunked;
    this.#head = `${text}${isDated ? "" : dateLine()}${keptAlive}\r\n`;
    this.statusCode = status;
    this.headersSent = true;
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = "";
    return head;
  }

  #send(text: string): boolean {
    return this.#owner.socket.write(text, "latin1");
  }

  #piece(before: string, chunk: Uint8Array, after: string): boolean {
    const { socket } = this.#owner;
    const head = this.#takeHead() + before;
    // One character is one byte: as text a small piece goes out in one go with what stands around it.
    if (chunk.length <= togetherBytes) return this.#send(head + latin1(chunk) + after);
    if (head === "" && after === "") return socket.write(chunk);
    socket.cork();
    if (head !== "") this.#send(head);
    let more = socket.write(chunk);
    if (after !== "") more = this.#send(after);
    socket.uncork();
    return more;
  }
}

function readLength(value: string): number {
  const length = Number(value);
  if (!Number.isSafeInteger(length) || length < 0) throw new Error("an answer's length is malformed");
  return length;
}

/** How long the server keeps a connection that nobody uses; said to clients so that they do not use one that is just being closed. */
export const keepAliveSeconds = 65;
const keptAlive = `connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSeconds}\r\n`;

function latin1(bytes: Uint8Array): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString(
    "latin1",
  );
}

let dated = "";
let datedSecond = 0;

/** RFC 9110 section 6.6.1. */
function dateLine(): string {
  const second = Math.floor(Date.now() / 1_000);
  if (second !== datedSecond) {
    datedSecond = second;
    dated = `date: ${new Date(second * 1_000).toUTCString()}\r\n`;
  }
  return dated;
}
