// What a server says while nobody listens: kept, within bounds, until a stream opens. What finds no room is told of, never dropped in silence.

const mostBytes = 1024 * 1024;
const mostMessages = 1_000;

export class UnheardMessages {
  #messages: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  readonly #note: (what: string) => void;

  /** `note` hears once of each time that the room runs out. */
  constructor(note: (what: string) => void) {
    this.#note = note;
  }

  /** False: there is no room. */
  add(text: Buffer): boolean {
    if (this.#bytes + text.length > mostBytes || this.#messages.length >= mostMessages) {
      if (this.#dropped === 0) this.#note("messages dropped: no stream is open");
      this.#dropped += 1;
      return false;
    }
    this.#messages.push(text);
    this.#bytes += text.length;
    return true;
  }

  /** Everything that waits, which then waits no more. */
  take(): readonly Buffer[] {
    if (this.#messages.length === 0) return none;
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    this.#dropped = 0;
    return messages;
  }
}

const none: readonly Buffer[] = [];
