// The head of an HTTP message as its sender wrote it last. A client's requests on one connection, and a server's answers, differ in little: a length, a date, the
// session where a proxy puts many clients on one connection. A line that says again what was read before needs no second reading. Pure.

const lineBreak = "\r\n";
/** What could be read in two ways, or as more than a value, is for those who read a head as a whole. */
const plainValue = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

class Line {
  /** With its line break. */
  text: string;
  /** Up to where its value begins. */
  readonly start: string;
  /** In lower case; empty if no other value may stand here. */
  readonly name: string;

  constructor(text: string, start: string, name: string) {
    this.text = text;
    this.start = start;
    this.name = name;
  }
}

/** `Read`: what the head was read as. Of one connection, so that nobody is known by what somebody else wrote. */
export class RepeatedHead<Read> {
  readonly #fixed: ReadonlySet<string>;
  readonly #reread: (read: Read, changes: readonly string[]) => Read | undefined;
  #lines: readonly Line[] = [];
  #read: Read | undefined;

  /**
   * `fixed`: names, in lower case, whose values decide how a message is read. `reread`: what is read where the fields of these names, a flat list with their
   * new values, are all that differs; undefined where such a value wants a whole reading.
   */
  constructor(fixed: ReadonlySet<string>, reread: (read: Read, changes: readonly string[]) => Read | undefined) {
    this.#fixed = fixed;
    this.#reread = reread;
  }

  /** `head`, up to the line break of its last line, was read as `read`. */
  remember(head: string, read: Read): void {
    const [first = "", ...fields] = head.slice(0, -lineBreak.length).split(lineBreak);
    const names = fields.map((field) => field.slice(0, field.indexOf(":")).toLowerCase());
    this.#lines = [
      new Line(first + lineBreak, "", ""),
      ...fields.map((field, index) => {
        const name = names[index] as string;
        const isOnce = names.indexOf(name) === names.lastIndexOf(name);
        const start = /^[^:]*:[\t ]*/.exec(field)?.[0] ?? field;
        return new Line(field + lineBreak, start, isOnce && !this.#fixed.has(name) ? name : "");
      }),
    ];
    this.#read = read;
  }

  /** What `head` says, if it is the one that is remembered but for some values. */
  find(head: string): Read | undefined {
    if (this.#read === undefined) return undefined;
    let changes: string[] | undefined;
    let at = 0;
    for (const line of this.#lines) {
      if (head.startsWith(line.text, at)) {
        at += line.text.length;
        continue;
      }
      if (line.name === "" || !head.startsWith(line.start, at)) return undefined;
      const from = at + line.start.length;
      const end = head.indexOf(lineBreak, from);
      const value = head.slice(from, end);
      if (end < 0 || !plainValue.test(value)) return undefined;
      (changes ??= []).push(line.name, value);
      at = end + lineBreak.length;
    }
    if (at !== head.length) return undefined;
    return changes === undefined ? this.#read : this.#change(this.#read, changes);
  }

  #change(before: Read, changes: readonly string[]): Read | undefined {
    const read = this.#reread(before, changes);
    if (read === undefined) return undefined;
    let next = 0;
    for (const line of this.#lines) {
      if (line.name === "" || line.name !== changes[next]) continue;
      line.text = `${line.start}${changes[next + 1]}${lineBreak}`;
      next += 2;
    }
    this.#read = read;
    return read;
  }
}
