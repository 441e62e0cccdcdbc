// Reads a request that came whole and in the plainest form there is. Pure. Whatever is unusual about one is no business of this file's: it answers
// undefined, and Node's own parser reads the same bytes from their beginning. So nothing is ever read here that Node would read differently.
import type { IncomingHttpHeaders } from "node:http";
import { RepeatedHead } from "../../protocol/index.ts";
import type { HttpRequest } from "./http-request.ts";

const headEnd = Buffer.from("\r\n\r\n");
/** As `maxHeaderSize` of the server beside it, with room to spare. */
const longestHead = 8 * 1024 + headEnd.length;
const lineBreak = "\r\n";
const methods = ["POST", "GET", "DELETE"] as const;
const protocol = " HTTP/1.1";

/** Also a line break that is only half of one. */
const unusualByte = /[^\x20-\x7e\r\n]|\r(?!\n)|(?<!\r)\n/;
const plainTarget = /^\/[\w\-.~!$&'()*+,;=:@%/?]*$/;
const plainName = /^[a-z][a-z0-9-]{0,63}$/i;
const plainLength = /^(?:0|[1-9]\d{0,5})$/;

/** They change how a message is read, or what its connection is; or, the last, Node keeps it as a list. */
const unusualNames: ReadonlySet<string> = new Set([
  "transfer-encoding",
  "expect",
  "upgrade",
  "trailer",
  "te",
  "set-cookie",
]);

export class ShortRequest implements HttpRequest {
  readonly method: (typeof methods)[number];
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Bytes of it, head and body. */
  readonly length: number;
  readonly #chunk: Buffer;
  readonly #headBytes: number;
  socket: HttpRequest["socket"] = {};

  /** `chunk`: what it came in, its head being the first `headBytes` and all of it the first `length` bytes. */
  constructor({ method, url, headers }: ShortHead, chunk: Buffer, headBytes: number, length: number) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.#chunk = chunk;
    this.#headBytes = headBytes;
    this.body = chunk.subarray(headBytes, length);
    this.length = length;
  }

  get rawHeaders(): readonly string[] {
    const lines = this.#chunk
      .toString("latin1", 0, this.#headBytes - headEnd.length)
      .split(lineBreak)
      .slice(1);
    return lines.flatMap((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
  }
}

/** What a head says, but for the bytes that follow it. */
export interface ShortHead {
  readonly method: ShortRequest["method"];
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** For the heads of one connection. */
export function newShortHead(): RepeatedHead<ShortHead> {
  return new RepeatedHead(fixedNames, rereadHead);
}

/** `chunk` begins with the request; what follows it is the next one's. `repeated`: the head that was read last on this connection. */
export function readShortRequest(chunk: Buffer, repeated = newShortHead()): ShortRequest | undefined {
  const again = repeated.find(chunk);
  if (again !== undefined) return withBody(again, chunk, repeated.length);
  const headBytes = chunk.indexOf(headEnd) + headEnd.length;
  if (headBytes < headEnd.length || headBytes > longestHead) return undefined;
  const read = readHead(chunk.toString("latin1", 0, headBytes - lineBreak.length));
  if (read === undefined) return undefined;
  if (read.headers["content-length"] !== undefined) repeated.remember(chunk.subarray(0, headBytes), read);
  return withBody(read, chunk, headBytes);
}

function withBody(head: ShortHead, chunk: Buffer, headBytes: number): ShortRequest | undefined {
  const bodyBytes = lengthOf(head.method, head.headers["content-length"]);
  if (bodyBytes === undefined || headBytes > longestHead || chunk.length < headBytes + bodyBytes) return undefined;
  return new ShortRequest(head, chunk, headBytes, headBytes + bodyBytes);
}

/** Node keeps no connection open that is to be closed, and neither does this. */
const fixedNames: ReadonlySet<string> = new Set(["connection"]);

/** What its length says is found out with the body. */
function rereadHead({ method, url, headers }: ShortHead, changes: readonly string[]): ShortHead {
  const changed: IncomingHttpHeaders = { ...headers };
  for (let index = 0; index < changes.length; index += 2) changed[changes[index] as string] = changes[index + 1];
  return { method, url, headers: changed };
}

/** `head`: up to the line break of its last line. */
function readHead(head: string): ShortHead | undefined {
  const lineEnd = head.indexOf(lineBreak);
  if (lineEnd < 0 || unusualByte.test(head)) return undefined;
  const method = methods.find((one) => head.startsWith(one) && head.charCodeAt(one.length) === 0x20);
  if (method === undefined || !head.startsWith(protocol, lineEnd - protocol.length)) return undefined;
  const url = head.slice(method.length + 1, lineEnd - protocol.length);
  const headers = plainTarget.test(url) ? readHeaders(head, lineEnd) : undefined;
  if (headers?.host === undefined) return undefined;
  return { method, url, headers };
}

function readHeaders(head: string, lineEnd: number): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {};
  for (let at = lineEnd + lineBreak.length; at < head.length; ) {
    const end = head.indexOf(lineBreak, at);
    const colon = head.indexOf(":", at);
    if (colon < 0 || colon > end) return undefined;
    const name = lowerName(head.slice(at, colon));
    // A name that comes twice is for Node's own rules about which of them counts.
    if (name === undefined || unusualNames.has(name) || headers[name] !== undefined) return undefined;
    const value = head.slice(colon + 1, end).trim();
    if (name === "connection" && value.toLowerCase() !== "keep-alive") return undefined;
    headers[name] = value;
    at = end + lineBreak.length;
  }
  return headers;
}

/** A POST says how long it is; the others have nothing to say. */
function lengthOf(method: ShortRequest["method"], announced: string | undefined): number | undefined {
  if (announced === undefined) return method === "POST" ? undefined : 0;
  if (!plainLength.test(announced)) return undefined;
  const length = Number(announced);
  return method === "POST" || length === 0 ? length : undefined;
}

/** Clients send the same few names with every request. */
const knownNames = new Map<string, string>();
const mostKnownNames = 256;

function lowerName(name: string): string | undefined {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  if (!plainName.test(name)) return undefined;
  const lower = name.toLowerCase();
  if (knownNames.size < mostKnownNames) knownNames.set(name, lower);
  return lower;
}
