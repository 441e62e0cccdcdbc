// Finds where a value stands in the bytes of a JSON message, so that it can be replaced while every other byte stays. Only for text already known to be valid JSON.

/** From the first byte of a value to the one behind its last. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const quote = 0x22;
const backslash = 0x5c;

/** Where the value stands that these keys lead to, from the outermost object inwards; undefined where there is none. Of equal keys the last counts, as with JSON.parse. */
export function findSpan(bytes: Buffer, path: readonly string[]): Span | undefined {
  let at: Span = { from: skipSpace(bytes, 0), to: bytes.length };
  for (const key of path) {
    const member = memberOf(bytes, at.from, key);
    if (member === undefined) return undefined;
    at = member;
  }
  return at;
}

/** The elements of the outermost array, each as it stands. */
export function elementSpans(bytes: Buffer): readonly Span[] {
  const spans: Span[] = [];
  for (let at = skipSpace(bytes, skipSpace(bytes, 0) + 1); at < bytes.length && bytes[at] !== 0x5d; ) {
    const to = skipValue(bytes, at);
    spans.push({ from: at, to });
    at = skipSpace(bytes, to);
    if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1);
  }
  return spans;
}

/** The text of a span. */
export function spanText(bytes: Buffer, { from, to }: Span): string {
  return bytes.toString("utf8", from, to);
}

/** The message with other text in place of some spans, which must be in order and apart. */
export function replaceSpans(bytes: Buffer, changes: readonly (readonly [Span, string])[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const [span, text] of changes) {
    parts.push(bytes.subarray(at, span.from), Buffer.from(text));
    at = span.to;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}

function memberOf(bytes: Buffer, object: number, wanted: string): Span | undefined {
  if (bytes[object] !== 0x7b) return undefined;
  let found: Span | undefined;
  for (let at = skipSpace(bytes, object + 1); bytes[at] === quote; ) {
    const keyEnd = skipString(bytes, at);
    const isWanted = isKey(bytes, at, keyEnd, wanted);
    // Past the colon.
    const from = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1);
    const to = skipValue(bytes, from);
    if (isWanted) found = { from, to };
    at = skipSpace(bytes, to);
    if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1);
  }
  return found;
}

function isKey(bytes: Buffer, from: number, to: number, wanted: string): boolean {
  // Written in escapes it may be up to six times as long.
  if (to - from - 2 > wanted.length * 6) return false;
  const text = bytes.toString("utf8", from, to);
  return text === `"${wanted}"` || (text.includes("\\") && JSON.parse(text) === wanted);
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] as number) <= 0x20) at += 1;
  return at;
}

function skipValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
  if (first === quote) return skipString(bytes, from);
  if (first === 0x7b || first === 0x5b) return skipContainer(bytes, from);
  let at = from;
  while (at < bytes.length && !endsScalar(bytes[at] as number)) at += 1;
  return at;
}

function endsScalar(byte: number): boolean {
  return byte === 0x2c || byte === 0x7d || byte === 0x5d || byte <= 0x20;
}

function skipContainer(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; ) {
    const byte = bytes[at] as number;
    if (byte === quote) {
      at = skipString(bytes, at);
      continue;
    }
    at += 1;
    if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return bytes.length;
}

/** To the quote that an even number of backslashes stands before. */
function skipString(bytes: Buffer, from: number): number {
  for (let end = bytes.indexOf(quote, from + 1); end >= 0; end = bytes.indexOf(quote, end + 1)) {
    let slashes = 0;
    while (bytes[end - 1 - slashes] === backslash) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return bytes.length;
}
