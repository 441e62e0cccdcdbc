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

  describe(`credentials in the ${name} store`, () => {
    const credential = (version: string) => ({ connector: "id-1", version, sealed: new Uint8Array([version.length]) });

    it("are kept for connectors that exist, and written over the expected version alone", async () => {
      await using store = await open();
      assert.equal(await store.credentials.save(credential("v1"), undefined), "stale");
      await added(store);
      assert.equal(await store.credentials.save(credential("v1"), undefined), "saved");
      assert.equal(await store.credentials.save(credential("v2"), undefined), "stale");
      assert.equal(await store.credentials.save(credential("v2"), "v0"), "stale");
      assert.equal(await store.credentials.save(credential("v22"), "v1"), "saved");
      const kept = await store.credentials.find("id-1");
      assert.deepEqual(
        { ...kept, sealed: [...(kept?.sealed ?? [])] },
        {
          connector: "id-1",
          version: "v22",
          sealed: [3],
          claimedBy: "",
          claimedUntilMs: 0,
        },
      );
    });

    it("are renewed by one at a time: whoever claims first, until the time is up or the next write", async () => {
      await using store = await open();
      await added(store);
      await store.credentials.save(credential("v1"), undefined);
      const claim = (by: string, nowMs: number) => store.credentials.claim("id-1", "v1", by, nowMs + 10, nowMs);
      assert.deepEqual([await claim("a", 0), await claim("b", 9), await claim("a", 9)], ["claimed", "busy", "claimed"]);
      assert.equal(await claim("b", 19), "claimed");
      await store.credentials.release("id-1", "v1", "a");
      assert.equal(await claim("a", 20), "busy");
      await store.credentials.release("id-1", "v1", "b");
      assert.equal(await claim("a", 20), "claimed");
      await store.credentials.save(credential("v2"), "v1");
      assert.equal(await claim("a", 20), "stale");
      assert.equal((await store.credentials.find("id-1"))?.claimedBy, "");
    });

    it("take nothing that comes late: neither after their removal, nor for a later life of the connector", async () => {
      await using store = await open();
      const first = await added(store);
      await store.credentials.save(credential("v1"), undefined);
      await store.credentials.remove("id-1");
      assert.equal(await store.credentials.save(credential("late"), "v1"), "stale");
      await store.credentials.save(credential("v2"), undefined);
      await store.connectors.remove("files", first.generation);
      assert.equal(await store.credentials.find("id-1"), undefined);
      await added(store, { id: "id-2", sessionsKey: "key-2" });
      assert.equal(await store.credentials.save(credential("late"), undefined), "stale");
      assert.equal(await store.credentials.find("id-2"), undefined);
    });

    it("go with another server in the same step, and stay with any other change", async () => {
      await using store = await open();
      const first = await added(store);
      await store.credentials.save(credential("v1"), undefined);
      const kept = await store.connectors.replace(first, first.generation, { forgetCredential: false });
      assert.ok(kept !== "stale" && (await store.credentials.find("id-1")) !== undefined);
      await store.connectors.replace(kept.saved, kept.saved.generation, { forgetCredential: true });
      assert.equal(await store.credentials.find("id-1"), undefined);
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

describe("two hubs' stores on one SQLite file", () => {
  it("count what the other has written, and none of their own sessions", async () => {
    const path = join(scratch, `${(directories += 1)}`);
    await using one = await openSqliteHubStores(path);
    await using two = await openSqliteHubStores(path);
    const saved = await added(one);
    const before = one.foreignChanges();
    await one.sessions.add(session({ connector: saved.sessionsKey }));
    await one.sessions.replace(session({ connector: saved.sessionsKey, generation: 2 }), 1);
    await one.sessions.delete(saved.sessionsKey, "k");
    assert.equal(one.foreignChanges(), before);
    await two.connectors.add(connector({ name: "other", id: "id-2", sessionsKey: "key-2" }));
    assert.equal(one.foreignChanges(), before + 1);
    assert.equal(one.foreignChanges(), before + 1);
  });
});
