// What every store promises of streams, run against each of them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openMemoryStore, openSqliteStore, type SessionStore, type StreamChange } from "./index.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-streams-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

let directories = 0;
const stores: Readonly<Record<string, () => Promise<SessionStore>>> = {
  memory: async () => openMemoryStore(),
  sqlite: () => openSqliteStore(join(scratch, `${(directories += 1)}`)),
};

const name = { connector: "files", session: "k1", token: "t1" };
const open: StreamChange = { kind: "open", ...name, streamKind: "answer", asked: '["1"]' };
const event = (seq: number): StreamChange => ({
  kind: "event",
  ...name,
  seq,
  generation: 2,
  upstreamEventId: seq === 2 ? "server-2" : undefined,
  bytes: Buffer.from(`id: ${seq}\ndata: \xff\0é\n\n`, "latin1"),
  idBytes: 6,
});

for (const [kind, openStore] of Object.entries(stores)) {
  describe(`the ${kind} store`, () => {
    const withSession = async (): Promise<SessionStore> => {
      const store = await openStore();
      const { connector, session: key } = name;
      await store.add({ connector, key, principal: "none", generation: 1, snapshot: "{}", lastSeenAtMs: 1_000 });
      return store;
    };

    it("gives a stream back as it was written", async () => {
      await using store = await withSession();
      await store.writeStreams([open, event(1), event(2), { kind: "over", ...name }], 1);
      const found = await store.findStream(name);
      assert.deepEqual([found?.streamKind, found?.asked, found?.over, found?.droppedSeq], ["answer", '["1"]', true, 0]);
      assert.deepEqual(
        found?.events.map(({ seq, generation, upstreamEventId, idBytes }) => [
          seq,
          generation,
          upstreamEventId,
          idBytes,
        ]),
        [
          [1, 2, undefined, 6],
          [2, 2, "server-2", 6],
        ],
      );
      assert.equal(Buffer.from(found?.events[1]?.bytes ?? []).toString("latin1"), "id: 2\ndata: \xff\0é\n\n");
    });

    it("finds it under its own connector, session and token only", async () => {
      await using store = await withSession();
      await store.writeStreams([open], 1);
      for (const other of [{ connector: "x" }, { session: "k2" }, { token: "t2" }])
        assert.equal(await store.findStream({ ...name, ...other }), undefined);
    });

    it("keeps nothing without its session, and loses all with it", async () => {
      await using store = await withSession();
      const orphan = { ...name, session: "nobody" };
      await store.writeStreams([{ ...open, ...orphan }, { ...event(1), ...orphan }, open, event(1)], 1);
      assert.equal(await store.findStream(orphan), undefined);
      await store.delete(name.connector, name.session);
      assert.equal(await store.findStream(name), undefined);
      await store.writeStreams([event(2)], 2);
      assert.equal(await store.findStream(name), undefined);
    });

    it("loses the streams of a session that was taken for idle", async () => {
      await using store = await withSession();
      await store.writeStreams([open, event(1)], 1);
      assert.equal((await store.takeIdle(name.connector, 2_000, 10)).length, 1);
      assert.equal(await store.findStream(name), undefined);
    });

    it("drops events up to a number, and never brings one back", async () => {
      await using store = await withSession();
      await store.writeStreams([open, event(1), event(2), event(3), { kind: "dropped", ...name, throughSeq: 2 }], 1);
      await store.writeStreams([{ kind: "dropped", ...name, throughSeq: 1 }], 1);
      const found = await store.findStream(name);
      assert.deepEqual([found?.droppedSeq, found?.events.map(({ seq }) => seq)], [2, [3]]);
    });

    it("deletes what was not written to, not touched and not asked to stay", async () => {
      await using store = await withSession();
      const other = { ...name, token: "t2" };
      await store.writeStreams([open, { ...open, ...other }], 10);
      await store.touchStreams([other], 30);
      await store.deleteStreamsBefore(10);
      assert.notEqual(await store.findStream(name), undefined);
      await store.deleteStreamsBefore(11);
      assert.equal(await store.findStream(name), undefined);
      assert.notEqual(await store.findStream(other), undefined);
      await store.writeStreams([{ kind: "forget", ...other }], 40);
      assert.equal(await store.findStream(other), undefined);
    });
  });
}
