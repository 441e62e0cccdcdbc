// The event streams of one session that its client may come back for. Nobody else's: a session is found by its id and its principal.
import { randomBytes } from "node:crypto";
import type { RawId } from "../../protocol/index.ts";
import type { StoredStream } from "../../store/index.ts";
import { Line, type UpstreamSession } from "../session/index.ts";
import { ClientStream, type ClientStreamParts } from "./client-stream.ts";
import type { StreamKind } from "./event-id.ts";
import { type AnswerOwner, KeptAnswer, numbered } from "./kept-answer.ts";
import type { OfSession, StreamOwner } from "./of-session.ts";
import { SessionJournal } from "./session-journal.ts";
import type { StreamClock, Timed } from "./stream-clock.ts";
import type { StreamJournal } from "./stream-journal.ts";
import type { WholeAnswer } from "./whole-answer.ts";

/** The first revision whose clients know an event with an id and no data. */
const primingSince = "2025-11-25";
/** Most answers that were given whole and are kept all the same: the system may have taken them and the client not. */
const mostFinished = 64;

export interface Found {
  readonly stream: ClientStream;
  /** As it was found; undefined if it is in use already. */
  readonly stored: StoredStream | undefined;
}

export class SessionStreams implements StreamOwner, AnswerOwner, Timed {
  readonly #clock: StreamClock;
  readonly #session: UpstreamSession;
  readonly #journal: SessionJournal | undefined;
  /** Never the same again, so that an id of before a restart means nothing by chance. */
  readonly #prefix = randomBytes(9).toString("base64url");
  /** Not given whole yet. Who comes back for a stream is rare, so that looking along the lines is cheaper than an index. */
  readonly #open = new Line<OfSession>();
  /** Given whole, the last time longest ago first. */
  readonly #given = new Line<OfSession>();
  #count = 0;
  #givenCount = 0;
  #isClosed = false;

  constructor(clock: StreamClock, session: UpstreamSession, journal: StreamJournal | undefined) {
    this.#clock = clock;
    this.#session = session;
    this.#journal = journal && new SessionJournal(journal, session);
  }

  open(kind: StreamKind, asked: readonly RawId[]): ClientStream {
    const stream = this.#make({ kind, token: this.#nextToken(), asked });
    this.#open.join(stream);
    return stream;
  }

  /** Numbers the events of an answer that goes out in one piece. Undefined where it needs a stream: to be on disk first, or for its size. */
  keep(asked: RawId, answer: WholeAnswer): Buffer | undefined {
    const { limits, nowMs, kept } = this.#clock;
    if (this.#journal !== undefined || this.#isClosed || answer.offsets.length / 4 > limits.keepEvents)
      return undefined;
    const token = this.#nextToken();
    const events = numbered(answer, token, asked);
    if (events.length > limits.keepBytes) return undefined;
    const left = new KeptAnswer(this, token, nowMs, events);
    this.#given.join(left);
    kept.add(left);
    this.#oneMoreGiven();
    kept.settle();
    return events;
  }

  get(token: string): ClientStream | undefined {
    for (const line of [this.#open, this.#given])
      for (let one = line.first; one !== undefined; one = one.behind)
        if (one.token === token) return one instanceof KeptAnswer ? this.#revive(one) : (one as ClientStream);
    return undefined;
  }

  /** The stream of this name that Holdfast had before it was restarted, if that kept it (`--durable-streams`). */
  async find(token: string): Promise<Found | undefined> {
    if (this.#journal === undefined) return undefined;
    const stored = await this.#journal.find(token);
    if (stored === undefined) return undefined;
    // Another request was faster.
    const known = this.get(token);
    if (known !== undefined) return { stream: known, stored: undefined };
    const kind = stored.streamKind === "standing" ? "standing" : "answer";
    const stream = this.#make({ kind, token, asked: JSON.parse(stored.asked) as RawId[], stored });
    this.#open.join(stream);
    return { stream, stored };
  }

  finished(stream: ClientStream, first: boolean): void {
    (first ? this.#open : this.#given).leave(stream);
    this.#given.join(stream);
    if (first) this.#oneMoreGiven();
    // Nobody can come back for it: with its session the id is unknown.
    if (this.#isClosed) stream.close();
  }

  over(stream: ClientStream): void {
    if (stream.finished) this.#givenCount -= 1;
    (stream.finished ? this.#given : this.#open).leave(stream);
  }

  gone(answer: KeptAnswer): void {
    if (!answer.inLine) return;
    this.#givenCount -= 1;
    this.#given.leave(answer);
    this.#clock.kept.remove(answer);
  }

  /** Called by the clock. */
  tick(): boolean {
    for (const stream of this.#open) stream.tick();
    // The first of those that were given is the first to be too old.
    for (let { first } = this.#given; first !== undefined; { first } = this.#given) {
      first.tick();
      if (first.inLine) break;
    }
    return !this.#isClosed || this.#open.first !== undefined || this.#given.first !== undefined;
  }

  get isAnswering(): boolean {
    for (let one = this.#open.first; one !== undefined; one = one.behind) if (one.isAnswering) return true;
    return false;
  }

  /** The session is over. A client that listens for its answer is still given that, or the error in its place. */
  close(): void {
    this.#isClosed = true;
    for (const line of [this.#open, this.#given]) for (const one of line) if (!isHeard(one)) one.expire();
  }

  /** As `close`, and nothing more is given to anybody. */
  closeAll(): void {
    this.#isClosed = true;
    for (const line of [this.#open, this.#given]) for (const one of line) one.expire();
  }

  #oneMoreGiven(): void {
    this.#givenCount += 1;
    if (this.#givenCount > mostFinished) this.#given.first?.forget();
  }

  #nextToken(): string {
    this.#count += 1;
    return `${this.#prefix}${this.#count.toString(36)}`;
  }

  #revive(answer: KeptAnswer): ClientStream {
    const { token, stored } = answer;
    this.gone(answer);
    const stream = this.#make({ kind: "answer", token, asked: [], stored, finished: true });
    this.#given.join(stream);
    this.#oneMoreGiven();
    return stream;
  }

  #make(parts: Pick<ClientStreamParts, "kind" | "token" | "asked" | "stored" | "finished">): ClientStream {
    this.#clock.streams.add(this);
    return new ClientStream({
      owner: this,
      clock: this.#clock,
      knowsPriming: this.#session.snapshot.clientVersion >= primingSince,
      journal: this.#journal,
      ...parts,
    });
  }
}

/** A client listens for an answer that has not come yet. */
function isHeard(one: OfSession): boolean {
  return one instanceof ClientStream && one.isAnswering && one.attached;
}
