// What the user reads when the data directory or its database cannot be used, at start and later.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { SessionStore, StoredSession } from "../port.ts";
import { StoreError, type StoreProblem } from "../store-error.ts";
import { explain } from "./explain.ts";
import { loadSqlite } from "./node-sqlite.ts";
import { openSqliteStore } from "./session-store.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-problems-"));
chmodSync(scratch, 0o755);
after(() => rmSync(scratch, { recursive: true, force: true }));

let directories = 0;
function newDirectory(): string {
  const path = join(scratch, `${(directories += 1)}`);
  mkdirSync(path);
  return path;
}

const { DatabaseSync } = loadSqlite();
const row: StoredSession = {
  key: "k1",
  connector: "files",
  principal: "none",
  generation: 1,
  snapshot: "{}",
  lastSeenAtMs: 1,
};

/** The error has the problem's name, says the path, and names a fix. */
function problem(wanted: StoreProblem, path: string, fix: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.problem, wanted, error.message);
    assert.ok(error.message.includes(path), error.message);
    assert.match(error.message, fix);
    return true;
  };
}

/** Runs as a user whom permissions bind, which root is not. The query builder must be loaded before. */
async function asOrdinaryUser(run: () => Promise<void>): Promise<void> {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  try {
    await run();
  } finally {
    if (root) process.seteuid?.(0);
  }
}

async function fill(directory: string, rows = 1): Promise<void> {
  await using store = await openSqliteStore(directory);
  for (let index = 0; index < rows; index++) {
    await store.add({ ...row, key: `k${index}`, snapshot: "x".repeat(2_000) });
  }
}

/** Overwrites everything from that page on; the first page holds the schema. */
function damage(directory: string, firstPage: number): string {
  const path = join(directory, "holdfast.db");
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xa5, firstPage * 4_096));
  return path;
}

describe("opening the store fails with a sentence that names the fix", () => {
  it("when the data directory is a file", async () => {
    const path = join(newDirectory(), "file");
    writeFileSync(path, "");
    await assert.rejects(openSqliteStore(path), problem("unusable-directory", path, /--data-dir/));
    await assert.rejects(openSqliteStore(join(path, "below")), problem("unusable-directory", path, /--data-dir/));
  });

  it("when nothing can be created in the directory", async () => {
    const directory = newDirectory();
    chmodSync(directory, 0o555);
    await asOrdinaryUser(() =>
      assert.rejects(openSqliteStore(directory), problem("unusable-directory", directory, /writable/)),
    );
  });

  it("when the database cannot be written", async () => {
    const directory = newDirectory();
    await fill(directory);
    chmodSync(directory, 0o555);
    chmodSync(join(directory, "holdfast.db"), 0o444);
    await asOrdinaryUser(() =>
      assert.rejects(openSqliteStore(directory), problem("read-only", "holdfast.db", /writable/)),
    );
  });

  it("when the file is not a database", async () => {
    const directory = newDirectory();
    const path = join(directory, "holdfast.db");
    writeFileSync(path, "these are my notes, not a database\n".repeat(100));
    await assert.rejects(openSqliteStore(directory), problem("not-a-database", path, /Move the file away/));
    assert.match(readFileSync(path, "utf8"), /^these are my notes/);
  });

  it("when a directory has the file's name", async () => {
    const directory = newDirectory();
    mkdirSync(join(directory, "holdfast.db"));
    await assert.rejects(openSqliteStore(directory), problem("not-a-database", "holdfast.db", /Move/));
  });

  it("when the database is another program's, which it leaves as it is", async () => {
    const directory = newDirectory();
    const path = join(directory, "holdfast.db");
    const other = new DatabaseSync(path);
    other.exec("create table note (text)");
    other.close();
    await assert.rejects(openSqliteStore(directory), problem("not-a-database", path, /another program/));
    const again = new DatabaseSync(path, { readOnly: true });
    assert.equal(again.prepare("select count(*) as tables from sqlite_schema").get()?.["tables"], 1);
    again.close();
  });

  it("when a newer version wrote the database", async () => {
    const directory = newDirectory();
    await fill(directory);
    const path = join(directory, "holdfast.db");
    const newer = new DatabaseSync(path);
    newer.exec("pragma user_version = 999");
    newer.close();
    await assert.rejects(openSqliteStore(directory), problem("newer", path, /Run that version/));
  });

  it("when the database is damaged", async () => {
    const directory = newDirectory();
    await fill(directory);
    const path = damage(directory, 1);
    await assert.rejects(openSqliteStore(directory), problem("corrupt", path, /move the file away/));
  });

  it("when another process holds the database", async () => {
    const directory = newDirectory();
    await fill(directory);
    const path = join(directory, "holdfast.db");
    const other = new DatabaseSync(path);
    other.exec("pragma locking_mode = exclusive; begin exclusive");
    await assert.rejects(
      openSqliteStore(directory, { lockPatienceMs: 50 }),
      problem("locked", path, /another process/),
    );
    other.close();
  });
});

describe("a write fails with a sentence of its own", () => {
  async function withStore(run: (store: SessionStore, path: string) => Promise<void>): Promise<void> {
    const directory = newDirectory();
    await fill(directory);
    await using store = await openSqliteStore(directory, { lockPatienceMs: 50 });
    await store.find("files", "k0");
    await run(store, join(directory, "holdfast.db"));
  }

  it("while another process holds the lock, and works again after", () =>
    withStore(async (store, path) => {
      const other = new DatabaseSync(path);
      other.exec("begin immediate");
      await assert.rejects(store.add(row), problem("locked", path, /another process/));
      assert.notEqual(await store.find("files", "k0"), undefined);
      other.exec("rollback");
      other.close();
      await store.add(row);
    }));

  it("and until then waits for the lock without holding up the process", async () => {
    const directory = newDirectory();
    await using store = await openSqliteStore(directory);
    const other = new DatabaseSync(join(directory, "holdfast.db"));
    other.exec("begin immediate");
    const written = store.add(row);
    const erased = store.delete("files", "k2");
    await new Promise((resolve) => setImmediate(resolve));
    other.exec("rollback");
    other.close();
    await Promise.all([written, erased]);
    assert.deepEqual(await store.find("files", "k1"), row);
  });

  it("when the database is damaged", async () => {
    const directory = newDirectory();
    await fill(directory, 100);
    const path = damage(directory, 10);
    await using store = await openSqliteStore(directory);
    await assert.rejects(store.takeIdle("files", 2, 100), problem("corrupt", path, /move the file away/));
  });

  it("when the disk is full", () =>
    withStore(async (_store, path) => {
      const small = new DatabaseSync(path);
      small.exec("pragma max_page_count = 1");
      const fails = () => {
        for (let index = 0; index < 100; index++) {
          small.exec(`insert into session values ('c', '${index}', '', 1, hex(zeroblob(4000)), 1)`);
        }
      };
      assert.throws(fails, (error) => problem("full", path, /Free some space/)(explain(error, path)));
      small.close();
    }));

  it("when the connection may only read", () =>
    withStore(async (_store, path) => {
      const reader = new DatabaseSync(path, { readOnly: true });
      const fails = () => reader.exec("delete from session");
      assert.throws(fails, (error) => problem("read-only", path, /writable/)(explain(error, path)));
      reader.close();
    }));
});

describe("an error nobody foresaw", () => {
  it("keeps its cause and says which database it was", () => {
    const cause = new Error("strange");
    const error = explain(cause, "/data/holdfast.db");
    assert.deepEqual([error.problem, error.cause], ["unknown", cause]);
    assert.match(error.message, /\/data\/holdfast\.db/);
  });
});
