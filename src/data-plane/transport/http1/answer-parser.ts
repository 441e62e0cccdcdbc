// Answers of one connection, byte by byte as they come: head, body, end. Pure: knows no socket, and decides nothing but what the bytes say.
import {
  AnswerFault,
  type AnswerHead,
  checkBeginning,
  type Framing,
  malformed,
  newAnswerHead,
  type ReplyHeaders,
  readHead,
} from "./answer-head.ts";
import { ChunkedBody } from "./chunked.ts";

/** Largest head of an answer, in bytes, the empty line included. */
export const maxHeadBytes = 32 * 1024;

export interface AnswerEvents {
  answered(status: number, headers: ReplyHeaders): void;
  body(chunk: Buffer): void;
}

/** `whole`: the answer is complete. `overfull`: it is, and more came after it that nobody asked for. */
export type Taken = "more" | "whole" | "overfull";

const emptyLine = Buffer.from("\r\n\r\n");

export class AnswerParser {
  readonly #events: AnswerEvents;
  readonly #chunks = new ChunkedBody();
  readonly #lastHead = newAnswerHead();
  #method = "GET";
  /** The beginning of a head that is not complete yet. */
  #held: Buffer | undefined;
  #head: AnswerHead | undefined;
  #left: Framing = 0;
  #stopped = false;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** The head of the answer, once it is there. */
  get answer(): Pick<AnswerHead, "persistent" | "keepAliveMs"> | undefined {
    return this.#head;
  }

  /** The next bytes answer a request of this method. */
  begin(method: string): void {
    this.#method = method;
    this.#held = undefined;
    this.#head = undefined;
    this.#stopped = false;
  }

  /** Nobody wants more; may be called from inside an event. */
  stop(): void {
    this.#stopped = true;
    this.#held = undefined;
    this.#head = undefined;
  }

  /**
   * The chunk is the parser's from now on; data are parts of it.
   * @throws AnswerFault
   */
  take(chunk: Buffer): Taken {
    if (this.#head !== undefined) return this.#takeBody(chunk, 0);
    const held = this.#held;
    const bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
    this.#held = undefined;
    return this.#takeHead(bytes, held?.length ?? 0);
  }

  /** The end of the connection is the end of the answer. */
  get endsWithConnection(): boolean {
    return this.#head !== undefined && this.#left === "close";
  }

  /** `known`: so many bytes were looked at before. */
  #takeHead(bytes: Buffer, known: number): Taken {
    const again = this.#method === "POST" ? this.#lastHead.find(bytes) : undefined;
    if (again !== undefined && this.#lastHead.length <= maxHeadBytes)
      return this.#begin(again, bytes, this.#lastHead.length);
    const end = bytes.indexOf(emptyLine, Math.max(0, known - 3));
    if ((end < 0 ? bytes.length : end + 3) >= maxHeadBytes)
      throw new AnswerFault(
        "ANSWER_HEAD_TOO_LARGE",
        `The head of the server's answer is larger than ${maxHeadBytes} bytes.`,
      );
    if (end < 0) {
      // A CR at the end of what was there is looked at together with what follows it.
      const from = bytes[known - 1] === 0x0d ? known - 1 : known;
      checkBeginning(bytes.toString("latin1", 0, 8), bytes.toString("latin1", from));
      this.#held = bytes;
      return "more";
    }
    const head = readHead(bytes, end, this.#method, this.#lastHead);
    const { status } = head;
    if (status === 101) throw malformed("it changes the protocol unasked");
    // RFC 9110 section 15.2: the answer is still to come.
    if (status < 200) return end + 4 === bytes.length ? "more" : this.#takeHead(bytes.subarray(end + 4), 0);
    return this.#begin(head, bytes, end + emptyLine.length);
  }

  #begin(head: AnswerHead, bytes: Buffer, headBytes: number): Taken {
    this.#head = head;
    this.#left = head.framing;
    if (this.#left === "chunked") this.#chunks.begin();
    this.#events.answered(head.status, head.headers);
    return this.#stopped ? "more" : this.#takeBody(bytes, headBytes);
  }

  #takeBody(bytes: Buffer, from: number): Taken {
    if (this.#left === "chunked") return this.#takeChunks(bytes, from);
    if (this.#left === "close") {
      if (from < bytes.length) this.#events.body(from === 0 ? bytes : bytes.subarray(from));
      return "more";
    }
    const end = Math.min(bytes.length, from + this.#left);
    this.#left -= end - from;
    const isWhole = this.#left === 0;
    if (end > from) this.#events.body(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end));
    if (!isWhole || this.#stopped) return "more";
    return end < bytes.length ? "overfull" : "whole";
  }

  readonly #emit = (data: Buffer): boolean => {
    this.#events.body(data);
    return !this.#stopped;
  };

  #takeChunks(bytes: Buffer, from: number): Taken {
    const end = this.#chunks.take(bytes, from, this.#emit);
    if (!this.#chunks.isDone || this.#stopped) return "more";
    return end < bytes.length ? "overfull" : "whole";
  }
}
