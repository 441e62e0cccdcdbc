// Kysely's SQLite dialect over node:sqlite. Adapts calls, adds nothing.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type Dialect, SqliteDialect, type SqliteStatement } from "kysely";

/** The connection stays its opener's: kysely closes nothing. */
export function nodeSqliteDialect(database: DatabaseSync): Dialect {
  // The store asks a handful of fixed questions, so each is prepared once.
  const prepared = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    const adapted: SqliteStatement = {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...parameters.map(bindable)),
      run: (parameters) => statement.run(...parameters.map(bindable)),
      iterate: (parameters) => statement.iterate(...parameters.map(bindable)),
    };
    prepared.set(sql, adapted);
    return adapted;
  };
  return new SqliteDialect({ database: { prepare, close: () => {} } });
}

function bindable(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`SQLite cannot store a ${typeof value}`);
}
