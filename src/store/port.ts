// The store as the rest sees it: durable session rows, each changed only by compare-and-set on its generation. Knows no SQL.

/** What a session needs to go on after a restart of the server or of Holdfast. Plain JSON, no live objects. */
export interface StoredSession {
  /** Keyed hash of the client's session id (hex). The id itself is never stored. */
  readonly key: string;
  /** Which connector the session belongs to; rows of another connector are never found. */
  readonly connector: string;
  /** Hash of what the client presented, or "none". */
  readonly principal: string;
  /** Rises by one with every restore; 1 after the first initialize. */
  readonly generation: number;
  /** The session's own record (see session/snapshot.ts), as JSON text. */
  readonly snapshot: string;
  /** Milliseconds since the epoch. */
  readonly lastSeenAtMs: number;
}

export interface SessionStore extends EraStore, AsyncDisposable {
  find(connector: string, key: string): Promise<StoredSession | undefined>;
  /** Inserts a session of generation 1. */
  add(session: StoredSession): Promise<void>;
  /** Writes the row only if the stored generation is still `expectedGeneration`; a deleted row is stale too, so nothing comes back. */
  replace(session: StoredSession, expectedGeneration: number): Promise<"saved" | "stale">;
  touch(connector: string, keys: readonly string[], lastSeenAtMs: number): Promise<void>;
  delete(connector: string, key: string): Promise<void>;
  /** Deletes and returns sessions not seen since `beforeMs`, at most `limit`. */
  takeIdle(connector: string, beforeMs: number, limit: number): Promise<readonly StoredSession[]>;
  /** A random secret of this data directory (32 bytes), made at first use: keys the hashes of session ids in store and log. */
  secret(): Promise<Uint8Array>;
}

/** What is remembered of each server's eras (bridge/eras.ts), as JSON text. */
export interface EraStore {
  findEras(connector: string): Promise<string | undefined>;
  saveEras(connector: string, eras: string): Promise<void>;
}
