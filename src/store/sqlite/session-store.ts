// Sessions in a SQLite file that several processes may share. Decides nothing about them.
import type { SessionStore, StoredSession } from "../port.ts";
import { StoreError } from "../store-error.ts";
import type { StoredStream, StreamChange, StreamName } from "../stream-port.ts";
import { ask } from "./ask.ts";
import { type Database, openDatabase } from "./database.ts";
import { Eraser } from "./eraser.ts";
import { openQueries, type Queries } from "./queries.ts";
import { StreamQueries } from "./stream-queries.ts";

export interface SqliteStoreOptions {
  /** How long a write waits for another process that holds the lock. Only that write waits. */
  readonly lockPatienceMs?: number;
  /** How long after a deletion its last trace leaves the write-ahead log. */
  readonly eraseDelayMs?: number;
}

/** @throws StoreError when the directory or the file cannot be used; its message names the fix. */
export async function openSqliteStore(dataDir: string, options: SqliteStoreOptions = {}): Promise<SessionStore> {
  const { lockPatienceMs = 5_000, eraseDelayMs = 1_000 } = options;
  const database = openDatabase(dataDir, lockPatienceMs);
  return new SqliteSessionStore(database, new Eraser(database, eraseDelayMs));
}

export class SqliteSessionStore implements SessionStore {
  readonly #database: Database;
  readonly #eraser: Eraser;
  readonly #queries: Queries;
  readonly #takes: "all" | "wanted-connectors";
  readonly #streams: StreamQueries;
  #closed = false;

  /** `takes`: whether a session is taken only if a stored connector wants it. */
  constructor(database: Database, eraser: Eraser, takes: "all" | "wanted-connectors" = "all") {
    this.#database = database;
    this.#eraser = eraser;
    this.#queries = openQueries(database);
    this.#takes = takes;
    this.#streams = new StreamQueries(database.relaxed);
  }

  find(connector: string, key: string): Promise<StoredSession | undefined> {
    return this.#ask((queries) => queries.find(connector, key));
  }

  async add(session: StoredSession): Promise<void> {
    if (this.#takes === "all") return this.#ask((queries) => queries.add(session));
    if ((await this.#ask((queries) => queries.addWanted(session))) === 0)
      throw new StoreError("ended", StoreError.endedMessage);
  }

  async replace(session: StoredSession, expectedGeneration: number): Promise<"saved" | "stale"> {
    const changed = await this.#ask((queries) => queries.replace(session, expectedGeneration));
    return changed > 0 ? "saved" : "stale";
  }

  async touch(connector: string, keys: readonly string[], lastSeenAtMs: number): Promise<void> {
    if (keys.length > 0) await this.#ask((queries) => queries.touch(connector, keys, lastSeenAtMs));
  }

  async delete(connector: string, key: string): Promise<void> {
    if ((await this.#ask((queries) => queries.delete(connector, key))) > 0) this.#eraser.soon();
  }

  list(connector: string, limit: number): Promise<readonly StoredSession[]> {
    return this.#ask((queries) => queries.list(connector, limit));
  }

  async takeIdle(connector: string, beforeMs: number, limit: number): Promise<readonly StoredSession[]> {
    const taken = await this.#ask((queries) => queries.takeIdle(connector, beforeMs, limit));
    if (taken.length > 0) this.#eraser.soon();
    return taken;
  }

  findEras(connector: string): Promise<string | undefined> {
    return this.#ask((queries) => queries.findEras(connector));
  }

  saveEras(connector: string, eras: string): Promise<void> {
    return this.#ask((queries) =>
      this.#takes === "all" ? queries.saveEras(connector, eras) : queries.saveErasWanted(connector, eras),
    );
  }

  async writeStreams(changes: readonly StreamChange[], nowMs: number): Promise<void> {
    if ((await this.#ask(() => this.#streams.write(changes, nowMs))) > 0) this.#eraser.soon();
  }

  findStream(name: StreamName): Promise<StoredStream | undefined> {
    return this.#ask(() => this.#streams.find(name));
  }

  touchStreams(names: readonly StreamName[], nowMs: number): Promise<void> {
    return this.#ask(() => this.#streams.touch(names, nowMs));
  }

  async deleteStreamsBefore(beforeMs: number): Promise<void> {
    if ((await this.#ask(() => this.#streams.deleteBefore(beforeMs))) > 0) this.#eraser.soon();
  }

  async secret(): Promise<Uint8Array> {
    this.#assertOpen();
    return this.#database.secret;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#eraser.finish();
    this.#database.relaxed.close();
    this.#database.durable.close();
  }

  #ask<Answer>(question: (queries: Queries) => Answer): Promise<Answer> {
    return ask(this.#database, () => {
      this.#assertOpen();
      return question(this.#queries);
    });
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError("closed", "The session store is closed.");
  }
}
