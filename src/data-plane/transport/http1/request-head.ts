// The head of a request to a server (RFC 9112 sections 3 and 5), and what its headers may not say: nothing in them can become a header, a body or a request
// of its own. Pure.

import { KnownLines } from "../../../protocol/index.ts";

export interface RequestHead {
  /** Up to where the body is announced; the empty line is not in it. */
  readonly text: string;
  /** Of a body whose length is not known by itself: what the caller's headers say. */
  readonly announced: number | undefined;
}

/** A request that cannot be put on the wire as it is. It names no value, for values are secret. */
export class RequestFault extends Error {
  override readonly name = "RequestFault";
  readonly code = "REQUEST_MALFORMED";
}

/** The lines of requests to one origin. Most of them ask the same of the same place. */
export class RequestLines {
  readonly fields = new KnownLines<Meaning>((name, value) => {
    const meaning = meaningOf(name);
    if (typeof value !== "string" || forbidden.test(value))
      throw new RequestFault(`The value of ${name} cannot be sent.`);
    return meaning;
  });
  #method = "";
  #path = "";
  #text = "";

  /** @throws RequestFault */
  first(method: string, path: string): string {
    if (method === this.#method && path === this.#path) return this.#text;
    if (!token.test(method) || method === "CONNECT") throw new RequestFault("The request's method cannot be sent.");
    if (!target.test(path)) throw new RequestFault("The request's path cannot be sent.");
    this.#method = method;
    this.#path = path;
    this.#text = `${method} ${path} HTTP/1.1\r\n`;
    return this.#text;
  }
}

/**
 * `host`: what a request says that brings no Host of its own. `headers`: flat names and values.
 * @throws RequestFault
 */
export function requestHead(
  method: string,
  path: string,
  host: string,
  headers: readonly string[],
  lines = new RequestLines(),
): RequestHead {
  const first = lines.first(method, path);
  let fields = "";
  let ownHost: string | undefined;
  let announced: number | undefined;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    const line = lines.fields.at(index / 2, name, value);
    switch (line.meaning) {
      case "plain":
        fields += line.text;
        break;
      case "host":
        if (ownHost !== undefined) throw new RequestFault("The request names two hosts.");
        ownHost = value;
        break;
      case "length":
        if (announced !== undefined || !/^\d{1,15}$/.test(value))
          throw new RequestFault("The request's length is no number.");
        announced = Number(value);
        break;
      case "refused":
        throw new RequestFault(`The header ${name} is the connection's own.`);
    }
  }
  return {
    text: `${first}host: ${ownHost ?? host}\r\nconnection: keep-alive\r\n${fields}`,
    announced,
  };
}

/** Methods whose meaning has a body, so that an empty one is announced too (RFC 9110 section 8.6). */
const withBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * The last lines of a head. `length`: of the body, undefined where it comes in chunks.
 * @throws RequestFault if the caller announced another length
 */
export function bodyLines(method: string, length: number | undefined, announced: number | undefined): string {
  if (length === undefined) return "transfer-encoding: chunked\r\n\r\n";
  if (announced !== undefined && announced !== length) throw new RequestFault("The request's body has another length.");
  if (length === 0 && announced === undefined && !withBody.has(method)) return "\r\n";
  return `content-length: ${length}\r\n\r\n`;
}

type Meaning = "plain" | "host" | "length" | "refused";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Origin form or absolute form, of visible characters. */
const target = /^(?:\/|https?:\/\/)[\x21-\x7e\x80-\xff]*$/;
const forbidden = /[^\t\x20-\x7e\x80-\xff]/;
const special: ReadonlyMap<string, Meaning> = new Map([
  ["host", "host"],
  ["content-length", "length"],
  // Each would change how the request is framed, or who takes it.
  ...["connection", "keep-alive", "transfer-encoding", "upgrade", "expect", "te", "trailer", "proxy-connection"].map(
    (name) => [name, "refused"] as const,
  ),
]);
const mostNames = 256;
/** Spellings that were seen. */
const meanings = new Map<string, Meaning>();

function meaningOf(name: string): Meaning {
  const known = meanings.get(name);
  if (known !== undefined) return known;
  if (!token.test(name)) throw new RequestFault("The name of a header cannot be sent.");
  const meaning = special.get(name.toLowerCase()) ?? "plain";
  if (meanings.size < mostNames && name.length <= 64) meanings.set(name, meaning);
  return meaning;
}
