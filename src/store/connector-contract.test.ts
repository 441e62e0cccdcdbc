// What every store promises of connectors and tokens, run against each of them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  type HubStores,
  openMemoryHubStores,
  openSqliteHubStores,
  type StoredConnector,
  type StoredSession,
} from "./index.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-connector-store-"));
after(() => rmSync(scratch, { recursive: true, force: true }));
let directories = 0;

const stores: Readonly<Record<string, () => Promise<HubStores>>> = {
  memory: async () => openMemoryHubStores(),
  sqlite: () => openSqliteHubStores(join(scratch, `${(directories += 1)}`)),
};

function connector(changes: Partial<StoredConnector> = {}): Omit<StoredConnector, "generation"> {
  return {
    name: "files",
    id: "id-1",
    wanted: "connected",
    sessionsKey: "key-1",
    sealed: new Uint8Array([1, 2, 3]),
    createdAtMs: 1,
    changedAtMs: 1,
    ...changes,
  };
}

async function added(store: HubStores, changes: Partial<StoredConnector> = {}): Promise<StoredConnector> {
  const saved = await store.connectors.add(connector(changes));
  assert.ok(saved !== "exists");
  return saved;
}

function session(changes: Partial<StoredSession> = {}): StoredSession {
  return {
    key: "k",
    connector: "key-1",
    principal: "none",
    generation: 1,
    snapshot: "{}",
    lastSeenAtMs: 1,
    ...changes,
  };
}

for (const [name, open] of Object.entries(stores)) {
  describe(`connectors in the ${name} store`, () => {
    it("are found as they were added, in the order of their names", async () => {
      await using store = await open();
      const second = await added(store, { name: "b", id: "2", sessionsKey: "k2" });
      const first = await added(store, { name: "a", id: "1", sessionsKey: "k1" });
      assert.deepEqual(await store.connectors.list(), [first, second]);
      assert.deepEqual(await store.connectors.find("b"), second);
      assert.equal(await store.connectors.find("c"), undefined);
    });

    it("refuse a name that is taken, and keep the first", async () => {
      await using store = await open();
      const first = await added(store);
      assert.equal(await store.connectors.add(connector({ id: "id-2", sessionsKey: "key-2" })), "exists");
      assert.deepEqual(await store.connectors.list(), [first]);
    });

    it("have generations that rise over every write, removals included", async () => {
      await using store = await open();
      assert.equal(await store.connectors.generation(), 0);
      const first = await added(store);
      const changed = await store.connectors.replace({ ...first, wanted: "disconnected" }, first.generation);
      assert.ok(changed !== "stale");
      assert.ok(changed.saved.generation > first.generation);
      await store.connectors.remove("files", changed.saved.generation);
      const again = await added(store, { id: "id-2" });
      assert.ok(again.generation > changed.saved.generation + 1);
      assert.equal(await store.connectors.generation(), again.generation);
    });

    it("refuse a write over another generation, so that no late writer brings anything back", async () => {
      await using store = await open();
      const first = await added(store);
      const off = await store.connectors.replace({ ...first, wanted: "disconnected" }, first.generation);
      assert.ok(off !== "stale");
      assert.equal(await store.connectors.replace({ ...first, wanted: "connected" }, first.generation), "stale");
      assert.equal(await store.connectors.remove("files", first.generation), "stale");
      assert.equal((await store.connectors.find("files"))?.wanted, "disconnected");
      await store.connectors.remove("files", off.saved.generation);
      assert.equal(await store.connectors.replace(off.saved, off.saved.generation), "stale");
      assert.deepEqual(await store.connectors.list(), []);
    });

    it("let exactly one of many writers over the same generation win", async () => {
      await using store = await open();
      const first = await added(store);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          store.connectors.replace({ ...first, sealed: new Uint8Array([n]) }, first.generation),
        ),
      );
      assert.equal(outcomes.filter((outcome) => outcome !== "stale").length, 1);
    });

    for (const [how, change] of [
      ["disconnected", { wanted: "disconnected" }],
      ["given another server", { sessionsKey: "key-2" }],
    ] as const) {
      it(`give up the sessions of one that is ${how}, and take no more of them`, async () => {
        await using store = await open();
        const first = await added(store);
        await added(store, { name: "other", id: "o", sessionsKey: "other-key" });
        await store.sessions.add(session());
        await store.sessions.add(session({ connector: "other-key" }));
        const outcome = await store.connectors.replace({ ...first, ...change }, first.generation);
        assert.ok(outcome !== "stale");
        assert.deepEqual(
          outcome.ended.map(({ key }) => key),
          ["k"],
        );
        assert.equal(await store.sessions.find("key-1", "k"), undefined);
        await assert.rejects(store.sessions.add(session({ key: "late" })), { problem: "ended" });
        assert.equal(await store.sessions.replace(session({ generation: 2 }), 1), "stale");
        assert.notEqual(await store.sessions.find("other-key", "k"), undefined);
      });
    }

    it("give up the sessions that a part of them holds together with their own", async () => {
      await using store = await open();
      const first = await added(store);
      await added(store, { name: "other", id: "o", sessionsKey: "key-10" });
      await store.sessions.add(session());
      await store.sessions.add(session({ connector: "key-1:modern", key: "m" }));
      await store.sessions.add(session({ connector: "key-10:modern" }));
      const outcome = await store.connectors.remove("files", first.generation);
      assert.ok(outcome !== "stale");
      assert.deepEqual(outcome.ended.map(({ key }) => key).sort(), ["k", "m"]);
      assert.equal(await store.sessions.find("key-1:modern", "m"), undefined);
      await assert.rejects(store.sessions.add(session({ connector: "key-1:modern" })), { problem: "ended" });
      assert.notEqual(await store.sessions.find("key-10:modern", "k"), undefined);
    });

    it("keep the sessions of one whose other settings change", async () => {
      await using store = await open();
      const first = await added(store);
      await store.sessions.add(session());
      const outcome = await store.connectors.replace({ ...first, sealed: new Uint8Array([9]) }, first.generation);
      assert.ok(outcome !== "stale" && outcome.ended.length === 0);
      assert.notEqual(await store.sessions.find("key-1", "k"), undefined);
    });

    it("leave no session when they are removed, and take none of their old life", async () => {
      await using store = await open();
      const first = await added(store);
      await store.sessions.add(session());
      const outcome = await store.connectors.remove("files", first.generation);
      assert.ok(outcome !== "stale" && outcome.ended.length === 1);
      assert.equal(await store.sessions.find("key-1", "k"), undefined);
      await added(store, { id: "id-2", sessionsKey: "key-2" });
      await assert.rejects(store.sessions.add(session({ key: "late" })), { problem: "ended" });
    });
  });

  describe(`tokens in the ${name} store`, () => {
    const token = {
      id: "t1",
      user: "ann",
      label: "laptop",
      role: "user",
      hash: "h1",
      createdAtMs: 1,
      lastUsedAtMs: undefined,
    } as const;

    it("are listed, touched and removed", async () => {
      await using store = await open();
      await store.tokens.add(token);
      await store.tokens.touch("t1", 5);
      assert.deepEqual(await store.tokens.list(), [{ ...token, lastUsedAtMs: 5 }]);
      assert.equal(await store.tokens.remove("t1"), true);
      assert.equal(await store.tokens.remove("t1"), false);
      assert.deepEqual(await store.tokens.list(), []);
    });
  });
}
