// The store as the rest sees it: durable session rows, each changed only by compare-and-set on its generation. Knows no SQL.

import type { StreamStore } from "./stream-port.ts";

/** What a session needs to go on after a restart of the server or of Holdfast. Plain JSON, no live objects. */
export interface StoredSession {
  /** Keyed hash of the client's session id (hex). The id itself is never stored. */
  readonly key: string;
  /** Which connector the session belongs to, or KEY:PART for those that a part of it holds by itself; rows of another connector or part are never found. */
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

/** The connector to which a session belongs, whichever part of it holds the session. Such keys have no colon of their own. */
export function ownerOf(connector: string): string {
  const [owner = connector] = connector.split(":", 1);
  return owner;
}

export interface SessionStore extends EraStore, StreamStore, AsyncDisposable {
  find(connector: string, key: string): Promise<StoredSession | undefined>;
  /** Inserts a session of generation 1. */
  add(session: StoredSession): Promise<void>;
  /** Writes the row only if the stored generation is still `expectedGeneration`; a deleted row is stale too, so nothing comes back. */
  replace(session: StoredSession, expectedGeneration: number): Promise<"saved" | "stale">;
  touch(connector: string, keys: readonly string[], lastSeenAtMs: number): Promise<void>;
  delete(connector: string, key: string): Promise<void>;
  /** The connector's sessions, those that were seen last first. */
  list(connector: string, limit: number): Promise<readonly StoredSession[]>;
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

/** A connector as it is wanted. What it says of its server is sealed before it comes here. */
export interface StoredConnector {
  readonly name: string;
  /** Of this connector's whole life; one of the same name that is added later has another. */
  readonly id: string;
  /** Rises with every write to any connector, also over removals, so that no two writes ever share one. */
  readonly generation: number;
  readonly wanted: "connected" | "disconnected";
  /** Under which its sessions are stored; a new one with each connect and each new server, so that older sessions are never found. */
  readonly sessionsKey: string;
  readonly sealed: Uint8Array;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
}

export interface ConnectorStore {
  list(): Promise<readonly StoredConnector[]>;
  find(name: string): Promise<StoredConnector | undefined>;
  /** On disk when it resolves, like every write here. */
  add(connector: Omit<StoredConnector, "generation">): Promise<StoredConnector | "exists">;
  /**
   * Writes over the expected generation only. Where `sessionsKey` changes or `wanted` is "disconnected", the sessions of the former key are deleted
   * in the same step and returned, so that their ends at the server can be ended too.
   */
  replace(
    connector: StoredConnector,
    expectedGeneration: number,
    more?: {
      /** The connector's credential was for another server, and goes in the same step. */ readonly forgetCredential: boolean;
    },
  ): Promise<{ readonly saved: StoredConnector; readonly ended: readonly StoredSession[] } | "stale">;
  /** Deletes the connector, its sessions and its credential in one step, over the expected generation only, and takes their bytes out of the file. */
  remove(name: string, expectedGeneration: number): Promise<{ readonly ended: readonly StoredSession[] } | "stale">;
  /** The highest generation ever given; 0 if there never was a connector. */
  generation(): Promise<number>;
}

/** What a sign-in at a connector's server has brought, sealed before it comes here. */
export interface StoredCredential {
  /** The connector's `id`: one of the same name that is added later finds nothing. */
  readonly connector: string;
  /** Another one with every write, never used twice, so that nothing late is taken for something new. */
  readonly version: string;
  readonly sealed: Uint8Array;
  /** Who is renewing it; "" for nobody. */
  readonly claimedBy: string;
  /** Until when that counts, in milliseconds since the epoch. */
  readonly claimedUntilMs: number;
}

export interface CredentialStore {
  find(connector: string): Promise<StoredCredential | undefined>;
  /**
   * Writes over the expected version only (undefined: none is there), and only while the connector exists; whoever had claimed it is done. On disk when
   * it resolves.
   */
  save(
    credential: Pick<StoredCredential, "connector" | "version" | "sealed">,
    expectedVersion: string | undefined,
  ): Promise<"saved" | "stale">;
  /** The right to use its refresh token, which serves once: nobody else gets it before `untilMs`, or before the next write. */
  claim(
    connector: string,
    version: string,
    by: string,
    untilMs: number,
    nowMs: number,
  ): Promise<"claimed" | "busy" | "stale">;
  /** Gives back a claim that came to nothing. */
  release(connector: string, version: string, by: string): Promise<void>;
  /** Takes its bytes out of the file as well. */
  remove(connector: string): Promise<void>;
}

export interface StoredToken {
  readonly id: string;
  readonly user: string;
  readonly label: string;
  readonly role: "user" | "admin";
  /** Of the secret, which is never stored. */
  readonly hash: string;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | undefined;
}

export interface TokenStore {
  list(): Promise<readonly StoredToken[]>;
  add(token: StoredToken): Promise<void>;
  /** False if there is none with this id. */
  remove(id: string): Promise<boolean>;
  touch(id: string, lastUsedAtMs: number): Promise<void>;
}

export interface HubStores extends AsyncDisposable {
  /** `add` refuses a session whose connector is no longer wanted, as problem "ended". */
  readonly sessions: SessionStore;
  readonly connectors: ConnectorStore;
  readonly credentials: CredentialStore;
  readonly tokens: TokenStore;
  /** A number that changes when another process has written; asking costs microseconds. */
  foreignChanges(): number;
}
