// The durable side of one session: writes its row in order, each only over the generation it follows. Never on the path of a request.

import type { Log } from "../../observability/index.ts";
import { type SessionStore, type StoredSession, StoreError } from "../../store/index.ts";
import { encodeSnapshot } from "./snapshot.ts";
import type { UpstreamSession } from "./upstream-session.ts";

/** One for all rows. */
const nothing = Promise.resolve();
/** Between two tries to delete a row. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

export interface RowKey {
  readonly connector: string;
  /** Keyed hash of the client's session id. */
  readonly key: string;
  readonly principal: string;
}

/** What a row is written from. */
type Written = Pick<UpstreamSession, "state" | "snapshot" | "lastSeenAtMs">;

export class SessionRow {
  readonly #store: SessionStore;
  readonly #log: Log;
  /** What the log calls the connector; the row's own word for it is a hash. */
  readonly #connectorName: string;
  readonly rowKey: RowKey;
  /** The generation that the store holds, as far as is known; it stays behind after a write that failed. Undefined: no row. */
  #stored: number | undefined;
  /** The store has failed to take it so far: whatever is written next tries again. */
  #isMissing = false;
  #scheduled = false;
  /** Once it was deleted: settles when the row has left the store for certain. */
  gone: Promise<unknown> = nothing;
  /** Writes happen one after the other. */
  #last: Promise<unknown> = nothing;

  constructor(store: SessionStore, log: Log, connectorName: string, rowKey: RowKey, stored: number | undefined) {
    this.#store = store;
    this.#log = log;
    this.#connectorName = connectorName;
    this.rowKey = rowKey;
    this.#stored = stored;
  }

  /** Resolves once the new session is on disk. A store that fails costs durability, not the session; it is logged. */
  async add(session: Written): Promise<void> {
    const row = this.#row(session);
    if (row === undefined) return;
    this.#isMissing = true;
    await this.#inOrder(() => this.#add(row));
  }

  /** The compare-and-set of a restore: "stale" means that another process was first, or that the session was deleted meanwhile. */
  async replaceGeneration(
    session: Written,
    upstreamId: string | undefined,
    generation: number,
  ): Promise<"saved" | "stale"> {
    const snapshot = encodeSnapshot({ v: 1, upstreamId, served: false, snapshot: session.snapshot });
    const row: StoredSession = { ...this.rowKey, generation, snapshot, lastSeenAtMs: session.lastSeenAtMs };
    let outcome: "saved" | "stale" = "saved";
    await this.#inOrder(async () => {
      outcome = await this.#replace(row);
    });
    return outcome;
  }

  /** Writes the session as it is, soon; several changes become one write. */
  saveSoon(session: Written): void {
    if (this.#scheduled || (this.#stored === undefined && !this.#isMissing)) return;
    this.#scheduled = true;
    void this.#inOrder(async () => {
      this.#scheduled = false;
      const row = this.#row(session);
      if (row !== undefined) await this.#replace(row);
    });
  }

  /** What the store holds now; from here on writes follow that. */
  async find(): Promise<StoredSession | undefined> {
    const row = await this.#store.find(this.rowKey.connector, this.rowKey.key);
    this.#stored = row?.generation;
    if (row !== undefined) this.#isMissing = false;
    return row;
  }

  /** Resolves with what another process had written over ours meanwhile, if it had; a deletion that fails is tried again behind it (`gone`). */
  async delete(): Promise<StoredSession | undefined> {
    let foreign: StoredSession | undefined;
    let isGone = false;
    const deleted = this.#inOrder(async () => {
      const { connector, key } = this.rowKey;
      const row = await this.#store.find(connector, key).catch(() => undefined);
      if (row?.generation !== this.#stored) foreign = row;
      this.#stored = undefined;
      this.#isMissing = false;
      await this.#store.delete(connector, key);
      isGone = true;
    });
    this.gone = deleted.then(() => (isGone ? undefined : this.#deleteLater()));
    await deleted;
    return foreign;
  }

  async #deleteLater(): Promise<void> {
    const { connector, key } = this.rowKey;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
      const outcome = await this.#store.delete(connector, key).then(
        () => "deleted" as const,
        (cause: unknown) => cause,
      );
      if (outcome === "deleted" || (outcome instanceof StoreError && outcome.problem === "closed")) return;
    }
  }

  /** Resolves when everything asked for so far is written. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #add(row: StoredSession): Promise<void> {
    await this.#store.add(row);
    this.#stored = row.generation;
    this.#isMissing = false;
  }

  async #replace(row: StoredSession): Promise<"saved" | "stale"> {
    // Not there, or deleted: there is nothing that another process could change.
    if (this.#stored === undefined) {
      if (this.#isMissing) await this.#add(row);
      return "saved";
    }
    const outcome = await this.#store.replace(row, this.#stored);
    if (outcome === "saved") this.#stored = row.generation;
    return outcome;
  }

  #row(session: Written): StoredSession | undefined {
    const { state, snapshot, lastSeenAtMs } = session;
    if (state.at !== "operating") return undefined;
    const text = encodeSnapshot({ v: 1, upstreamId: state.upstreamId, served: state.served, snapshot });
    return { ...this.rowKey, generation: state.generation, snapshot: text, lastSeenAtMs };
  }

  async #inOrder(write: () => Promise<void>): Promise<void> {
    const run = this.#last.then(write).catch((cause: unknown) => {
      this.#log.event("error", "session not stored", { connector: this.#connectorName, reason: String(cause) });
    });
    this.#last = run;
    await run;
  }
}
