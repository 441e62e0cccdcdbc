// The store's questions to the database, one statement each, so that no two processes can step between. The only file that speaks SQL about sessions.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { ownerOf, type StoredSession } from "../port.ts";
import type { Database } from "./database.ts";

const find = "select * from session where connector = :connector and key = :key";

const add = `
  insert into session (connector, key, principal, generation, snapshot, last_seen_at_ms)
  values (:connector, :key, :principal, :generation, :snapshot, :lastSeenAtMs)`;

/** In the same statement, so that no disconnect can come in between. */
const addWanted = `
  insert into session (connector, key, principal, generation, snapshot, last_seen_at_ms)
  select :connector, :key, :principal, :generation, :snapshot, :lastSeenAtMs
  where exists (select 1 from connector where sessions_key = :owner and wanted = 'connected')`;

const replace = `
  update session
  set principal = :principal, generation = :generation, snapshot = :snapshot, last_seen_at_ms = :lastSeenAtMs
  where connector = :connector and key = :key and generation = :expectedGeneration`;

/** One parameter for any number of keys, since SQLite limits how many a statement may have; another process may have seen the session later. */
const touch = `
  update session set last_seen_at_ms = :lastSeenAtMs
  where connector = :connector and key in (select value from json_each(:keys)) and last_seen_at_ms < :lastSeenAtMs`;

const remove = "delete from session where connector = :connector and key = :key";

const list = "select * from session where connector = :connector order by last_seen_at_ms desc limit :limit";

const takeIdle = `
  delete from session
  where connector = :connector and key in (
    select key from session where connector = :connector and last_seen_at_ms < :beforeMs order by last_seen_at_ms limit :limit
  )
  returning *`;

const findEras = "select facts from eras where connector = :connector";

const saveEras = `
  insert into eras (connector, facts) values (:connector, :facts)
  on conflict (connector) do update set facts = :facts`;

/** As `addWanted`: nothing is learned of a server whose connector is gone. */
const saveErasWanted = `
  insert into eras (connector, facts)
  select :connector, :facts where exists (select 1 from connector where sessions_key = :connector and wanted = 'connected')
  on conflict (connector) do update set facts = :facts`;

export type Queries = ReturnType<typeof openQueries>;

/** A session must survive our own death, which a relaxed commit does; a deletion must survive even a power cut, so that nothing comes back. */
export function openQueries({ durable, relaxed }: Database) {
  const relaxedly = prepared(relaxed);
  const durably = prepared(durable);
  return {
    find(connector: string, key: string): StoredSession | undefined {
      const row = relaxedly(find).get({ connector, key });
      return row && toSession(row);
    },
    add: (session: StoredSession): void => void relaxedly(add).run({ ...session }),
    /** How many rows it added, 0 or 1. */
    addWanted: (session: StoredSession): number =>
      Number(relaxedly(addWanted).run({ ...session, owner: ownerOf(session.connector) }).changes),
    /** The compare-and-set: how many rows it changed, 0 or 1. */
    replace: (session: StoredSession, expectedGeneration: number): number =>
      Number(relaxedly(replace).run({ ...session, expectedGeneration }).changes),
    touch: (connector: string, keys: readonly string[], lastSeenAtMs: number): void =>
      void relaxedly(touch).run({ connector, keys: JSON.stringify(keys), lastSeenAtMs }),
    delete: (connector: string, key: string): number => Number(durably(remove).run({ connector, key }).changes),
    list: (connector: string, limit: number): readonly StoredSession[] =>
      relaxedly(list).all({ connector, limit }).map(toSession),
    takeIdle: (connector: string, beforeMs: number, limit: number): readonly StoredSession[] =>
      durably(takeIdle)
        .all({ connector, beforeMs, limit })
        .map(toSession)
        .sort((a, b) => a.lastSeenAtMs - b.lastSeenAtMs),
    findEras(connector: string): string | undefined {
      const facts = relaxedly(findEras).get({ connector })?.["facts"];
      return typeof facts === "string" ? facts : undefined;
    },
    saveErasWanted: (connector: string, facts: string): void =>
      void relaxedly(saveErasWanted).run({ connector, facts }),
    saveEras: (connector: string, facts: string): void => void relaxedly(saveEras).run({ connector, facts }),
  };
}

/** The store asks a handful of fixed questions, so each is prepared once, when it is first asked. */
function prepared(database: DatabaseSync) {
  const statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  return (sql: string) => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
}

export function toSession(row: Record<string, SQLOutputValue>): StoredSession {
  return {
    connector: String(row["connector"]),
    key: String(row["key"]),
    principal: String(row["principal"]),
    generation: Number(row["generation"]),
    snapshot: String(row["snapshot"]),
    lastSeenAtMs: Number(row["last_seen_at_ms"]),
  };
}
