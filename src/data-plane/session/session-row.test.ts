// What reaches the store, and what happens when the store fails or another process was first. On the memory store.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Log } from "../../observability/index.ts";
import { openMemoryStore, type SessionStore } from "../../store/index.ts";
import { SessionRow } from "./session-row.ts";
import { decodeSnapshot, type Snapshot } from "./snapshot.ts";

const rowKey = { connector: "files", key: "k", principal: "none" };
const silent: Log = { request: () => {}, event: () => {}, close: () => Promise.resolve() };

const snapshot: Snapshot = {
  initialize: "{}",
  clientVersion: "2025-11-25",
  serverVersion: "2025-11-25",
  serverDigest: "d",
  announces: [],
  initialized: true,
  stream: false,
  subscriptions: [],
  lists: {},
};

const at = (generation: number, upstreamId: string) => ({
  state: { at: "operating", generation, upstreamId, served: true } as const,
  snapshot,
  lastSeenAtMs: 1,
});

const rowOn = (store: SessionStore) => new SessionRow(store, silent, "files", rowKey, undefined);

async function storedId(store: SessionStore): Promise<string | undefined> {
  const row = await store.find(rowKey.connector, rowKey.key);
  return row === undefined ? undefined : `${row.generation} ${decodeSnapshot(row.snapshot)?.upstreamId}`;
}

describe("the row of a session", () => {
  it("follows each restore", async () => {
    const store = openMemoryStore();
    const row = rowOn(store);
    await row.add(at(1, "a"));
    assert.equal(await row.replaceGeneration(at(1, "a"), "b", 2), "saved");
    assert.equal(await storedId(store), "2 b");
  });

  it("is refused over what another process restored, and goes on from there once that was read", async () => {
    const store = openMemoryStore();
    const [ours, theirs] = [rowOn(store), new SessionRow(store, silent, "files", rowKey, 1)];
    await ours.add(at(1, "a"));
    assert.equal(await theirs.replaceGeneration(at(1, "a"), "b", 2), "saved");
    assert.equal(await ours.replaceGeneration(at(1, "a"), "c", 2), "stale");
    assert.equal((await ours.find())?.generation, 2);
    assert.equal(await ours.replaceGeneration(at(2, "b"), "d", 3), "saved");
    assert.equal(await storedId(store), "3 d");
  });

  it("is there from the next write on where the store had failed to take it at first, and not after the session was deleted", async () => {
    const memory = openMemoryStore();
    let isFull = true;
    const add: SessionStore["add"] = (row) => (isFull ? Promise.reject(new Error("full")) : memory.add(row));
    const store: SessionStore = Object.assign(Object.create(memory), { add });
    const [soon, restored, deleted] = ["soon", "restored", "deleted"].map(
      (key) => new SessionRow(store, silent, "files", { ...rowKey, key }, undefined),
    ) as [SessionRow, SessionRow, SessionRow];
    for (const row of [soon, restored, deleted]) await row.add(at(1, "a"));
    soon.saveSoon(at(1, "a"));
    await soon.settled();
    assert.equal(await memory.find("files", "soon"), undefined);
    isFull = false;
    soon.saveSoon(at(1, "a"));
    assert.equal(await restored.replaceGeneration(at(1, "a"), "b", 2), "saved");
    await deleted.delete();
    deleted.saveSoon(at(1, "a"));
    for (const row of [soon, restored, deleted]) await row.settled();
    const generations = ["soon", "restored", "deleted"].map(
      async (key) => (await memory.find("files", key))?.generation,
    );
    assert.deepEqual(await Promise.all(generations), [1, 2, undefined]);
  });

  it("is written by the next restore when the store had failed at the one before", async () => {
    const store = openMemoryStore();
    const row = rowOn(store);
    await row.add(at(1, "a"));
    const replace = store.replace.bind(store);
    store.replace = () => Promise.reject(new Error("disk full"));
    assert.equal(await row.replaceGeneration(at(1, "a"), "b", 2), "saved");
    store.replace = replace;
    assert.equal(await row.replaceGeneration(at(2, "b"), "c", 3), "saved");
    assert.equal(await storedId(store), "3 c");
  });

  it("does not come back after it was deleted", async () => {
    const store = openMemoryStore();
    const row = rowOn(store);
    await row.add(at(1, "a"));
    const deleted = row.delete();
    row.saveSoon(at(1, "a"));
    await row.replaceGeneration(at(1, "a"), "b", 2);
    await deleted;
    await row.settled();
    assert.equal(await storedId(store), undefined);
  });

  it("tells at its end what another process had written over it, and nothing otherwise", async () => {
    const store = openMemoryStore();
    const ours = rowOn(store);
    await ours.add(at(1, "a"));
    assert.equal(await ours.delete(), undefined);
    await ours.add(at(1, "a"));
    await store.replace({ ...rowKey, generation: 2, snapshot: "{}", lastSeenAtMs: 1 }, 1);
    assert.equal((await ours.delete())?.generation, 2);
    assert.equal(await storedId(store), undefined);
  });

  it("is one write for several changes in a row", async () => {
    const store = openMemoryStore();
    const row = rowOn(store);
    await row.add(at(1, "a"));
    let writes = 0;
    const replace = store.replace.bind(store);
    store.replace = (...args) => {
      writes += 1;
      return replace(...args);
    };
    for (let change = 0; change < 5; change += 1) row.saveSoon(at(1, "a"));
    await row.settled();
    assert.equal(writes, 1);
  });
});
