// The durable side of one session: writes its row in order, each only over the generation it follows. Never on the path of a request.

import type { Log } from "../../observability/index.ts";
import type { SessionStore, StoredSession } from "../../store/index.ts";
import { encodeSnapshot } from "./snapshot.ts";
import type { UpstreamSession } from "./upstream-session.ts";

export interface RowKey {
  readonly connector: string;
  /** Keyed hash of the client's session id. */
  readonly key: string;
  readonly principal: string;
}

export class SessionRow {
  readonly #store: SessionStore;
  readonly #log: Log;
  readonly rowKey: RowKey;
  #stored: boolean;
  #scheduled = false;
  /** Writes happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: SessionStore, log: Log, rowKey: RowKey, stored: boolean) {
    this.#store = store;
    this.#log = log;
    this.rowKey = rowKey;
    this.#stored = stored;
  }

  /** Resolves once the new session is on disk. A store that fails costs durability, not the session; it is logged. */
  async add(session: UpstreamSession): Promise<void> {
    const row = this.#row(session);
    if (row === undefined) return;
    await this.#inOrder(async () => {
      await this.#store.add(row);
      this.#stored = true;
    });
  }

  /** The compare-and-set of a restore: "stale" means that another process was first, or that the session was deleted meanwhile. */
  async replaceGeneration(
    session: UpstreamSession,
    upstreamId: string | undefined,
    generation: number,
  ): Promise<"saved" | "stale"> {
    const snapshot = encodeSnapshot({ v: 1, upstreamId, served: false, snapshot: session.snapshot });
    const row: StoredSession = { ...this.rowKey, generation, snapshot, lastSeenAtMs: session.lastSeenAtMs };
    let outcome: "saved" | "stale" = "saved";
    await this.#inOrder(async () => {
      if (this.#stored) outcome = await this.#store.replace(row, generation - 1);
    });
    return outcome;
  }

  /** Writes the session as it is, soon; several changes become one write. */
  saveSoon(session: UpstreamSession): void {
    if (this.#scheduled || !this.#stored) return;
    this.#scheduled = true;
    void this.#inOrder(async () => {
      this.#scheduled = false;
      const row = this.#row(session);
      if (row !== undefined && this.#stored) await this.#store.replace(row, row.generation);
    });
  }

  find(): Promise<StoredSession | undefined> {
    return this.#store.find(this.rowKey.connector, this.rowKey.key);
  }

  delete(): Promise<void> {
    return this.#inOrder(async () => {
      this.#stored = false;
      await this.#store.delete(this.rowKey.connector, this.rowKey.key);
    });
  }

  /** Resolves when everything asked for so far is written. */
  async settled(): Promise<void> {
    await this.#last;
  }

  #row(session: UpstreamSession): StoredSession | undefined {
    const { state, snapshot, lastSeenAtMs } = session;
    if (state.at !== "operating") return undefined;
    const text = encodeSnapshot({ v: 1, upstreamId: state.upstreamId, served: state.served, snapshot });
    return { ...this.rowKey, generation: state.generation, snapshot: text, lastSeenAtMs };
  }

  async #inOrder(write: () => Promise<void>): Promise<void> {
    const run = this.#last.then(write).catch((cause: unknown) => {
      this.#log.event("error", "session not stored", { connector: this.rowKey.connector, reason: String(cause) });
    });
    this.#last = run;
    await run;
  }
}
