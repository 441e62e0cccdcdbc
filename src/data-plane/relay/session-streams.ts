// The event streams of one session that its client may come back for. Nobody else's: a session is found by its id and its principal.
import { randomBytes } from "node:crypto";
import type { RawId } from "../../protocol/index.ts";
import type { StoredStream } from "../../store/index.ts";
import type { UpstreamSession } from "../session/index.ts";
import { ClientStream, type StreamOwner } from "./client-stream.ts";
import type { StreamKind } from "./event-id.ts";
import { SessionJournal } from "./session-journal.ts";
import type { StreamClock } from "./stream-clock.ts";
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

export class SessionStreams implements StreamOwner {
  readonly #clock: StreamClock;
  readonly #session: UpstreamSession;
  readonly #journal: SessionJournal | undefined;
  /** Never the same again, so that an id of before a restart means nothing by chance. */
  readonly #prefix = randomBytes(9).toString("base64url");
  readonly #byToken = new Map<string, ClientStream>();
  #finished: Set<ClientStream> | undefined;
  #count = 0;

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
    return this.#byToken.get(token);
  }

  /** The stream of this name that Holdfast had before it was restarted, if that kept it (`--durable-streams`). */
  async find(token: string): Promise<Found | undefined> {
    if (this.#journal === undefined) return undefined;
    const stored = await this.#journal.find(token);
    if (stored === undefined) return undefined;
    // Another request was faster.
    const known = this.#byToken.get(token);
    if (known !== undefined) return { stream: known, stored: undefined };
    const kind = stored.streamKind === "standing" ? "standing" : "answer";
    return { stream: this.#add(kind, token, JSON.parse(stored.asked) as RawId[], stored), stored };
  }

  finished(stream: ClientStream): void {
    const finished = (this.#finished ??= new Set()).add(stream);
    if (finished.size > mostFinished) finished.values().next().value?.forget();
  }

  over(stream: ClientStream): void {
    this.#byToken.delete(stream.token);
    this.#finished?.delete(stream);
  }

  /** The session is over. */
  close(): void {
    for (const stream of this.#byToken.values()) {
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
    this.#byToken.set(token, stream);
    return stream;
  }
}
