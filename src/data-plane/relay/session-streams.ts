// The event streams of one session that its client may come back for. Nobody else's: a session is found by its id and its principal.
import { randomBytes } from "node:crypto";
import type { RawId } from "../../protocol/index.ts";
import type { StoredStream } from "../../store/index.ts";
import { Line, type UpstreamSession } from "../session/index.ts";
import { ClientStream, type StreamOwner } from "./client-stream.ts";
import type { StreamKind } from "./event-id.ts";
import { SessionJournal } from "./session-journal.ts";
import type { StreamClock, Timed } from "./stream-clock.ts";
import type { StreamJournal } from "./stream-journal.ts";

/** The first revision whose clients know an event with an id and no data. */
const primingSince = "2025-11-25";
/** Most answers that were given whole and are kept all the same: the system may have taken them and the client not. */
const mostFinished = 64;

export interface Found {
  readonly stream: ClientStream;
  /** As it was found; undefined if it is in use already. */
  readonly stored: StoredStream | undefined;
}

export class SessionStreams implements StreamOwner, Timed {
  readonly #clock: StreamClock;
  readonly #session: UpstreamSession;
  readonly #journal: SessionJournal | undefined;
  /** Never the same again, so that an id of before a restart means nothing by chance. */
  readonly #prefix = randomBytes(9).toString("base64url");
  /** Oldest first. Who comes back for one is rare, so that looking along the line is cheaper than an index. */
  readonly #streams = new Line<ClientStream>();
  #count = 0;
  #finished = 0;
  #isClosed = false;

  constructor(clock: StreamClock, session: UpstreamSession, journal: StreamJournal | undefined) {
    this.#clock = clock;
    this.#session = session;
    this.#journal = journal && new SessionJournal(journal, session);
  }

  open(kind: StreamKind, asked: readonly RawId[]): ClientStream {
    this.#count += 1;
    return this.#add(kind, `${this.#prefix}${this.#count.toString(36)}`, asked);
  }

  get(token: string): ClientStream | undefined {
    for (const stream of this.#streams) if (stream.token === token) return stream;
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
    return { stream: this.#add(kind, token, JSON.parse(stored.asked) as RawId[], stored), stored };
  }

  finished(): void {
    this.#finished += 1;
    if (this.#finished <= mostFinished) return;
    for (const stream of this.#streams) if (stream.finished) return stream.forget();
  }

  over(stream: ClientStream): void {
    if (stream.finished) this.#finished -= 1;
    this.#streams.leave(stream);
  }

  /** Called by the clock. */
  tick(): boolean {
    for (const stream of this.#streams) stream.tick();
    return !this.#isClosed || this.#streams.first !== undefined;
  }

  get isAnswering(): boolean {
    for (const stream of this.#streams) if (stream.isAnswering) return true;
    return false;
  }

  /** The session is over. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams) {
      stream.onExpired?.();
      stream.close();
    }
  }

  #add(kind: StreamKind, token: string, asked: readonly RawId[], stored?: StoredStream): ClientStream {
    const stream = new ClientStream({
      owner: this,
      clock: this.#clock,
      kind,
      token,
      asked,
      knowsPriming: this.#session.snapshot.clientVersion >= primingSince,
      journal: this.#journal,
      stored,
    });
    this.#streams.join(stream);
    this.#clock.streams.add(this);
    return stream;
  }
}
