// The event-stream form of an answer: passes whole events as they come, watches for the answer among them, and survives several replies in a row.
import type { RawId } from "../../protocol/index.ts";
import { type SseEvent, SseObserver } from "../../protocol/index.ts";
import type { ReplyFacts } from "../recovery/index.ts";
import type { ReplyBody } from "../transport/index.ts";
import { writeEvent } from "./answer-error.ts";
import { type Delivery, delivered } from "./delivery.ts";
import { markRestoredText } from "./mark-restored.ts";
import type { AnswerRelay } from "./relay-answer.ts";

/** An unfinished event is held back up to this size, so that a cut leaves the client no half event; larger ones flow. */
const eventHoldBytes = 64 * 1024;

export class StreamRelay {
  readonly #answer: AnswerRelay;
  readonly #capture: boolean;
  generation = 0;
  /** The id of the last event passed on, over all replies. */
  #lastEventId: string | undefined;
  /** The server began this stream with an event that has an id and no message: it may close it and expects a resume (2025-11-25). */
  #primed = false;
  #begun = false;

  constructor(answer: AnswerRelay, status: number, headers: string[], capture: boolean) {
    this.#answer = answer;
    this.#capture = capture;
    answer.exchange.connection.head(status, [...headers, "x-accel-buffering", "no"]);
  }

  /** Passes one reply's events on until it ends, or until its first message turns out doubtful. */
  pipe(body: ReplyBody, generation: number): Promise<Delivery> {
    this.generation = generation;
    return new Promise((resolve) => {
      new Flow(this, body, resolve).start();
    });
  }

  /** A plain JSON answer that follows an opened stream becomes its last event. */
  async frame(body: ReplyBody): Promise<Delivery> {
    const chunks: Buffer[] = [];
    const whole = await new Promise<boolean>((resolve) => {
      body.pipe({
        data: (chunk) => {
          chunks.push(chunk);
          return true;
        },
        end: () => resolve(true),
        cut: () => resolve(false),
      });
    });
    if (!whole) return { kind: "cut", lastEventId: undefined, begun: true };
    return this.frameText(Buffer.concat(chunks).toString());
  }

  frameText(text: string): Promise<Delivery> {
    const { exchange, open } = this.#answer;
    open.clear();
    writeEvent(exchange.connection, text);
    exchange.connection.end();
    return Promise.resolve(delivered);
  }

  /** Takes note of one event. Answers the facts if it must not be passed on before it is understood. */
  note(event: SseEvent): ReplyFacts | undefined {
    const { open, session } = this.#answer;
    if (event.id !== undefined) {
      this.#lastEventId = event.id;
      if (!this.#begun && event.scanned === undefined) this.#primed = true;
    }
    const scanned = event.scanned;
    if (scanned?.shape !== "single") {
      if (scanned?.shape === "batch") for (const { id } of scanned.envelopes) open.delete(askedAs(open, id) ?? "");
      return undefined;
    }
    const { kind, id } = scanned.envelope;
    const answered = kind === "result" || kind === "error" ? askedAs(open, id) : undefined;
    const isNobodys = id === undefined || id === "null";
    if (kind === "error" && !this.#begun && open.size === 1 && (isNobodys || answered !== undefined)) {
      const body = event.text();
      if (body !== undefined) return { status: 200, contentType: "text/event-stream", challenged: false, body };
    }
    this.#begun = true;
    if (kind === "request" && id !== undefined) session.asked.set(id, this.generation);
    if (answered !== undefined && open.delete(answered) && this.#capture) this.#answer.captured = event.text() ?? "";
    return undefined;
  }

  /** A doubtful first error was the server's own after all. */
  accept(): void {
    this.#begun = true;
    this.#answer.open.clear();
  }

  get marking(): boolean {
    return this.#answer.session.markNext !== undefined && this.#answer.open.size === 1;
  }

  /** The bytes of one whole event as they go to the client. */
  marked(event: SseEvent, bytes: Buffer): Buffer {
    const { session, open } = this.#answer;
    const text = event.text();
    const isAnswer = event.scanned?.shape === "single" && event.scanned.envelope.kind === "result";
    if (!isAnswer || text === undefined || open.size > 0) return bytes;
    const id = event.id === undefined ? "" : `id: ${event.id}\n`;
    return Buffer.from(`${id}event: message\ndata: ${markRestoredText(session, text)}\n\n`);
  }

  get connection() {
    return this.#answer.exchange.connection;
  }

  /** The reply is over. Complete, closed on purpose to be resumed, or torn? */
  finish(clean: boolean): Delivery {
    const { open, exchange, session } = this.#answer;
    if (open.size === 0) {
      exchange.connection.end();
      return delivered;
    }
    // The server closes a primed stream and expects the client to come back for the rest: that is the client's to do, as without us.
    if (clean && this.#primed && this.#lastEventId !== undefined) {
      const ids: readonly RawId[] = [...open];
      session.continuations.set(this.#lastEventId, { ids, generation: this.generation });
      exchange.connection.end();
      return delivered;
    }
    return { kind: "cut", lastEventId: this.#lastEventId, begun: true };
  }
}

/** One reply's body on its way: holds back the tail of an unfinished event, and everything from a doubtful one on. */
class Flow {
  readonly #stream: StreamRelay;
  readonly #body: ReplyBody;
  readonly #observer: SseObserver;
  #resolve: (delivery: Delivery) => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Stream offset of the first pending byte. */
  #offset = 0;
  #boundary = 0;
  #doubt: ReplyFacts | undefined;
  /** Came while a doubt was open; the observer has not seen it yet. */
  #unseen: Buffer[] = [];
  #events: SseEvent[] = [];
  /** How the body ended while a doubt was open. */
  #ended: "clean" | "cut" | undefined;

  constructor(stream: StreamRelay, body: ReplyBody, resolve: (delivery: Delivery) => void) {
    this.#stream = stream;
    this.#body = body;
    this.#resolve = resolve;
    this.#observer = new SseObserver((event) => {
      const { marking } = this.#stream;
      this.#doubt ??= this.#stream.note(event);
      if (marking || this.#events.length > 0) this.#events.push(event);
    });
  }

  start(): void {
    this.#body.pipe({
      data: (chunk) => this.#data(chunk),
      end: () => this.#end("clean"),
      cut: () => this.#end("cut"),
    });
  }

  #data(chunk: Buffer): boolean {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#doubt !== undefined) {
      this.#unseen.push(chunk);
      return false;
    }
    this.#observer.push(chunk);
    if (this.#doubt !== undefined) {
      this.#hold();
      return false;
    }
    this.#boundary = this.#observer.boundary;
    return this.#write(this.#boundary - this.#offset);
  }

  /** Writes the first `length` pending bytes, or all of them once an unfinished event has grown too large to hold. */
  #write(length: number): boolean {
    const { connection } = this.#stream;
    if (this.#events.length > 0) return this.#writeMarked(length);
    if (this.#pendingBytes - length > eventHoldBytes) length = this.#pendingBytes;
    let flowing = true;
    while (length > 0) {
      const chunk = this.#pending[0] as Buffer;
      const part = chunk.length <= length ? chunk : chunk.subarray(0, length);
      if (part.length === chunk.length) this.#pending.shift();
      else this.#pending[0] = chunk.subarray(length);
      length -= part.length;
      this.#pendingBytes -= part.length;
      this.#offset += part.length;
      flowing = connection.write(part);
    }
    if (!flowing) connection.onDrain(() => this.#body.resume());
    return flowing;
  }

  /** `--recovery notify`: event by event, so that the answer can carry its marker. */
  #writeMarked(length: number): boolean {
    const bytes = Buffer.concat(this.#pending);
    let from = 0;
    for (const event of this.#events.splice(0)) {
      const until = event.endOffset - this.#offset;
      this.#stream.connection.write(this.#stream.marked(event, bytes.subarray(from, until)));
      from = until;
    }
    this.#pending = [bytes.subarray(length)];
    this.#pendingBytes = bytes.length - length;
    this.#offset += length;
    return true;
  }

  #hold(): void {
    const facts = this.#doubt as ReplyFacts;
    const pass = (): Promise<Delivery> => {
      this.#stream.accept();
      this.#doubt = undefined;
      for (const chunk of this.#unseen.splice(0)) this.#observer.push(chunk);
      this.#boundary = this.#observer.boundary;
      this.#events = [];
      return new Promise((resolve) => {
        this.#resolve = resolve;
        this.#write(this.#pendingBytes);
        if (this.#ended === undefined) this.#body.resume();
        else this.#end(this.#ended);
      });
    };
    this.#resolve({ kind: "held", facts, pass });
  }

  #end(how: "clean" | "cut"): void {
    this.#ended = how;
    if (this.#doubt !== undefined) return;
    // What follows the last whole event is no event; a client would wait for its end in vain.
    if (this.#offset > this.#boundary) this.#stream.connection.write(Buffer.from("\n\n"));
    this.#resolve(this.#stream.finish(how === "clean"));
  }
}

/** The open request that this id answers. A server may write an id in another way than the client did: escaped, rounded, without its fraction. */
export function askedAs(open: ReadonlySet<RawId>, id: RawId | undefined): RawId | undefined {
  if (id === undefined || open.has(id)) return id;
  const value: unknown = JSON.parse(id);
  return [...open].find((asked) => JSON.parse(asked) === value);
}
