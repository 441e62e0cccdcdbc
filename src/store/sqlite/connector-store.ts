// Connectors in the SQLite file, every write on disk before it is acknowledged. The only file that speaks SQL about connectors.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { ConnectorStore, StoredConnector } from "../port.ts";
import { ask } from "./ask.ts";
import { forgetCredential } from "./credential-store.ts";
import type { Database } from "./database.ts";
import type { Eraser } from "./eraser.ts";
import { toSession } from "./queries.ts";

const nextGeneration = "update connector_generation set value = value + 1 returning value";

const add = `
  insert into connector (name, id, generation, wanted, sessions_key, sealed, created_at_ms, changed_at_ms)
  values (:name, :id, :generation, :wanted, :sessionsKey, :sealed, :createdAtMs, :changedAtMs)
  on conflict (name) do nothing`;

const replace = `
  update connector
  set generation = :generation, wanted = :wanted, sessions_key = :sessionsKey, sealed = :sealed, changed_at_ms = :changedAtMs
  where name = :name and generation = :expectedGeneration
  returning *`;

const remove = "delete from connector where name = :name and generation = :expectedGeneration returning *";

/** Sessions of a connector that is gone or no longer wanted, or of an earlier life of it; those of its parts (KEY:PART) as well, which lie between ":" and ";". */
const takeEnded = `
  delete from session
  where connector = :sessionsKey or (connector > :sessionsKey || ':' and connector < :sessionsKey || ';')
  returning *`;

/** What was learned of its server: the next one is met without prejudice. */
const forgetEras = "delete from eras where connector = :sessionsKey";

export function openSqliteConnectors(database: Database, eraser: Eraser): ConnectorStore {
  const find = (name: string) => {
    const row = durable.prepare("select * from connector where name = ?").get(name);
    return row && toConnector(row);
  };
  const { durable } = database;
  const takeSessions = (sessionsKey: string) => {
    durable.prepare(forgetEras).run({ sessionsKey });
    return durable.prepare(takeEnded).all({ sessionsKey }).map(toSession);
  };
  const generation = () => Number(durable.prepare(nextGeneration).get()?.["value"]);

  return {
    list: () => ask(database, () => durable.prepare("select * from connector order by name").all().map(toConnector)),
    find: (name) => ask(database, () => find(name)),
    add: (connector) =>
      ask(database, () =>
        atOnce(durable, () => {
          const row = { ...connector, generation: generation() };
          return Number(durable.prepare(add).run(row).changes) === 1 ? row : "exists";
        }),
      ),
    async replace({ id: _id, createdAtMs: _createdAtMs, ...changes }, expectedGeneration, more) {
      const outcome = await ask(database, () =>
        atOnce(durable, () => {
          const before = find(changes.name);
          if (before?.generation !== expectedGeneration) return "stale";
          const row = durable.prepare(replace).get({ ...changes, generation: generation(), expectedGeneration });
          if (row === undefined) return "stale";
          const saved = toConnector(row);
          if (more?.forgetCredential === true) durable.prepare(forgetCredential).run(saved.id);
          const over = saved.sessionsKey !== before.sessionsKey || saved.wanted === "disconnected";
          return { saved, ended: over ? takeSessions(before.sessionsKey) : [] };
        }),
      );
      if (outcome !== "stale") eraser.soon();
      return outcome;
    },
    async remove(name, expectedGeneration) {
      const outcome = await ask(database, () =>
        atOnce(durable, () => {
          const row = durable.prepare(remove).get({ name, expectedGeneration });
          if (row === undefined) return "stale";
          generation();
          const { id, sessionsKey } = toConnector(row);
          durable.prepare(forgetCredential).run(id);
          return { ended: takeSessions(sessionsKey) };
        }),
      );
      if (outcome !== "stale") eraser.now();
      return outcome;
    },
    generation: () =>
      ask(database, () => Number(durable.prepare("select value from connector_generation").get()?.["value"])),
  };
}

/** All of it or nothing, and nobody in between. */
function atOnce<Answer>(database: DatabaseSync, run: () => Answer): Answer {
  database.exec("begin immediate");
  try {
    const answer = run();
    database.exec("commit");
    return answer;
  } catch (error) {
    if (database.isTransaction) database.exec("rollback");
    throw error;
  }
}

function toConnector(row: Record<string, SQLOutputValue>): StoredConnector {
  const sealed = row["sealed"];
  return {
    name: String(row["name"]),
    id: String(row["id"]),
    generation: Number(row["generation"]),
    wanted: row["wanted"] === "connected" ? "connected" : "disconnected",
    sessionsKey: String(row["sessions_key"]),
    sealed: sealed instanceof Uint8Array ? sealed : new Uint8Array(),
    createdAtMs: Number(row["created_at_ms"]),
    changedAtMs: Number(row["changed_at_ms"]),
  };
}
