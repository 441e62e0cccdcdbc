// Carries one answer of the server to the client, byte for byte, and notices when it is none: a refusal, a doubtful error, a torn body.
import { mediaType, type RawId } from "../../protocol/index.ts";
import { mentionsError, type ReplyFacts } from "../recovery/index.ts";
import { firstMessage, type UpstreamSession } from "../session/index.ts";
import type { Reply, ReplyBody } from "../transport/index.ts";
import { type ClientExchange, requestIds } from "./client-exchange.ts";
import { ClientStream } from "./client-stream.ts";
import { type Delivery, delivered } from "./delivery.ts";
import type { EventOut } from "./event-out.ts";
import { clientHeaders } from "./headers.ts";
import { LineBreaks } from "./line-breaks.ts";
import { markRestored } from "./mark-restored.ts";
import type { StreamKeeper } from "./of-session.ts";
import { readHead } from "./read-refusal.ts";
import { StreamRelay } from "./relay-stream.ts";
import type { Waiting } from "./stream-clock.ts";
import { streamHeaders, unbuffered } from "./stream-head.ts";
import { readWholeAnswer } from "./whole-answer.ts";

/** A plain answer is held back up to this size, so that a torn small one can still become a proper error. */
export const plainHoldBytes = 16 * 1024;
/** No refusal in disguise is larger than this. */
const refusalBytes = 64 * 1024;
const captureBytes = 8 * 1024 * 1024;
const blankLine = Buffer.from("\n\n");
/** Nothing is ever added to it. */
const noneOpen = new Set<RawId>();

/** The answer of one exchange, over as many replies as it takes. */
export class AnswerRelay implements Waiting, StreamKeeper {
  readonly exchange: ClientExchange;
  readonly session: UpstreamSession;
  #open: Set<RawId> | undefined;
  /** Text of the answer, for the few methods that change what a session holds. */
  captured: string[] | undefined;
  readonly #capture: boolean;
  #stream: StreamRelay | undefined;
  /** Anything of the answer has been sent that is no event stream. */
  #plainBegun = false;
  /** Ends what the server still sends, some time after its client has left. */
  #abandon: (() => void) | undefined;
  #abandonMs = 0;
  #isWatched = false;
  /** How many events of the server's have come in it. */
  events = 0;
  /** No stream is opened early: the server has not been asked yet, and its refusal is to reach the client as it is. */
  holdsBack = false;
  /** What the server still sends is not read any more. */
  abandoned = false;
  sinceTick = 0;
  before: Waiting | undefined;
  behind: Waiting | undefined;
  inLine = false;
  /** Learns how to end what was sent to the server, before it has answered. */
  readonly onSent = (abort: () => void): void => {
    this.#abandon = abort;
  };

  constructor(exchange: ClientExchange, session: UpstreamSession, capture: boolean) {
    this.exchange = exchange;
    this.session = session;
    this.#capture = capture;
  }

  /** Requests whose answer the client has not been given. First asked for at a reply, when a flowing body has been read as well. */
  get open(): Set<RawId> {
    return (this.#open ??= new Set(requestIds(this.exchange)));
  }

  /** As `open.size`, without a set for the common answer, which comes whole. */
  #countOpen(): number {
    return this.#open === undefined ? requestIds(this.exchange).length : this.#open.size;
  }

  /** The client has been sent the head of an event stream. */
  get streaming(): boolean {
    return this.#stream !== undefined;
  }

  /** Nobody will take the answer: the client left, and cannot come back for it. */
  get gone(): boolean {
    return this.#stream === undefined ? this.exchange.connection.gone : this.#stream.out.gone;
  }

  /** From here on the client is given a stream if the answer takes long; until `settled`. */
  watch(): void {
    const { resumable } = this.exchange;
    if (resumable === undefined) return;
    this.sinceTick = resumable.ticks;
    resumable.watch(this);
  }

  /** From here on it is the server that takes long. */
  asked(): void {
    if (!this.holdsBack) return;
    this.holdsBack = false;
    this.exchange.resumable?.unwatch(this);
    this.watch();
  }

  settled(): void {
    this.exchange.resumable?.unwatch(this);
    // A stream that was given whole is kept for a while; what it came from need not be.
    const out = this.#stream?.out;
    if (out instanceof ClientStream && out.ended) out.keeper = undefined;
  }

  /** The answer takes long: the client gets an id with which it can come back for it. */
  openEarly(): void {
    if (this.holdsBack) return this.watch();
    if (this.#stream === undefined) {
      const { connection } = this.exchange;
      if (connection.gone || this.#plainBegun || requestIds(this.exchange).length !== 1) return;
      this.#openOwnStream();
    }
    const out = this.#stream?.out;
    if (out instanceof ClientStream && out.silent) out.prime();
  }

  /** What is called when the client has left for good. */
  abandonWith(abandon: () => void, laterMs: number): void {
    this.#abandon = abandon;
    this.#abandonMs = laterMs;
    const later = (): void => {
      // Where the client can come back the stream's own clock decides.
      if (this.#stream?.out instanceof ClientStream && !this.gone) return;
      setTimeout(() => this.#giveUp(), this.#abandonMs).unref();
    };
    if (this.exchange.connection.gone) later();
    else if (!this.#isWatched) this.exchange.connection.onGone(later);
    this.#isWatched = true;
  }

  /** As if the client had left for good, unless the answer has begun: that still passes. */
  giveUpUnbegun(): void {
    if (!this.#plainBegun) this.#giveUp();
  }

  #giveUp(): void {
    this.abandoned = true;
    this.#abandon?.();
  }

  /** The client may come back. */
  left(): void {}

  expired(): void {
    this.#giveUp();
  }

  /** The stream that the client reads, once there is one. */
  get out(): EventOut | undefined {
    return this.#stream?.out;
  }

  /** Ends the answer without one: the request was cancelled, or nobody waits. */
  endUnanswered(): void {
    // A stream that ends says that nothing comes; an answer without a body would say something.
    if (this.#stream === undefined && !this.exchange.connection.gone) this.#openOwnStream();
    this.#stream?.out.end();
  }

  /** The client comes back for an answer of before a restart, which goes on in this stream. */
  continueOn(stream: ClientStream): void {
    this.#stream = StreamRelay.on(this, stream);
  }

  /** At once where the whole answer came with its head, which is the common case. */
  deliver(reply: Extract<Reply, { kind: "reply" }>, generation: number): Delivery | Promise<Delivery> {
    const contentType = mediaType(reply.headers["content-type"]);
    if (reply.status >= 300) return this.#hold(reply, contentType);
    if (contentType === "text/event-stream") return this.#wholeStream(reply) ?? this.#toStream(reply, generation);
    return this.#plain(reply, contentType);
  }

  expect(ids: readonly RawId[]): void {
    this.#open = new Set(ids);
  }

  /** The common stream: it came whole, is small and answers one request. Undefined for any other. */
  #wholeStream({ status, headers, body }: Extract<Reply, { kind: "reply" }>): Delivery | undefined {
    const { resumable, connection } = this.exchange;
    if (!body.complete || resumable === undefined || this.#stream !== undefined || connection.gone) return undefined;
    if (this.#capture || this.session.snapshot.markNext !== undefined || this.#countOpen() !== 1) return undefined;
    const asked = this.#open === undefined ? requestIds(this.exchange)[0] : this.#open.values().next().value;
    if (asked === undefined) return undefined;
    const whole = readWholeAnswer(joined(body.arrived), asked);
    const numbered = whole && resumable.keepAnswer(this.session, asked, whole);
    if (numbered === undefined) return undefined;
    this.#plainBegun = true;
    this.#open = noneOpen;
    const given = clientHeaders(headers, this.session.connector.settings.front);
    given.push(...unbuffered, "content-length", String(numbered.length));
    connection.answer(status, given, numbered);
    return delivered;
  }

  #toStream(reply: Extract<Reply, { kind: "reply" }>, generation: number): Promise<Delivery> {
    const stream =
      this.#stream ??
      this.#openStream(reply.status, clientHeaders(reply.headers, this.session.connector.settings.front));
    return stream.pipe(reply.body, generation);
  }

  /** Before the server has begun to answer. */
  #openOwnStream(): void {
    this.#openStream(200, [...streamHeaders, ...(this.exchange.ownHeaders ?? [])]);
  }

  #openStream(status: number, headers: readonly string[]): StreamRelay {
    const stream = StreamRelay.open(this, status, headers, this.#capture);
    this.#stream = stream;
    if (stream.out instanceof ClientStream) stream.out.keeper = this;
    return stream;
  }

  /** A refusal: read as much as classification needs, and keep it ready to be passed on as it is. */
  async #hold(reply: Extract<Reply, { kind: "reply" }>, contentType: string): Promise<Delivery> {
    const { held, ended } = await readHead(reply.body);
    const head = Buffer.concat(held);
    const text = head.toString();
    const message = contentType === "text/event-stream" ? firstMessage(`${text}\n\n`, contentType) : undefined;
    const facts: ReplyFacts = {
      status: reply.status,
      contentType,
      challenged: reply.headers["www-authenticate"] !== undefined,
      body: message === undefined ? text : JSON.stringify(message),
    };
    const pass = (): Promise<Delivery> => {
      if (this.#stream !== undefined) {
        const shown = message === undefined ? head : Buffer.from(JSON.stringify(message));
        return Promise.resolve(this.#stream.message(reply.status, shown));
      }
      this.#plainBegun = true;
      const headers = clientHeaders(reply.headers, this.session.connector.settings.front);
      if (ended) return Promise.resolve(this.#end(reply.status, headers, head));
      this.exchange.connection.head(reply.status, headers);
      this.exchange.connection.write(head);
      return this.#flow(reply.body, held);
    };
    return { kind: "held", facts, pass };
  }

  /** JSON, an empty 202, or anything else that is no stream. */
  #plain(reply: Extract<Reply, { kind: "reply" }>, contentType: string): Promise<Delivery> | Delivery {
    const { status, body } = reply;
    const headers = clientHeaders(reply.headers, this.session.connector.settings.front);
    // The common case: the whole answer came with its head.
    if (body.complete) return this.#whole(status, headers, contentType, joined(body.arrived));
    const announced = reply.headers["content-length"];
    return new Promise((resolve) => {
      const held: Buffer[] = [];
      let size = 0;
      const holdBytes = this.session.snapshot.markNext === undefined ? plainHoldBytes : captureBytes;
      body.pipe({
        data: (chunk) => {
          held.push(chunk);
          size += chunk.length;
          if (size <= holdBytes) return true;
          // Too large to be a disguised refusal: from here on it flows.
          if (this.#stream !== undefined) {
            resolve(this.#flowAsEvent(this.#stream, body, held));
            return true;
          }
          this.#plainBegun = true;
          if (typeof announced === "string") headers.push("content-length", announced);
          this.exchange.connection.head(status, headers);
          for (const each of held) this.exchange.connection.write(each);
          resolve(this.#flow(body, held));
          return true;
        },
        end: () => resolve(this.#whole(status, headers, contentType, joined(held))),
        cut: () => resolve({ kind: "cut", lastEventId: undefined, begun: false }),
      });
    });
  }

  #whole(status: number, headers: string[], contentType: string, whole: Buffer): Delivery {
    const readable = status === 200 && contentType === "application/json" && !headers.includes("content-encoding");
    // However cleanly it ended (session-loss research, 2.4): a proxy makes a whole answer of whatever reached it.
    if (readable && this.#countOpen() > 0 && isTorn(whole))
      return { kind: "cut", lastEventId: undefined, begun: false };
    const suspicious =
      status === 200 && this.#countOpen() === 1 && whole.length <= refusalBytes && mentionsError(whole);
    if (!suspicious) return this.#end(status, headers, whole);
    const facts: ReplyFacts = { status, contentType, challenged: false, body: whole.toString() };
    return { kind: "held", facts, pass: () => Promise.resolve(this.#end(status, headers, whole)) };
  }

  #end(status: number, headers: string[], whole: Buffer): Delivery {
    const { connection } = this.exchange;
    this.#plainBegun = true;
    const body =
      this.session.snapshot.markNext === undefined || this.#countOpen() === 0
        ? whole
        : markRestored(this.session, whole);
    if (this.#capture) this.captured = [body.toString()];
    if (this.#stream !== undefined) return this.#stream.message(status, body);
    this.#open = noneOpen;
    if (status !== 204) headers.push("content-length", String(body.length));
    connection.answer(status, headers, body);
    return delivered;
  }

  /** A large document that comes after a stream was opened for it: one event, piece by piece. */
  #flowAsEvent(stream: StreamRelay, body: ReplyBody, held: readonly Buffer[]): Promise<Delivery> {
    return new Promise((resolve) => {
      const breaks = new LineBreaks();
      const { out } = stream;
      stream.beginMessage();
      for (const chunk of held) out.part(breaks.push(chunk));
      body.pipe({
        data: (chunk) => {
          out.part(breaks.push(chunk));
          if (out.flowing) return true;
          out.whenFlowing(() => body.resume());
          return false;
        },
        end: () => {
          out.lastPart([blankLine]);
          out.end();
          resolve(delivered);
        },
        cut: () => {
          out.breakPart();
          resolve({ kind: "cut", lastEventId: undefined, begun: true });
        },
      });
    });
  }

  /** The rest of a body whose head and beginning (`held`) have been sent. */
  #flow(body: ReplyBody, held: readonly Buffer[]): Promise<Delivery> {
    const { connection } = this.exchange;
    const kept = new Captured(this.#capture, held);
    this.open.clear();
    return new Promise((resolve) => {
      body.pipe({
        data: (chunk) => {
          kept.push(chunk);
          if (connection.write(chunk)) return true;
          connection.onDrain(() => body.resume());
          return false;
        },
        end: () => {
          const text = kept.text();
          if (text !== undefined) this.captured = [text];
          connection.end();
          resolve(delivered);
        },
        // The client already has a part: only a broken connection tells it that the rest is missing.
        cut: () => {
          connection.destroy();
          resolve(delivered);
        },
      });
    });
  }
}

/** What an answer that flows leaves to be looked at, unless it is too large to be held. */
class Captured {
  #chunks: Buffer[] | undefined;
  #size = 0;

  constructor(isWanted: boolean, held: readonly Buffer[]) {
    this.#chunks = isWanted ? [] : undefined;
    for (const chunk of held) this.push(chunk);
  }

  push(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > captureBytes) this.#chunks = undefined;
    this.#chunks?.push(chunk);
  }

  text(): string | undefined {
    return this.#chunks && Buffer.concat(this.#chunks).toString();
  }
}

/** A JSON-RPC answer ends with a bracket; what does not is only the beginning of one, or nothing. */
export function isTorn(json: Buffer): boolean {
  let at = json.length - 1;
  while (at >= 0 && (json[at] as number) <= 32) at -= 1;
  return json[at] !== 125 && json[at] !== 93;
}

export function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
