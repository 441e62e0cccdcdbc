// The head of an HTTP message as its sender wrote it last. A client's requests on one connection, and a server's answers, differ in little: a length, a date, the
// session where a proxy puts many clients on one connection. What is said again word for word needs no second reading. Pure.

const lineBreak = "\r\n";
const [carriageReturn, space, lastPlain] = [0x0d, 0x20, 0x7e];
/** A head of more fields is nobody's ordinary one, and is not worth a second look. */
const mostFields = 64;

/** Bytes that stand in every head of this kind, and the value that follows them, in any head another one. */
interface Part {
  readonly from: number;
  readonly to: number;
  /** Whose value follows, in lower case; empty after the last part. */
  readonly name: string;
  value: string;
}

interface Known<Read> {
  readonly bytes: Buffer;
  readonly parts: readonly Part[];
  /** Those of its names whose values have been seen to change. */
  readonly changing: ReadonlySet<string>;
  /** Of every name that stands there once, as it was when the head was read as a whole. */
  readonly values: ReadonlyMap<string, string>;
  read: Read;
}

/** `Read`: what the head was read as. Of one connection, so that nobody is known by what somebody else wrote; and small, for there are many of those. */
export class RepeatedHead<Read> {
  /** Bytes of the head that was found last, the empty line included. */
  length = 0;
  readonly #fixed: ReadonlySet<string>;
  readonly #reread: (read: Read, changes: readonly string[]) => Read | undefined;
  #known: Known<Read> | undefined;

  /**
   * `fixed`: names, in lower case, whose values decide how a message is read. `reread`: what is read where the fields of these names, a flat list with their
   * new values, are all that differs; undefined where such a value wants a whole reading.
   */
  constructor(fixed: ReadonlySet<string>, reread: (read: Read, changes: readonly string[]) => Read | undefined) {
    this.#fixed = fixed;
    this.#reread = reread;
  }

  /** `head`, its empty line included, was read as `read`. */
  remember(head: Buffer, read: Read): void {
    const text = head.toString("latin1");
    const all = fieldsOf(text);
    if (all.length > mostFields) return;
    const before = this.#known;
    const fields = all.filter(({ name }) => !this.#fixed.has(name) && isOnce(name, all));
    const values = new Map(fields.map(({ name, value }) => [name, value]));
    const changes = ({ name, value }: Field): boolean =>
      name === "content-length" || before?.changing.has(name) === true || (before?.values.get(name) ?? value) !== value;
    const changing = new Set(fields.filter(changes).map(({ name }) => name));
    // A copy: the memory that it came in holds what else came with it.
    this.#known = { bytes: Buffer.from(head), parts: partsOf(text, fields, changing), changing, values, read };
  }

  /** What the head says that `bytes` begin with, if it is the one that is remembered but for values that may change. */
  find(bytes: Buffer): Read | undefined {
    const known = this.#known;
    if (known === undefined) return undefined;
    let changes: string[] | undefined;
    let at = 0;
    for (const { from, to, name, value: before } of known.parts) {
      const begin = at + to - from;
      if (begin > bytes.length || bytes.compare(known.bytes, from, to, at, begin) !== 0) return undefined;
      at = begin;
      if (name === "") break;
      if (isAt(bytes, begin, before)) at += before.length;
      else {
        at = valueEnd(bytes, begin);
        if (at < 0) return undefined;
        (changes ??= []).push(name, bytes.toString("latin1", begin, at));
      }
    }
    const read = changes === undefined ? known.read : this.#change(known, changes);
    if (read !== undefined) this.length = at;
    return read;
  }

  #change(known: Known<Read>, changes: readonly string[]): Read | undefined {
    const read = this.#reread(known.read, changes);
    if (read === undefined) return undefined;
    let next = 0;
    for (const part of known.parts) {
      if (part.name !== changes[next]) continue;
      part.value = changes[next + 1] as string;
      next += 2;
    }
    known.read = read;
    return read;
  }
}

interface Field {
  readonly name: string;
  readonly value: string;
  /** Where the value begins. */
  readonly begin: number;
}

function fieldsOf(head: string): readonly Field[] {
  const fields: Field[] = [];
  let at = head.indexOf(lineBreak) + lineBreak.length;
  for (let end = head.indexOf(lineBreak, at); end > at; end = head.indexOf(lineBreak, at)) {
    const colon = head.indexOf(":", at);
    const value = head.slice(colon + 1, end);
    const begin = end - value.trimStart().length;
    fields.push({ name: head.slice(at, colon).toLowerCase(), value: value.trim(), begin });
    at = end + lineBreak.length;
  }
  return fields;
}

function isAt(bytes: Buffer, begin: number, value: string): boolean {
  for (let index = 0; index < value.length; index += 1)
    if (bytes[begin + index] !== value.charCodeAt(index)) return false;
  return bytes[begin + value.length] === carriageReturn;
}

function isOnce(name: string, fields: readonly Field[]): boolean {
  return fields.filter((field) => field.name === name).length === 1;
}

function partsOf(head: string, fields: readonly Field[], changing: ReadonlySet<string>): readonly Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const { name, value, begin } of fields) {
    if (value === "" || !changing.has(name)) continue;
    parts.push({ from, to: begin, name, value });
    from = begin + value.length;
  }
  return [...parts, { from, to: head.length, name: "", value: "" }];
}

/** Where the value that begins here ends, if it is of visible characters with spaces in between. What could be read in two ways is for who reads a head as a whole. */
function valueEnd(bytes: Buffer, begin: number): number {
  let end = begin;
  while (end < bytes.length && (bytes[end] as number) >= space && (bytes[end] as number) <= lastPlain) end += 1;
  const isPlain = end > begin && bytes[begin] !== space && bytes[end - 1] !== space;
  return isPlain && bytes[end] === carriageReturn ? end : -1;
}
