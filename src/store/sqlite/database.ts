// The database file: made private, opened with the right settings, brought to the current layout. Knows nothing of sessions.
import { closeSync, fchmodSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { explain, explainDirectory } from "./explain.ts";
import { migrate } from "./migrations.ts";
import { loadSqlite } from "./node-sqlite.ts";

export interface Database {
  readonly path: string;
  /** How long a question waits for another process that holds the lock (`ask`). */
  readonly patienceMs: number;
  /** Each commit is on disk when the statement returns: deleting. */
  readonly durable: DatabaseSync;
  /** A commit survives the death of the process, but maybe not a power cut: everything else. */
  readonly relaxed: DatabaseSync;
  readonly secret: Uint8Array;
}

const fileName = "holdfast.db";

/**
 * Nothing is served before it is open, so a lock is waited for here; later neither connection ever waits by itself.
 * @throws StoreError with a sentence for the user.
 */
export function openDatabase(dataDir: string, patienceMs: number): Database {
  const path = join(dataDir, fileName);
  makePrivate(dataDir, path);
  const opened: DatabaseSync[] = [];
  try {
    const open = (synchronous: "full" | "normal") => {
      const database = connect(path, synchronous, patienceMs);
      opened.push(database);
      return database;
    };
    const durable = open("full");
    migrate(durable, path);
    const relaxed = open("normal");
    const secret = readSecret(durable);
    for (const database of opened) database.exec("pragma busy_timeout = 0");
    return { path, patienceMs, durable, relaxed, secret };
  } catch (error) {
    for (const database of opened) database.close();
    throw explain(error, path);
  }
}

/** SQLite gives its WAL and shared-memory files the mode of the database file, so that one must be right from the start. */
function makePrivate(dataDir: string, path: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw explainDirectory(error, dataDir);
  }
  let fd: number | undefined;
  try {
    fd = openSync(path, "a", 0o600);
    fchmodSync(fd, 0o600);
  } catch (error) {
    // Nothing could be created: the directory is at fault. A file that exists and refuses has its own sentence.
    throw fd === undefined && isMissing(path) ? explainDirectory(error, dataDir) : explain(error, path);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function isMissing(path: string): boolean {
  try {
    closeSync(openSync(path, "r"));
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
  }
}

function connect(path: string, synchronous: "full" | "normal", patienceMs: number): DatabaseSync {
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(path);
  try {
    database.exec(`pragma busy_timeout = ${patienceMs}`);
    switchToWal(database, patienceMs);
    // Deleted rows are overwritten with zeros, and nothing is ever spilled into a temporary file.
    database.exec(`pragma synchronous = ${synchronous}; pragma secure_delete = on; pragma temp_store = memory`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** While the file still has its first journal mode SQLite refuses a second opener at once, without waiting for the busy timeout. */
function switchToWal(database: DatabaseSync, patienceMs: number): void {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    try {
      database.exec("pragma journal_mode = wal");
      return;
    } catch (error) {
      if (explain(error, "").problem !== "locked" || Date.now() >= deadlineMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function readSecret(database: DatabaseSync): Uint8Array {
  const bytes = database.prepare("select bytes from secret").get()?.["bytes"];
  if (!(bytes instanceof Uint8Array)) throw new Error("the secret is missing");
  return bytes;
}
