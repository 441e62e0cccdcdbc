// Looks into the store from outside, as no part of Holdfast does: how many sessions does a data directory hold?
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** 0 before anything was stored. */
export function countRows(dataDir: string): number {
  const file = join(dataDir, "holdfast.db");
  if (!existsSync(file)) return 0;
  using database = new DatabaseSync(file, { readOnly: true });
  const tables = database.prepare("select count(*) as found from sqlite_schema where name = 'session'").get();
  if (tables?.["found"] === 0) return 0;
  return Number(database.prepare("select count(*) as rows from session").get()?.["rows"]);
}
