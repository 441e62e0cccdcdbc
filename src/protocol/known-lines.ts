// The lines of a head as they were written last, by their place: nearly all of what one side says to the other is the same from message to message, and what was
// found fit to be written then is so now. Pure.

export interface KnownLine<Meaning> {
  readonly name: string;
  readonly value: string;
  /** As it is written, with its line break. */
  readonly text: string;
  readonly meaning: Meaning;
}

/** More lines than these are known by none. */
const mostLines = 32;

export class KnownLines<Meaning> {
  readonly #judge: (name: string, value: string) => Meaning;
  readonly #lines: KnownLine<Meaning>[] = [];

  /** `judge`: what a line is; it throws where the line may not be written. */
  constructor(judge: (name: string, value: string) => Meaning) {
    this.#judge = judge;
  }

  /** The line that stands at `place`, counted from 0. Throws as `judge` does. */
  at(place: number, name: string, value: string): KnownLine<Meaning> {
    const known = this.#lines[place];
    if (known !== undefined && known.name === name && known.value === value) return known;
    const line = { name, value, text: `${name}: ${value}\r\n`, meaning: this.#judge(name, value) };
    if (place < mostLines && place <= this.#lines.length) this.#lines[place] = line;
    return line;
  }
}
