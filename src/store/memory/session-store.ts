// Sessions in memory, for tests and for programs that need none after their end. Same promises as the other stores but durability.
import { randomBytes } from "node:crypto";
import { ownerOf, type SessionStore, type StoredSession } from "../port.ts";
import { StoreError } from "../store-error.ts";
import type { StoredStream, StreamChange, StreamName } from "../stream-port.ts";
import { MemoryStreams } from "./streams.ts";

export function openMemoryStore(): MemorySessionStore {
  return new MemorySessionStore();
}

export class MemorySessionStore implements SessionStore {
  /** By connector, then by key. */
  readonly #connectors = new Map<string, Map<string, StoredSession>>();
  readonly #eras = new Map<string, string>();
  readonly #streams = new MemoryStreams((connector, session) => this.#rows(connector).has(session));
  readonly #secret = randomBytes(32);
  #closed = false;

  async find(connector: string, key: string): Promise<StoredSession | undefined> {
    return this.#rows(connector).get(key);
  }

  async add(session: StoredSession): Promise<void> {
    const rows = this.#rows(session.connector);
    if (rows.has(session.key)) throw new StoreError("exists", "A session with this key is already stored.");
    rows.set(session.key, { ...session });
  }

  async replace(session: StoredSession, expectedGeneration: number): Promise<"saved" | "stale"> {
    const rows = this.#rows(session.connector);
    if (rows.get(session.key)?.generation !== expectedGeneration) return "stale";
    rows.set(session.key, { ...session });
    return "saved";
  }

  async touch(connector: string, keys: readonly string[], lastSeenAtMs: number): Promise<void> {
    const rows = this.#rows(connector);
    for (const key of keys) {
      const row = rows.get(key);
      if (row !== undefined && row.lastSeenAtMs < lastSeenAtMs) rows.set(key, { ...row, lastSeenAtMs });
    }
  }

  async delete(connector: string, key: string): Promise<void> {
    this.#rows(connector).delete(key);
    this.#streams.deleteOf(connector, key);
  }

  async list(connector: string, limit: number): Promise<readonly StoredSession[]> {
    return [...this.#rows(connector).values()].sort((a, b) => b.lastSeenAtMs - a.lastSeenAtMs).slice(0, limit);
  }

  async takeIdle(connector: string, beforeMs: number, limit: number): Promise<readonly StoredSession[]> {
    const rows = this.#rows(connector);
    const idle = [...rows.values()]
      .filter((row) => row.lastSeenAtMs < beforeMs)
      .sort((a, b) => a.lastSeenAtMs - b.lastSeenAtMs)
      .slice(0, limit);
    for (const { key } of idle) {
      rows.delete(key);
      this.#streams.deleteOf(connector, key);
    }
    return idle;
  }

  async findEras(connector: string): Promise<string | undefined> {
    this.#assertOpen();
    return this.#eras.get(connector);
  }

  async saveEras(connector: string, eras: string): Promise<void> {
    this.#assertOpen();
    this.#eras.set(connector, eras);
  }

  /** Deletes and returns every session of a connector and of its parts. */
  takeAll(owner: string): readonly StoredSession[] {
    this.#eras.delete(owner);
    const parts = [...this.#connectors.keys()].filter((connector) => ownerOf(connector) === owner);
    return parts.flatMap((connector) => {
      const rows = [...this.#rows(connector).values()];
      this.#connectors.delete(connector);
      for (const { key } of rows) this.#streams.deleteOf(connector, key);
      return rows;
    });
  }

  async writeStreams(changes: readonly StreamChange[], nowMs: number): Promise<void> {
    this.#assertOpen();
    this.#streams.write(changes, nowMs);
  }

  async findStream(name: StreamName): Promise<StoredStream | undefined> {
    this.#assertOpen();
    return this.#streams.find(name);
  }

  async touchStreams(names: readonly StreamName[], nowMs: number): Promise<void> {
    this.#assertOpen();
    this.#streams.touch(names, nowMs);
  }

  async deleteStreamsBefore(beforeMs: number): Promise<void> {
    this.#assertOpen();
    this.#streams.deleteBefore(beforeMs);
  }

  async secret(): Promise<Uint8Array> {
    this.#assertOpen();
    return this.#secret;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#connectors.clear();
    this.#eras.clear();
  }

  #rows(connector: string): Map<string, StoredSession> {
    this.#assertOpen();
    let rows = this.#connectors.get(connector);
    if (rows === undefined) {
      rows = new Map();
      this.#connectors.set(connector, rows);
    }
    return rows;
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError("closed", "The session store is closed.");
  }
}
