// What the SQLite store promises beyond the contract: a private file, shared by processes, that forgets what was deleted.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { StoredSession } from "../port.ts";
import { loadSqlite, withoutSqliteWarning } from "./node-sqlite.ts";
import { openSqliteStore } from "./session-store.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-sqlite-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

let directories = 0;
const newDirectory = () => join(scratch, `${(directories += 1)}`, "data");

function session(changes: Partial<StoredSession> = {}): StoredSession {
  return {
    key: "k1",
    connector: "files",
    principal: "none",
    generation: 1,
    snapshot: "{}",
    lastSeenAtMs: 1,
    ...changes,
  };
}

const mode = (path: string) => statSync(path).mode & 0o777;

describe("the data directory", () => {
  it("is made with its parents, and only its owner can enter it or read a file in it", async () => {
    const directory = newDirectory();
    await using store = await openSqliteStore(directory);
    await store.add(session());
    assert.equal(mode(directory), 0o700);
    const files = readdirSync(directory);
    assert.ok(files.includes("holdfast.db") && files.includes("holdfast.db-wal"));
    for (const file of files) assert.equal(mode(join(directory, file)), 0o600, file);
  });

  it("gets its database made private again when that was opened up", async () => {
    const directory = newDirectory();
    await (await openSqliteStore(directory))[Symbol.asyncDispose]();
    chmodSync(join(directory, "holdfast.db"), 0o644);
    await (await openSqliteStore(directory))[Symbol.asyncDispose]();
    assert.equal(mode(join(directory, "holdfast.db")), 0o600);
  });

  it("keeps sessions and the secret for the next start", async () => {
    const directory = newDirectory();
    const first = await openSqliteStore(directory);
    await first.add(session({ snapshot: "kept" }));
    const secret = await first.secret();
    await first[Symbol.asyncDispose]();
    await using second = await openSqliteStore(directory);
    assert.equal((await second.find("files", "k1"))?.snapshot, "kept");
    assert.deepEqual(await second.secret(), secret);
  });
});

describe("two stores on one file", () => {
  it("see each other's sessions, and one of two restores of the same loss wins", async () => {
    const directory = newDirectory();
    await using one = await openSqliteStore(directory);
    await using two = await openSqliteStore(directory);
    await one.add(session());
    const outcomes = await Promise.all([
      one.replace(session({ generation: 2, snapshot: "one" }), 1),
      two.replace(session({ generation: 2, snapshot: "two" }), 1),
    ]);
    assert.deepEqual(outcomes.toSorted(), ["saved", "stale"]);
    const found = await two.find("files", "k1");
    assert.equal(found?.snapshot, outcomes[0] === "saved" ? "one" : "two");
  });

  it("open a new directory at the same moment from several processes, and agree on the secret", {
    timeout: 30_000,
  }, async () => {
    const directory = newDirectory();
    const script = `const { openSqliteStore } = await import(${JSON.stringify(new URL("session-store.ts", import.meta.url).href)});
      const store = await openSqliteStore(${JSON.stringify(directory)});
      console.log(Buffer.from(await store.secret()).toString("hex"));
      await store.add({ key: String(process.pid), connector: "c", principal: "p", generation: 1, snapshot: "", lastSeenAtMs: 1 });
      await store[Symbol.asyncDispose]();`;
    const results = await Promise.all(Array.from({ length: 4 }, () => runScript(script)));
    assert.deepEqual(
      results.map(({ code, stderr }) => [code, stderr]),
      results.map(() => [0, ""]),
    );
    assert.equal(new Set(results.map(({ stdout }) => stdout)).size, 1);
    await using store = await openSqliteStore(directory);
    assert.equal((await store.takeIdle("c", 2, 10)).length, 4);
  });
});

async function runScript(script: string) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const limit = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(limit);
  return { code, stdout, stderr };
}

describe("a deleted session", () => {
  const canary = "canary-7f3a91c2";
  const holdsCanary = (directory: string) =>
    readdirSync(directory).filter((file) => readFileSync(join(directory, file)).includes(canary));
  const planted = session({
    key: `${canary}-key`,
    principal: canary,
    snapshot: JSON.stringify({ id: canary.repeat(2_000) }),
  });

  it("leaves no trace in any file soon after, while the store stays open", { timeout: 20_000 }, async () => {
    const directory = newDirectory();
    await using store = await openSqliteStore(directory, { eraseDelayMs: 20 });
    await store.add(session());
    await store.add(planted);
    await store.replace({ ...planted, generation: 2 }, 1);
    assert.notDeepEqual(holdsCanary(directory), []);
    const gone = new Promise<void>((resolve) => {
      const watcher = watch(directory, () => {
        if (holdsCanary(directory).length > 0) return;
        watcher.close();
        resolve();
      });
    });
    await store.delete("files", planted.key);
    await gone;
    assert.notEqual(await store.find("files", "k1"), undefined);
  });

  it("leaves no trace after it was taken as idle and the store was closed", async () => {
    const directory = newDirectory();
    const store = await openSqliteStore(directory);
    await store.add(planted);
    await store.takeIdle("files", 2, 10);
    await store[Symbol.asyncDispose]();
    assert.deepEqual(holdsCanary(directory), []);
  });
});

describe("node:sqlite's experimental warning", () => {
  it("is held back, and no other warning is", async () => {
    const seen: string[] = [];
    const listener = (warning: Error) => seen.push(warning.message);
    process.on("warning", listener);
    withoutSqliteWarning(() => {
      process.emitWarning("SQLite is an experimental feature and might change at any time", "ExperimentalWarning");
      process.emitWarning("SQLite is an experimental feature", { type: "ExperimentalWarning" });
      process.emitWarning("something else", "ExperimentalWarning");
      process.emitWarning("SQLite is slow", "PerformanceWarning");
    });
    process.emitWarning("SQLite later", "ExperimentalWarning");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listener);
    assert.deepEqual(seen, ["something else", "SQLite is slow", "SQLite later"]);
  });

  it("does not reach the terminal of a program that opens a store", { timeout: 30_000 }, async () => {
    const script = `const { openSqliteStore } = await import(${JSON.stringify(new URL("session-store.ts", import.meta.url).href)});
      await (await openSqliteStore(${JSON.stringify(newDirectory())}))[Symbol.asyncDispose]();`;
    assert.deepEqual(await runScript(script), { code: 0, stdout: "", stderr: "" });
  });
});

describe("the database", () => {
  it("is in WAL mode and fit for SQLite's own check", async () => {
    const directory = newDirectory();
    await using store = await openSqliteStore(directory);
    await store.add(session());
    const { DatabaseSync } = loadSqlite();
    const database = new DatabaseSync(join(directory, "holdfast.db"), { readOnly: true });
    const answers = ["journal_mode", "integrity_check"].map((name) =>
      Object.values(database.prepare(`pragma ${name}`).get() ?? {}),
    );
    database.close();
    assert.deepEqual(answers, [["wal"], ["ok"]]);
  });
});
