// One hub per data directory. The lock is the system's own on a file, so it goes with the process, however that ends; nobody has to tidy up after a kill.
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { explain } from "./explain.ts";
import { loadSqlite } from "./node-sqlite.ts";

const fileName = "hub.lock";

/** Undefined while another process holds it. @throws StoreError for a file that cannot be locked at all */
export function takeHubLock(dataDir: string): Disposable | undefined {
  const path = join(dataDir, fileName);
  let database: DatabaseSync | undefined;
  try {
    closeSync(openSync(path, "a", 0o600));
    database = new (loadSqlite().DatabaseSync)(path);
    // Nothing is ever written: it is the lock that SQLite takes which is wanted, on every system in that system's way.
    database.exec("pragma busy_timeout = 0; begin exclusive");
    const held = database;
    return { [Symbol.dispose]: () => held.close() };
  } catch (error) {
    database?.close();
    const explained = explain(error, path);
    if (explained.problem === "locked") return undefined;
    throw explained;
  }
}
