// All sessions of one connector: finds them by the client's id and principal, opens, adopts, brings them back from the store, ends the idle ones.
import { ProxyError } from "../../errors/index.ts";
import { keyedHash, principalHash, sessionHash } from "../../observability/index.ts";
import { type ClientSessionId, isClientSessionId, newClientSessionId } from "../../protocol/index.ts";
import type { StoredSession } from "../../store/index.ts";
import type { Connector } from "./connector.ts";
import { endUpstreamSession } from "./initialize.ts";
import { moveSession } from "./move-session.ts";
import { SessionIndex } from "./session-index.ts";
import { SessionRow } from "./session-row.ts";
import { decodeSnapshot, type Snapshot } from "./snapshot.ts";
import { UpstreamSession } from "./upstream-session.ts";

export interface SessionLimits {
  readonly maxSessions: number;
  /** A session that nobody used for this long is ended on both sides. */
  readonly idleTimeoutMs: number;
}

/** What became of the sessions: `failed` ones stay where they were, `left` ones needed no move. */
export interface MoveCounts {
  readonly moved: number;
  readonly failed: number;
  readonly left: number;
}

/** A session that waits in the store for its client. */
export interface WaitingSession {
  readonly row: StoredSession;
  readonly snapshot: Snapshot;
  readonly shortHash: string;
}

const mostListed = 1_000;

/** How often idle sessions are looked for and last-seen times are written: at most this, and a fraction of a short idle timeout. */
const longestSweepMs = 60_000;
const shortestSweepMs = 50;
const rowsPerSweep = 100;

const movesAtOnce = 4;
/** How long an initialize that nobody waits for any more may take, so that its session can be ended. */
const endRestoreMs = 3_000;
/** How long a stop waits for deletions that meet a locked or broken store. */
const leaveMs = 3_000;

/** Different initialize texts that are held for sharing. */
const keptTexts = 100;

export class SessionManager {
  readonly connector: Connector;
  readonly #limits: SessionLimits;
  readonly #sessions = new SessionIndex();
  /** Look-ups in the store that are under way, so that parallel first requests after a restart share one. */
  readonly #initializeTexts = new Map<string, string>();
  readonly #loading = new Map<string, Promise<UpstreamSession | undefined>>();
  readonly #adopting = new Map<string, Promise<UpstreamSession>>();
  /** Sessions that are over and whose rows are still on their way out of the store: they must not be found there. */
  readonly #leaving = new Map<string, Promise<unknown>>();
  readonly #sweep: NodeJS.Timeout;
  #lastSweepMs = Date.now();
  #isEnded = false;

  constructor(connector: Connector, limits: SessionLimits) {
    this.connector = connector;
    this.#limits = limits;
    const sweepMs = Math.max(shortestSweepMs, Math.min(longestSweepMs, limits.idleTimeoutMs / 4));
    this.#sweep = setInterval(() => void this.#tidy(), sweepMs).unref();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Those that are live in this process. */
  all(): Iterable<UpstreamSession> {
    return this.#sessions.values();
  }

  /** The live session, without touching the store: the path of every ordinary request. */
  get(id: string, principal: string): UpstreamSession | undefined {
    // A foreign session and an unknown one look the same to the caller (design rule 9): neither is under this key.
    return this.#sessions.get(id, principal);
  }

  /** As `get`, and looks into the store: the session may stem from before a restart of Holdfast. */
  async find(id: string, principal: string): Promise<UpstreamSession | undefined> {
    const live = this.#sessions.get(id, principal);
    if (live !== undefined || !isClientSessionId(id)) return live;
    const key = keyOf(id, principal);
    if (this.#leaving.has(key)) return undefined;
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = this.#load(id, principal).finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }

  /** One opening per id and principal, however many requests ask for it at once (`--adopt-sessions`). */
  adopt(id: ClientSessionId, principal: string, open: () => Promise<UpstreamSession>): Promise<UpstreamSession> {
    const key = keyOf(id, principal);
    let adopting = this.#adopting.get(key);
    const live = this.#sessions.get(id, principal);
    if (adopting === undefined && live !== undefined) return Promise.resolve(live);
    if (adopting === undefined) {
      // The row of the session that had this id before would be in the way.
      const isFree = this.#leaving.get(key) ?? Promise.resolve();
      adopting = isFree.then(open).finally(() => this.#adopting.delete(key));
      this.#adopting.set(key, adopting);
    }
    return adopting;
  }

  /**
   * Opens a session that the server has just initialized. The row is written before this resolves, so the id survives our own death.
   * `adoptAs`: the id that the client brought (`--adopt-sessions`).
   * @throws ProxyError TOO_MANY_SESSIONS
   */
  async open(
    principal: string,
    snapshot: Snapshot,
    upstreamId: string | undefined,
    adoptAs?: ClientSessionId,
  ): Promise<UpstreamSession> {
    if (this.#isEnded) throw this.#disconnected();
    this.assertRoom();
    snapshot.openedAtMs = Date.now();
    const live = { generation: 1, upstreamId, served: false };
    if (adoptAs !== undefined) await this.#leaving.get(keyOf(adoptAs, principal));
    const isFree = adoptAs !== undefined && this.get(adoptAs, principal) === undefined;
    const session = this.#make(isFree ? adoptAs : newClientSessionId(), principal, snapshot, live, false);
    await session.row.add(session);
    if (this.#isEnded) throw this.#disconnected();
    return session;
  }

  /** @throws ProxyError TOO_MANY_SESSIONS */
  assertRoom(): void {
    const { maxSessions } = this.#limits;
    if (this.#sessions.size < maxSessions) return;
    throw new ProxyError("TOO_MANY_SESSIONS", {
      connector: this.connector.settings.name,
      note: `The limit is ${maxSessions}.`,
    });
  }

  principal(credential: string | undefined): string {
    return credential === undefined ? "none" : principalHash(this.connector.secret, credential);
  }

  /**
   * Ends every session on both sides, for good: whoever comes later is told that the connector is disconnected. `stored`: rows of sessions that
   * nobody has asked for since our own start; they are gone from the store already.
   */
  async end(stored: readonly StoredSession[]): Promise<void> {
    this.#isEnded = true;
    clearInterval(this.#sweep);
    const live = [...this.#sessions.values()];
    const keys = new Set(live.map((session) => session.row.rowKey.key));
    for (const session of live) session.close("disconnected");
    const others = stored.filter(({ key }) => !keys.has(key));
    const restores = live.map((session) => session.restore);
    await Promise.all([
      ...live.map((session) => session.ended),
      ...others.map((row) => this.#endAtServer(row)),
      // Their waiters have been answered. What a server opens for such a restore would be left there for ever, and some do not bear being left in an initialize.
      within(endRestoreMs, Promise.all(restores)),
    ]);
  }

  /** Sessions that nobody has asked for since our own start, those that were seen last first. */
  async stored(): Promise<readonly WaitingSession[]> {
    const { store, settings } = this.connector;
    const live = new Set([...this.#sessions.values()].map((session) => session.row.rowKey.key));
    const rows = await store.list(settings.storeKey, live.size + mostListed);
    return rows
      .filter(({ key }) => !live.has(key))
      .flatMap((row) => {
        const stored = decodeSnapshot(row.snapshot);
        return stored === undefined
          ? []
          : [{ row, snapshot: stored.snapshot, shortHash: hashOf(row, stored.snapshot) }];
      });
  }

  /** Ends such a session on both sides. False if there is none. */
  async endStored(shortHash: string): Promise<boolean> {
    const found = (await this.stored()).find((session) => session.shortHash === shortHash);
    if (found === undefined) return false;
    await this.connector.store.delete(found.row.connector, found.row.key);
    await this.#endAtServer(found.row);
    return true;
  }

  #disconnected(): ProxyError {
    return new ProxyError("CONNECTOR_DISCONNECTED", { connector: this.connector.settings.name });
  }

  /** Stops for good without ending anything at the server: a restart goes on where this stops. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    await this.#touch();
    const leaving = within(leaveMs, Promise.all(this.#leaving.values()));
    await Promise.all([leaving, ...[...this.#sessions.values()].map((session) => session.row.settled())]);
  }

  /** Moves every live session to a new server; a few at a time, for each may start a process. */
  async moveAll(): Promise<MoveCounts> {
    const left = [...this.#sessions.values()];
    const counts = { moved: 0, left: 0, failed: 0 };
    const work = async (): Promise<void> => {
      for (let session = left.pop(); session !== undefined; session = left.pop())
        counts[await moveSession(session)] += 1;
    };
    await Promise.all(Array.from({ length: movesAtOnce }, work));
    return counts;
  }

  async #load(id: ClientSessionId, principal: string): Promise<UpstreamSession | undefined> {
    const { settings, store, secret } = this.connector;
    const row = await store.find(settings.storeKey, rowKey(secret, id, principal)).catch((cause: unknown) => {
      this.connector.log.event("error", "session not read", { connector: settings.name, reason: String(cause) });
      throw new ProxyError("STORE_UNREADABLE", { connector: settings.name });
    });
    const stored = row === undefined ? undefined : decodeSnapshot(row.snapshot);
    if (row === undefined || stored === undefined) return undefined;
    const { upstreamId } = stored;
    // Once a session has been stored, its id was accepted by whoever wrote it; a refusal now is a loss.
    return this.#make(id, principal, stored.snapshot, { generation: row.generation, upstreamId, served: true }, true);
  }

  #make(
    id: ClientSessionId,
    principal: string,
    snapshot: Snapshot,
    live: { readonly generation: number; readonly upstreamId: string | undefined; readonly served: boolean },
    stored: boolean,
  ): UpstreamSession {
    const { settings, store, log, secret } = this.connector;
    const row = new SessionRow(
      store,
      log,
      settings.name,
      { connector: settings.storeKey, key: rowKey(secret, id, principal), principal },
      stored ? live.generation : undefined,
    );
    const shortHash = sessionHash(secret, id);
    const session = new UpstreamSession(this.connector, {
      id,
      principal,
      snapshot: { ...snapshot, initialize: this.#sameText(snapshot.initialize), shortHash },
      row,
      shortHash,
      state: { at: "operating", ...live },
      onForgotten: () => {
        this.#sessions.delete(id, principal);
        const key = keyOf(id, principal);
        const gone = session.row.gone.finally(() => this.#leaving.delete(key));
        this.#leaving.set(key, gone);
        this.connector.metrics.sessionClosed();
        this.connector.watch?.sessionEnded(session.shortHash);
      },
    });
    this.#sessions.add(session);
    this.connector.metrics.sessionOpened();
    this.connector.watch?.sessionOpened(session.shortHash);
    return session;
  }

  /** Clients of one kind initialize with the same text; it is held once. */
  #sameText(initialize: string): string {
    const known = this.#initializeTexts.get(initialize);
    if (known !== undefined) return known;
    if (this.#initializeTexts.size >= keptTexts) this.#initializeTexts.clear();
    this.#initializeTexts.set(initialize, initialize);
    return initialize;
  }

  async #tidy(): Promise<void> {
    await this.#touch();
    const before = Date.now() - this.#limits.idleTimeoutMs;
    for (const session of this.#sessions.values()) {
      if (session.lastSeenAtMs < before && session.inUse === 0) session.close("idle");
    }
    await this.#endForgotten(before);
  }

  /** Rows of sessions that nobody asked for since our own restart: ended on both sides like the others. */
  async #endForgotten(beforeMs: number): Promise<void> {
    const { store, settings, log } = this.connector;
    const rows = await store.takeIdle(settings.storeKey, beforeMs, rowsPerSweep).catch((cause: unknown) => {
      log.event("error", "idle sessions not ended", { connector: settings.name, reason: String(cause) });
      return [];
    });
    for (const row of rows) await this.#endAtServer(row);
  }

  async #endAtServer(row: StoredSession): Promise<void> {
    const stored = decodeSnapshot(row.snapshot);
    if (stored === undefined) return;
    const { serverVersion: version, cookies } = stored.snapshot;
    const { headers } = this.connector.settings;
    await endUpstreamSession(this.connector, { headers, upstreamId: stored.upstreamId, version, cookies });
  }

  async #touch(): Promise<void> {
    const since = this.#lastSweepMs;
    this.#lastSweepMs = Date.now();
    const seen = [...this.#sessions.values()].filter((session) => session.inUse > 0 || session.lastSeenAtMs >= since);
    if (seen.length === 0) return;
    const keys = seen.map((session) => session.row.rowKey.key);
    await this.connector.store.touch(this.connector.settings.storeKey, keys, Date.now()).catch((cause: unknown) => {
      const { name: connector } = this.connector.settings;
      this.connector.log.event("error", "last use not stored", { connector, reason: String(cause) });
    });
  }
}

async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function hashOf({ key }: StoredSession, { shortHash }: Snapshot): string {
  return shortHash ?? key.slice(0, 12);
}

/** The stored key of a session: a keyed hash, so that the file tells nobody an id. */
function rowKey(secret: Uint8Array, id: ClientSessionId, principal: string): string {
  return keyedHash(secret, "row", keyOf(id, principal));
}

/** Two principals with the same id have two sessions, which can only come of adoption (security research, T2). */
function keyOf(id: string, principal: string): string {
  return `${principal} ${id}`;
}
