// What a server's process writes to standard error: line by line to the log, bounded in length and rate, without the secrets that it was given.
import { StringDecoder } from "node:string_decoder";

const longestLine = 400;
/** A window in which no more than this many lines are passed on. */
const windowMs = 10_000;
const linesPerWindow = 100;
/** Shorter values are words such as "true", which are no secrets and occur everywhere. */
const shortestSecret = 6;

export class StderrLines {
  /** The last line that held anything, for the error that tells how the process ended. */
  last = "";
  readonly #hide: (text: string) => string;
  readonly #tell: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #pending = "";
  /** The rest of a line that is too long. */
  #isSkipping = false;
  #windowStartMs = 0;
  #inWindow = 0;

  constructor(hide: (text: string) => string, tell: (line: string) => void) {
    this.#hide = hide;
    this.#tell = tell;
  }

  push(chunk: Buffer): void {
    const lines = (this.#pending + this.#decoder.write(chunk)).split(/\r?\n/);
    this.#pending = lines.pop() ?? "";
    for (const line of lines) {
      if (this.#isSkipping) this.#isSkipping = false;
      else this.#line(line);
    }
    // A secret may go over the cut, so what is passed on is only the beginning, cleaned as a whole line is.
    if (this.#pending.length <= 4 * longestLine) return;
    if (!this.#isSkipping) this.#line(this.#pending);
    this.#isSkipping = true;
    this.#pending = "";
  }

  end(): void {
    if (this.#pending !== "" && !this.#isSkipping) this.#line(this.#pending);
    this.#pending = "";
  }

  #line(text: string): void {
    const line = this.#hide(text).slice(0, longestLine);
    if (line.trim() === "") return;
    this.last = line;
    const nowMs = Date.now();
    if (nowMs - this.#windowStartMs >= windowMs) {
      const left = this.#inWindow - linesPerWindow;
      if (left > 0) this.#tell(`(${left} more lines were left out)`);
      this.#windowStartMs = nowMs;
      this.#inWindow = 0;
    }
    this.#inWindow += 1;
    if (this.#inWindow <= linesPerWindow) this.#tell(line);
  }
}

/** Takes out what a program was given in confidence, and what looks like a credential or the path of an address. */
export function secretHider(values: readonly string[]): (text: string) => string {
  const secrets = values.filter((each) => each.length >= shortestSecret).toSorted((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of secrets) clean = clean.replaceAll(secret, "[hidden]");
    return clean
      .replaceAll(/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, "$1 [hidden]")
      .replaceAll(/\b(\w+:\/\/)(?:[^\s/@]*@)?([^\s/?#"'<>]+)[^\s"'<>]*/g, "$1$2");
  };
}
