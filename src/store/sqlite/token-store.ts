// API tokens in the SQLite file, by their hashes. The only file that speaks SQL about them.
import type { SQLOutputValue } from "node:sqlite";
import type { StoredToken, TokenStore } from "../port.ts";
import { ask } from "./ask.ts";
import type { Database } from "./database.ts";
import type { Eraser } from "./eraser.ts";

const add = `
  insert into api_token (id, user, label, role, hash, created_at_ms, last_used_at_ms)
  values (:id, :user, :label, :role, :hash, :createdAtMs, :lastUsedAtMs)`;

export function openSqliteTokens(database: Database, eraser: Eraser): TokenStore {
  const { durable, relaxed } = database;
  return {
    list: () =>
      ask(database, () => durable.prepare("select * from api_token order by created_at_ms, id").all().map(toToken)),
    add: (token) =>
      ask(database, () => void durable.prepare(add).run({ ...token, lastUsedAtMs: token.lastUsedAtMs ?? null })),
    async remove(id) {
      const { changes } = await ask(database, () => durable.prepare("delete from api_token where id = ?").run(id));
      eraser.soon();
      return Number(changes) === 1;
    },
    touch: (id, lastUsedAtMs) =>
      ask(
        database,
        () => void relaxed.prepare("update api_token set last_used_at_ms = ? where id = ?").run(lastUsedAtMs, id),
      ),
  };
}

function toToken(row: Record<string, SQLOutputValue>): StoredToken {
  const lastUsedAtMs = row["last_used_at_ms"];
  return {
    id: String(row["id"]),
    user: String(row["user"]),
    label: String(row["label"]),
    role: row["role"] === "admin" ? "admin" : "user",
    hash: String(row["hash"]),
    createdAtMs: Number(row["created_at_ms"]),
    lastUsedAtMs: lastUsedAtMs === null ? undefined : Number(lastUsedAtMs),
  };
}
