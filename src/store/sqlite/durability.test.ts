// Kills a writing process at random moments: what it had acknowledged is there, what it had deleted is not.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, it } from "node:test";
import { openSqliteStore } from "./session-store.ts";

const kills = 24;
const directory = mkdtempSync(join(tmpdir(), "holdfast-durability-"));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** Adds, restores and deletes without end, and prints each step only after the store has acknowledged it. */
const writer = (run: number) => `
  const { openSqliteStore } = await import(${JSON.stringify(new URL("session-store.ts", import.meta.url).href)});
  const { writeSync } = await import("node:fs");
  const store = await openSqliteStore(${JSON.stringify(directory)});
  for (let n = 0; ; n++) {
    const row = { key: "${run}-" + n, connector: "c", principal: "p", generation: 1, snapshot: "x".repeat(n % 3000), lastSeenAtMs: 1 };
    await store.add(row);
    writeSync(1, "added " + row.key + "\\n");
    if (n % 3 === 1) {
      await store.replace({ ...row, generation: 2 }, 1);
      writeSync(1, "restored " + row.key + "\\n");
    }
    if (n % 3 === 2) {
      writeSync(1, "deleting " + row.key + "\\n");
      await store.delete("c", row.key);
      writeSync(1, "deleted " + row.key + "\\n");
    }
  }`;

/** What the file must hold: the lowest generation of a key, 0 for a deleted one; undefined where a delete was under way. */
type Acknowledged = Map<string, number | undefined>;
const meaning: Readonly<Record<string, number | undefined>> = {
  added: 1,
  restored: 2,
  deleting: undefined,
  deleted: 0,
};

/** Kills the writer some microseconds after a random acknowledgement. */
async function runAndKill(run: number, acknowledged: Acknowledged): Promise<void> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", writer(run)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const closed = new Promise((resolve) => child.once("close", resolve));
  const killAt = 1 + Math.floor(Math.random() * 120);
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [verb = "", key = ""] = line.split(" ");
    acknowledged.set(key, meaning[verb]);
    lines += 1;
    if (lines === killAt) child.kill("SIGKILL");
  }
  await closed;
  running.delete(child);
  assert.ok(lines >= killAt, "the writer ended by itself");
}

describe("a store whose process is killed", () => {
  it(`keeps every acknowledged add, restore and delete over ${kills} kills`, { timeout: 120_000 }, async () => {
    const acknowledged: Acknowledged = new Map();
    for (let run = 0; run < kills; run++) {
      await runAndKill(run, acknowledged);
      await using store = await openSqliteStore(directory);
      for (const [key, generation] of acknowledged) {
        const found = (await store.find("c", key))?.generation;
        if (generation === 0) assert.equal(found, undefined, `${key} came back`);
        else if (generation !== undefined) assert.ok(found !== undefined && found >= generation, `${key} is missing`);
      }
    }
    assert.ok(acknowledged.size >= kills);
  });
});
