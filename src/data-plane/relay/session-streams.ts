// The event streams of one session that its client may come back for. Nobody else's: a session is found by its id and its principal.
import { randomBytes } from "node:crypto";
import type { RawId } from "../../protocol/index.ts";
import type { UpstreamSession } from "../session/index.ts";
import { ClientStream, type Journal, type StreamOwner } from "./client-stream.ts";
import type { StreamKind } from "./event-id.ts";
import type { StreamClock } from "./stream-clock.ts";

/** The first revision whose clients know an event with an id and no data. */
const primingSince = "2025-11-25";
/** Most answers that were given whole and are kept all the same: the system may have taken them and the client not. */
const mostFinished = 64;

export class SessionStreams implements StreamOwner {
  readonly #clock: StreamClock;
  readonly #session: UpstreamSession;
  readonly #journal: Journal | undefined;
  /** Never the same again, so that an id of before a restart means nothing by chance. */
  readonly #prefix = randomBytes(9).toString("base64url");
  readonly #byToken = new Map<string, ClientStream>();
  #finished: Set<ClientStream> | undefined;
  #count = 0;

  constructor(clock: StreamClock, session: UpstreamSession, journal: Journal | undefined) {
    this.#clock = clock;
    this.#session = session;
    this.#journal = journal;
  }

  open(kind: StreamKind, asked: readonly RawId[]): ClientStream {
    this.#count += 1;
    return this.#add(kind, `${this.#prefix}${this.#count.toString(36)}`, asked.length === 1 ? asked[0] : undefined);
  }

  get(token: string): ClientStream | undefined {
    return this.#byToken.get(token);
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

  #add(kind: StreamKind, token: string, asked: RawId | undefined): ClientStream {
    const stream = new ClientStream({
      owner: this,
      clock: this.#clock,
      kind,
      token,
      asked,
      knowsPriming: this.#session.snapshot.clientVersion >= primingSince,
      journal: this.#journal,
    });
    this.#byToken.set(token, stream);
    return stream;
  }
}
