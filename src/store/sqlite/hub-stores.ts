// The stores of a hub in one SQLite file: sessions, connectors, credentials and tokens over the same two connections.
import type { HubStores } from "../port.ts";
import { openSqliteConnectors } from "./connector-store.ts";
import { openSqliteCredentials } from "./credential-store.ts";
import { openDatabase } from "./database.ts";
import { Eraser } from "./eraser.ts";
import { SqliteSessionStore, type SqliteStoreOptions } from "./session-store.ts";
import { openSqliteTokens } from "./token-store.ts";

/** @throws StoreError when the directory or the file cannot be used; its message names the fix. */
export async function openSqliteHubStores(dataDir: string, options: SqliteStoreOptions = {}): Promise<HubStores> {
  const { busyTimeoutMs = 5_000, eraseDelayMs = 1_000 } = options;
  const database = openDatabase(dataDir, busyTimeoutMs);
  const eraser = new Eraser(database, busyTimeoutMs, eraseDelayMs);
  const sessions = new SqliteSessionStore(database, eraser, "wanted-connectors");
  return {
    sessions,
    connectors: openSqliteConnectors(database, eraser),
    credentials: openSqliteCredentials(database, eraser),
    tokens: openSqliteTokens(database, eraser),
    // A connection does not count its own writes, and all of ours that matter here go through this one.
    foreignChanges: () => Number(database.durable.prepare("pragma data_version").get()?.["data_version"]),
    [Symbol.asyncDispose]: () => sessions[Symbol.asyncDispose](),
  };
}
