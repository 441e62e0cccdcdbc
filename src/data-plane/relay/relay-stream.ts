// The event-stream form of an answer: passes whole events as they come, watches for the answer among them, and survives several replies in a row.
import { ProxyError } from "../../errors/index.ts";
import { encodeSseEvent, type RawId, type SseEvent, scanEnvelope } from "../../protocol/index.ts";
import type { ReplyFacts } from "../recovery/index.ts";
import type { ReplyBody } from "../transport/index.ts";
import { endStreamWithError } from "./answer-error.ts";
import { type Delivery, delivered } from "./delivery.ts";
import { EventCutter, type EventSink } from "./event-cutter.ts";
import { DirectOut, type EventOut } from "./event-out.ts";
import { markRestoredText } from "./mark-restored.ts";
import { noteQuestions, underClientIds } from "./question-id.ts";
import type { AnswerRelay } from "./relay-answer.ts";
import { unbuffered } from "./stream-head.ts";

/** How much of an answer that is no message an error repeats. */
const shownBytes = 2_048;
/** When a server closes its stream on purpose and does not say when to come back. */
const defaultRetryMs = 1_000;

export class StreamRelay {
  readonly #answer: AnswerRelay;
  readonly #capture: boolean;
  /** The client's side of the stream. */
  readonly out: EventOut;
  generation = 0;
  /** The server's own id of the last event, over all replies. */
  #lastEventId: string | undefined;
  /** The server began this stream with an event that has an id and no message: it may close it and expects a resume (2025-11-25). */
  #primed = false;
  #retryMs: number | undefined;
  #begun = false;

  constructor(answer: AnswerRelay, out: EventOut, capture: boolean) {
    this.#answer = answer;
    this.out = out;
    this.#capture = capture;
  }

  /** Sends the head of an event stream to the client of this answer. */
  static open(answer: AnswerRelay, status: number, headers: readonly string[], capture: boolean): StreamRelay {
    const { connection, resumable } = answer.exchange;
    connection.head(status, [...headers, ...unbuffered]);
    // A client that left before it was given any id cannot come back for this.
    const out =
      resumable === undefined || connection.gone
        ? new DirectOut(connection)
        : resumable.openAnswer(answer.session, [...answer.open], connection);
    return new StreamRelay(answer, out, capture);
  }

  /** An answer that goes on in a stream which the client already has. */
  static on(answer: AnswerRelay, out: EventOut): StreamRelay {
    return new StreamRelay(answer, out, false);
  }

  /** Passes one reply's events on until it ends, or until its first message turns out doubtful. */
  pipe(body: ReplyBody, generation: number): Promise<Delivery> {
    this.generation = generation;
    return new Promise((resolve) => {
      new Flow(this, body, resolve).start();
    });
  }

  /** A whole answer that is no stream, after a stream was opened for it, becomes its last event. */
  message(status: number, body: Buffer): Delivery {
    const { open, exchange } = this.#answer;
    const scanned = scanEnvelope(body);
    const id = scanned.shape === "single" && scanned.envelope.method === undefined ? scanned.envelope.id : undefined;
    if (askedAs(open, id) !== undefined && id !== undefined && id !== "null") {
      open.clear();
      this.out.event([encodeSseEvent({ type: "message", data: body })]);
      this.out.end();
      return delivered;
    }
    const shown = body.subarray(0, shownBytes).toString();
    const code = status === 401 ? "AUTHORIZATION_REQUIRED" : "ANSWER_NOT_A_MESSAGE";
    const error = new ProxyError(code, { upstream: { status, body: shown } });
    endStreamWithError(this.out, exchange, [...open], error);
    open.clear();
    return delivered;
  }

  /** The first bytes of a large answer that is no stream; `part` and `lastPart` of `out` take the rest. */
  beginMessage(): void {
    this.#answer.open.clear();
    this.out.part([Buffer.from("event: message\ndata: ")]);
  }

  /** Takes note of one event. Answers the facts if it must not be passed on before it is understood. */
  note(event: SseEvent): ReplyFacts | undefined {
    const { open, session } = this.#answer;
    this.#answer.events += 1;
    noteQuestions(session, event, this.generation);
    if (event.retryMs !== undefined) this.#retryMs = event.retryMs;
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
    if (answered !== undefined && open.delete(answered) && this.#capture)
      (this.#answer.captured ??= []).push(event.text() ?? "");
    return undefined;
  }

  /** A doubtful first error was the server's own after all. */
  accept(): void {
    this.#begun = true;
    this.#answer.open.clear();
  }

  /** One whole event goes to the client. */
  emit(event: SseEvent, pieces: readonly Buffer[]): void {
    // Without data and without an id there is nothing that a client could come back to.
    if (!event.hasData && event.id === undefined) for (const piece of pieces) this.out.between(piece);
    else this.out.event(this.#asGiven(event, pieces), event.id);
  }

  #asGiven(event: SseEvent, pieces: readonly Buffer[]): readonly Uint8Array[] {
    const { session } = this.#answer;
    return session.snapshot.markNext === undefined
      ? underClientIds(session, event, this.generation, pieces)
      : this.#marked(event, pieces);
  }

  /** `--recovery notify`: the answer carries its marker. */
  #marked(event: SseEvent, pieces: readonly Buffer[]): readonly Uint8Array[] {
    const { session, open } = this.#answer;
    const isAnswer = event.scanned?.shape === "single" && event.scanned.envelope.kind === "result";
    const text = isAnswer && open.size === 0 ? event.text() : undefined;
    if (text === undefined) return underClientIds(session, event, this.generation, pieces);
    return [encodeSseEvent({ type: "message", data: markRestoredText(session, text) })];
  }

  /** The reply is over. Complete, closed on purpose to be resumed, or torn? */
  finish(clean: boolean): Delivery {
    const { open } = this.#answer;
    this.out.breakPart();
    if (open.size === 0) {
      this.out.end();
      return delivered;
    }
    const onPurpose = clean && this.#primed && this.#lastEventId !== undefined;
    const again = onPurpose ? { retryMs: this.#retryMs ?? defaultRetryMs } : {};
    return { kind: "cut", lastEventId: this.#lastEventId, begun: true, ...again };
  }
}

/** One reply's body on its way: holds back everything from a doubtful event on. */
class Flow implements EventSink {
  readonly #stream: StreamRelay;
  readonly #body: ReplyBody;
  readonly #cutter: EventCutter;
  #resolve: (delivery: Delivery) => void;
  #doubt: ReplyFacts | undefined;
  /** What is to be done once the doubt is settled. */
  #held: (() => void)[] = [];
  /** How the body ended while a doubt was open. */
  #ended: "clean" | "cut" | undefined;

  constructor(stream: StreamRelay, body: ReplyBody, resolve: (delivery: Delivery) => void) {
    this.#stream = stream;
    this.#body = body;
    this.#resolve = resolve;
    this.#cutter = new EventCutter(this);
  }

  start(): void {
    this.#body.pipe({
      data: (chunk) => this.#data(chunk),
      end: () => this.#end("clean"),
      cut: () => this.#end("cut"),
    });
  }

  event(event: SseEvent, pieces: readonly Buffer[]): void {
    if (this.#doubt !== undefined) {
      this.#held.push(() => this.event(event, pieces));
      return;
    }
    this.#doubt = this.#stream.note(event);
    if (this.#doubt === undefined) this.#stream.emit(event, pieces);
    else this.#held.push(() => this.#stream.emit(event, pieces));
  }

  between(bytes: Buffer): void {
    if (this.#doubt === undefined) this.#stream.out.between(bytes);
    else this.#held.push(() => this.#stream.out.between(bytes));
  }

  part(pieces: readonly Buffer[]): void {
    if (this.#doubt === undefined) this.#stream.out.part(pieces);
    else this.#held.push(() => this.part(pieces));
  }

  lastPart(event: SseEvent, pieces: readonly Buffer[]): void {
    if (this.#doubt !== undefined) {
      this.#held.push(() => this.lastPart(event, pieces));
      return;
    }
    // Too large for a refusal, so there is nothing to doubt.
    this.#stream.note(event);
    this.#stream.out.lastPart(pieces, event.id);
  }

  #data(chunk: Buffer): boolean {
    if (this.#doubt !== undefined) {
      this.#held.push(() => this.#cutter.push(chunk));
      return false;
    }
    const { out } = this.#stream;
    out.cork();
    this.#cutter.push(chunk);
    out.uncork();
    if (this.#doubt !== undefined) {
      this.#hold(this.#doubt);
      return false;
    }
    if (out.flowing) return true;
    out.whenFlowing(() => this.#body.resume());
    return false;
  }

  #hold(facts: ReplyFacts): void {
    const pass = (): Promise<Delivery> => {
      this.#stream.accept();
      this.#doubt = undefined;
      return new Promise((resolve) => {
        this.#resolve = resolve;
        for (const go of this.#held.splice(0)) go();
        if (this.#ended === undefined) this.#body.resume();
        else this.#end(this.#ended);
      });
    };
    this.#resolve({ kind: "held", facts, pass });
  }

  #end(how: "clean" | "cut"): void {
    this.#ended = how;
    if (this.#doubt !== undefined) return;
    this.#cutter.end();
    this.#resolve(this.#stream.finish(how === "clean"));
  }
}

/** The open request that this id answers. A server may write an id in another way than the client did: escaped, rounded, without its fraction. */
export function askedAs(open: ReadonlySet<RawId>, id: RawId | undefined): RawId | undefined {
  if (id === undefined || open.has(id)) return id;
  const value: unknown = JSON.parse(id);
  return [...open].find((asked) => JSON.parse(asked) === value);
}
