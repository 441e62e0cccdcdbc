// What every session store promises, run against each of them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openMemoryStore, openSqliteStore, type SessionStore, type StoredSession } from "./index.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-store-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

let directories = 0;
const stores: Readonly<Record<string, () => Promise<SessionStore>>> = {
  memory: async () => openMemoryStore(),
  sqlite: () => openSqliteStore(join(scratch, `${(directories += 1)}`)),
};

function session(changes: Partial<StoredSession> = {}): StoredSession {
  return {
    key: "k1",
    connector: "files",
    principal: "none",
    generation: 1,
    snapshot: '{"v":1}',
    lastSeenAtMs: 1_000,
    ...changes,
  };
}

for (const [name, open] of Object.entries(stores)) {
  describe(`the ${name} store`, () => {
    it("finds a session as it was added", async () => {
      await using store = await open();
      const odd = session({
        key: "__proto__",
        connector: "a'b\"c;--",
        principal: "p",
        snapshot: '{"id":9007199254740993,"text":"\\u0000 é 💥"}',
        lastSeenAtMs: 1_795_000_000_123,
      });
      await store.add(odd);
      assert.deepEqual({ ...(await store.find(odd.connector, odd.key)) }, odd);
    });

    it("finds nothing under another connector or another key", async () => {
      await using store = await open();
      await store.add(session());
      assert.equal(await store.find("other", "k1"), undefined);
      assert.equal(await store.find("files", "k2"), undefined);
      assert.equal(await store.find("constructor", "toString"), undefined);
    });

    it("keeps the same key of two connectors apart", async () => {
      await using store = await open();
      await store.add(session({ connector: "a", snapshot: "1" }));
      await store.add(session({ connector: "b", snapshot: "2" }));
      await store.delete("a", "k1");
      assert.equal((await store.find("b", "k1"))?.snapshot, "2");
    });

    it("refuses a key that is taken, and keeps the first", async () => {
      await using store = await open();
      await store.add(session());
      await assert.rejects(store.add(session({ snapshot: "other" })), { name: "StoreError", problem: "exists" });
      assert.equal((await store.find("files", "k1"))?.snapshot, '{"v":1}');
    });

    it("replaces over the expected generation, every field but the address", async () => {
      await using store = await open();
      await store.add(session());
      const next = session({ generation: 2, snapshot: "new", principal: "p2", lastSeenAtMs: 2_000 });
      assert.equal(await store.replace(next, 1), "saved");
      assert.deepEqual({ ...(await store.find("files", "k1")) }, next);
    });

    it("replaces within a generation", async () => {
      await using store = await open();
      await store.add(session());
      assert.equal(await store.replace(session({ snapshot: "level" }), 1), "saved");
      assert.equal((await store.find("files", "k1"))?.snapshot, "level");
    });

    it("refuses to replace over another generation, and changes nothing", async () => {
      await using store = await open();
      await store.add(session({ generation: 3 }));
      assert.equal(await store.replace(session({ generation: 3, snapshot: "late" }), 2), "stale");
      assert.equal(await store.replace(session({ generation: 5, snapshot: "early" }), 4), "stale");
      assert.equal((await store.find("files", "k1"))?.snapshot, '{"v":1}');
    });

    it("lets exactly one of many restores of the same loss win", async () => {
      await using store = await open();
      await store.add(session());
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) => store.replace(session({ generation: 2, snapshot: `${index}` }), 1)),
      );
      assert.equal(outcomes.filter((outcome) => outcome === "saved").length, 1);
      assert.equal((await store.find("files", "k1"))?.snapshot, `${outcomes.indexOf("saved")}`);
    });

    it("never brings a deleted session back by a late replace or touch", async () => {
      await using store = await open();
      await store.add(session());
      await store.delete("files", "k1");
      assert.equal(await store.replace(session({ generation: 2 }), 1), "stale");
      await store.touch("files", ["k1"], 9_000);
      assert.equal(await store.find("files", "k1"), undefined);
    });

    it("takes the same key again after it was deleted", async () => {
      await using store = await open();
      await store.add(session());
      await store.delete("files", "k1");
      await store.add(session({ snapshot: "second" }));
      assert.equal((await store.find("files", "k1"))?.snapshot, "second");
    });

    it("deletes what is not there without complaint", async () => {
      await using store = await open();
      await store.delete("files", "nobody");
    });

    it("touches the named sessions of one connector only, and never back in time", async () => {
      await using store = await open();
      for (const key of ["k1", "k2", "k3"]) await store.add(session({ key }));
      await store.add(session({ connector: "other" }));
      await store.touch("files", ["k1", "k2", "nobody"], 5_000);
      await store.touch("files", ["k2"], 3_000);
      await store.touch("files", [], 9_000);
      const seen = async (connector: string, key: string) => (await store.find(connector, key))?.lastSeenAtMs;
      assert.deepEqual(
        [await seen("files", "k1"), await seen("files", "k2"), await seen("files", "k3"), await seen("other", "k1")],
        [5_000, 5_000, 1_000, 1_000],
      );
    });

    it("touches fifty thousand sessions at once", async () => {
      await using store = await open();
      await store.add(session({ key: "k49999" }));
      await store.touch(
        "files",
        Array.from({ length: 50_000 }, (_, index) => `k${index}`),
        2_000,
      );
      assert.equal((await store.find("files", "k49999"))?.lastSeenAtMs, 2_000);
    });

    it("takes the idle sessions of one connector, oldest first, at most as many as asked, and deletes them", async () => {
      await using store = await open();
      for (const [key, lastSeenAtMs] of Object.entries({ a: 400, b: 100, c: 300, d: 200, e: 500, f: 501 }))
        await store.add(session({ key, lastSeenAtMs }));
      await store.add(session({ key: "z", connector: "other", lastSeenAtMs: 1 }));
      const listed = await store.list("files", 4);
      assert.deepEqual(
        listed.map(({ key }) => key),
        ["f", "e", "a", "c"],
      );
      const taken = await store.takeIdle("files", 500, 3);
      assert.deepEqual(
        taken.map(({ key }) => key),
        ["b", "d", "c"],
      );
      assert.equal(taken[0]?.snapshot, '{"v":1}');
      assert.equal(await store.find("files", "b"), undefined);
      const rest = await store.takeIdle("files", 500, 3);
      assert.deepEqual(
        rest.map(({ key }) => key),
        ["a"],
      );
      assert.deepEqual(await store.takeIdle("files", 500, 3), []);
      assert.notEqual(await store.find("files", "e"), undefined);
      assert.notEqual(await store.find("other", "z"), undefined);
    });

    it("remembers what was last learned of each server's eras, and nothing of another one", async () => {
      await using store = await open();
      assert.equal(await store.findEras("files"), undefined);
      await store.saveEras("files", '{"modern":"no"}');
      await store.saveEras("files", '{"modern":"yes"}');
      await store.saveEras("other", "{}");
      assert.equal(await store.findEras("files"), '{"modern":"yes"}');
    });

    it("has one secret of 32 random bytes", async () => {
      await using store = await open();
      await using other = await open();
      const secret = await store.secret();
      assert.equal(secret.length, 32);
      assert.deepEqual(await store.secret(), secret);
      assert.notDeepEqual(await other.secret(), secret);
    });

    it("answers what was asked before it is closed, refuses what comes after, and closes twice", async () => {
      const store = await open();
      const asked = store.add(session());
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await asked;
      await assert.rejects(store.find("files", "k1"), { problem: "closed" });
      await assert.rejects(store.secret(), { problem: "closed" });
    });
  });
}
