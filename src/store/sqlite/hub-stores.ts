// The stores of a hub in one SQLite file: sessions, connectors, credentials and tokens over the same two connections.
import type { HubStores } from "../port.ts";
import { openSqliteConnectors } from "./connector-store.ts";
import { openSqliteCredentials } from "./credential-store.ts";
import { type Database, openDatabase } from "./database.ts";
import { Eraser } from "./eraser.ts";
import { SqliteSessionStore, type SqliteStoreOptions } from "./session-store.ts";
import { openSqliteTokens } from "./token-store.ts";

/** @throws StoreError when the directory or the file cannot be used; its message names the fix. */
export async function openSqliteHubStores(dataDir: string, options: SqliteStoreOptions = {}): Promise<HubStores> {
  const { lockPatienceMs = 5_000, eraseDelayMs = 1_000 } = options;
  const database = openDatabase(dataDir, lockPatienceMs);
  const eraser = new Eraser(database, eraseDelayMs);
  const sessions = new SqliteSessionStore(database, eraser, "wanted-connectors");
  return {
    sessions,
    connectors: openSqliteConnectors(database, eraser),
    credentials: openSqliteCredentials(database, eraser),
    tokens: openSqliteTokens(database, eraser),
    foreignChanges: countForeign(database),
    [Symbol.asyncDispose]: () => sessions[Symbol.asyncDispose](),
  };
}

/** What a hub has in memory of the store. Its sessions are not among it, and those it writes all the time. */
const followed = `
  select
    (select value from connector_generation) as connectors,
    (select group_concat(id) from api_token) as tokens,
    (select group_concat(connector || ' ' || version) from credential) as credentials`;

/** SQLite tells cheaply that something was written over another connection, and our sessions are written over one; only then is looked at what. */
function countForeign({ durable }: Database): () => number {
  const dataVersion = durable.prepare("pragma data_version");
  const state = durable.prepare(followed);
  let versionSeen: unknown;
  let stateSeen = "";
  let changes = 0;
  return () => {
    const version = dataVersion.get()?.["data_version"];
    if (version === versionSeen) return changes;
    const now = JSON.stringify(state.get());
    versionSeen = version;
    if (now !== stateSeen) changes += 1;
    stateSeen = now;
    return changes;
  };
}
