// The store's questions to the database, one statement each, so that no two processes can step between. The only file that speaks kysely.
import { Kysely, sql } from "kysely";
import type { StoredSession } from "../port.ts";
import type { Database } from "./database.ts";
import { nodeSqliteDialect } from "./dialect.ts";

interface SessionTable {
  readonly connector: string;
  readonly key: string;
  readonly principal: string;
  readonly generation: number;
  readonly snapshot: string;
  readonly last_seen_at_ms: number;
}

interface Tables {
  readonly session: SessionTable;
}

type Rows = Kysely<Tables>;

export type Queries = ReturnType<typeof openQueries>;

export function openQueries(database: Database) {
  const durable: Rows = new Kysely({ dialect: nodeSqliteDialect(database.durable) });
  const relaxed: Rows = new Kysely({ dialect: nodeSqliteDialect(database.relaxed) });
  return {
    find: (connector: string, key: string) => find(durable, connector, key),
    add: (session: StoredSession) => add(durable, session),
    /** The compare-and-set: how many rows it changed, 0 or 1. */
    replace: (session: StoredSession, expectedGeneration: number) => replace(durable, session, expectedGeneration),
    touch: (connector: string, keys: readonly string[], atMs: number) => touch(relaxed, connector, keys, atMs),
    delete: (connector: string, key: string) => remove(durable, connector, key),
    takeIdle: (connector: string, beforeMs: number, limit: number) => takeIdle(durable, connector, beforeMs, limit),
  };
}

async function find(rows: Rows, connector: string, key: string): Promise<StoredSession | undefined> {
  const row = await rows
    .selectFrom("session")
    .selectAll()
    .where("connector", "=", connector)
    .where("key", "=", key)
    .executeTakeFirst();
  return row && toSession(row);
}

async function add(rows: Rows, session: StoredSession): Promise<void> {
  await rows.insertInto("session").values(toRow(session)).execute();
}

async function replace(rows: Rows, session: StoredSession, expectedGeneration: number): Promise<number> {
  const { connector, key, ...values } = toRow(session);
  const { numUpdatedRows } = await rows
    .updateTable("session")
    .set(values)
    .where("connector", "=", connector)
    .where("key", "=", key)
    .where("generation", "=", expectedGeneration)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

async function touch(rows: Rows, connector: string, keys: readonly string[], lastSeenAtMs: number): Promise<void> {
  await rows
    .updateTable("session")
    .set({ last_seen_at_ms: lastSeenAtMs })
    .where("connector", "=", connector)
    // One parameter for any number of keys: SQLite limits how many a statement may have.
    .where("key", "in", sql<string>`(select value from json_each(${JSON.stringify(keys)}))`)
    // Another process may have seen the session later.
    .where("last_seen_at_ms", "<", lastSeenAtMs)
    .execute();
}

async function remove(rows: Rows, connector: string, key: string): Promise<number> {
  const { numDeletedRows } = await rows
    .deleteFrom("session")
    .where("connector", "=", connector)
    .where("key", "=", key)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

async function takeIdle(
  rows: Rows,
  connector: string,
  beforeMs: number,
  limit: number,
): Promise<readonly StoredSession[]> {
  const taken = await rows
    .deleteFrom("session")
    .where("connector", "=", connector)
    .where("key", "in", (query) =>
      query
        .selectFrom("session")
        .select("key")
        .where("connector", "=", connector)
        .where("last_seen_at_ms", "<", beforeMs)
        .orderBy("last_seen_at_ms")
        .limit(limit),
    )
    .returningAll()
    .execute();
  return taken.map(toSession).sort((a, b) => a.lastSeenAtMs - b.lastSeenAtMs);
}

function toSession({ last_seen_at_ms, ...same }: SessionTable): StoredSession {
  return { ...same, lastSeenAtMs: last_seen_at_ms };
}

function toRow({ connector, key, principal, generation, snapshot, lastSeenAtMs }: StoredSession): SessionTable {
  return { connector, key, principal, generation, snapshot, last_seen_at_ms: lastSeenAtMs };
}
