// All sessions of one connector: finds them by the client's id and principal, opens, adopts, brings them back from the store, ends the idle ones.
import { ProxyError } from "../../errors/index.ts";
import { keyedHash, principalHash, sessionHash } from "../../observability/index.ts";
import { type ClientSessionId, isClientSessionId, newClientSessionId } from "../../protocol/index.ts";
import type { Connector } from "./connector.ts";
import { SessionRow } from "./session-row.ts";
import { decodeSnapshot, type Snapshot } from "./snapshot.ts";
import { UpstreamSession } from "./upstream-session.ts";

export interface SessionLimits {
  readonly maxSessions: number;
  /** A session that nobody used for this long is ended on both sides. */
  readonly idleTimeoutMs: number;
}

/** How often idle sessions are looked for and last-seen times are written. */
const sweepIntervalMs = 60_000;

export class SessionManager {
  readonly connector: Connector;
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<string, UpstreamSession>();
  /** Look-ups in the store that are under way, so that parallel first requests after a restart share one. */
  readonly #loading = new Map<string, Promise<UpstreamSession | undefined>>();
  readonly #sweep: NodeJS.Timeout;
  #lastSweepMs = Date.now();

  constructor(connector: Connector, limits: SessionLimits) {
    this.connector = connector;
    this.#limits = limits;
    this.#sweep = setInterval(() => void this.#tidy(), sweepIntervalMs).unref();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The live session, without touching the store: the path of every ordinary request. */
  get(id: string, principal: string): UpstreamSession | undefined {
    const session = this.#sessions.get(id);
    // A foreign session and an unknown one look the same to the caller (design rule 9).
    return session !== undefined && session.principal === principal ? session : undefined;
  }

  /** As `get`, and looks into the store: the session may stem from before a restart of Holdfast. */
  async find(id: string, principal: string): Promise<UpstreamSession | undefined> {
    const live = this.#sessions.get(id);
    if (live !== undefined || !isClientSessionId(id)) return this.get(id, principal);
    let loading = this.#loading.get(id);
    if (loading === undefined) {
      loading = this.#load(id).finally(() => this.#loading.delete(id));
      this.#loading.set(id, loading);
    }
    const session = await loading;
    return session?.principal === principal ? session : undefined;
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
    this.assertRoom();
    const live = { generation: 1, upstreamId, served: false };
    const session = this.#make(adoptAs ?? newClientSessionId(), principal, snapshot, live, false);
    this.connector.metrics.sessionOpened();
    await session.row.add(session);
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

  /** Stops for good without ending anything at the server: a restart goes on where this stops. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    await this.#touch();
    await Promise.all([...this.#sessions.values()].map((session) => session.row.settled()));
  }

  async #load(id: ClientSessionId): Promise<UpstreamSession | undefined> {
    const { settings, store, secret } = this.connector;
    const row = await store.find(settings.storeKey, rowKey(secret, id));
    const stored = row === undefined ? undefined : decodeSnapshot(row.snapshot);
    if (row === undefined || stored === undefined) return undefined;
    const { upstreamId } = stored;
    // Once a session has been stored, its id was accepted by whoever wrote it; a refusal now is a loss.
    return this.#make(
      id,
      row.principal,
      stored.snapshot,
      { generation: row.generation, upstreamId, served: true },
      true,
    );
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
      { connector: settings.storeKey, key: rowKey(secret, id), principal },
      stored ? live.generation : undefined,
    );
    const session = new UpstreamSession(this.connector, {
      id,
      principal,
      snapshot,
      row,
      shortHash: sessionHash(secret, id),
      state: { at: "operating", ...live },
      onForgotten: () => {
        this.#sessions.delete(id);
        this.connector.metrics.sessionClosed();
      },
    });
    this.#sessions.set(id, session);
    return session;
  }

  async #tidy(): Promise<void> {
    await this.#touch();
    const before = Date.now() - this.#limits.idleTimeoutMs;
    for (const session of this.#sessions.values()) {
      if (session.lastSeenAtMs < before && session.openStream === undefined) session.close("idle");
    }
    // What is left are rows of sessions that nobody asked for since our own restart.
    await this.connector.store.takeIdle(this.connector.settings.storeKey, before, 100).catch(() => []);
  }

  async #touch(): Promise<void> {
    const since = this.#lastSweepMs;
    this.#lastSweepMs = Date.now();
    const seen = [...this.#sessions.values()].filter((session) => session.lastSeenAtMs >= since);
    if (seen.length === 0) return;
    const keys = seen.map((session) => session.row.rowKey.key);
    await this.connector.store.touch(this.connector.settings.storeKey, keys, Date.now()).catch((cause: unknown) => {
      this.connector.log.event("error", "last use not stored", { reason: String(cause) });
    });
  }
}

/** The stored key of a session: a keyed hash, so that the file tells nobody an id. */
function rowKey(secret: Uint8Array, id: ClientSessionId): string {
  return keyedHash(secret, "row", id);
}
