// The verbs on connectors and what follows them, against both stores: what is acknowledged is stored, and what is older never counts.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openMemoryHubStores, openSqliteHubStores } from "../store/index.ts";
import { type ConnectorSpec, Connectors, type Opened, openSealer, Reconciler } from "./index.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-connectors-"));
after(() => rmSync(scratch, { recursive: true, force: true }));
let directories = 0;
const newDirectory = () => join(scratch, `${(directories += 1)}`);
const sealer = openSealer(new Uint8Array(32).fill(7));

function spec(changes: Partial<ConnectorSpec> = {}): ConnectorSpec {
  return {
    server: { kind: "http", url: "https://example.com/mcp", wire: "auto" },
    headers: {},
    options: {
      trusted: false,
      recovery: "transparent",
      recoveryWindowMs: 30_000,
      maxSessions: 10,
      idleTimeoutMs: 60_000,
    },
    source: "store",
    from: "api",
    ...changes,
  };
}

const files = { name: "files", spec: spec(), wanted: "connected" } as const;

/** Notes what is opened, ended and retired, in order. */
function recorded() {
  const did: string[] = [];
  const reconciler = new Reconciler<Opened>(({ name, generation, spec: { headers } }) => {
    did.push(`open ${name}`);
    return {
      end: async (stored) => void did.push(`end ${name} ${stored.length}`),
      retire: async () => void did.push(`retire ${name}`),
      close: async () => void did.push(`close ${name} ${generation} ${Object.keys(headers).length}`),
    };
  });
  return { did, reconciler };
}

for (const [kind, open] of [
  ["memory", async () => openMemoryHubStores()],
  ["sqlite", () => openSqliteHubStores(newDirectory())],
] as const) {
  describe(`connectors over the ${kind} store`, () => {
    it("are given back as they were added", async () => {
      await using stores = await open();
      const connectors = new Connectors(stores.connectors, sealer);
      const added = await connectors.add(files);
      assert.deepEqual(await connectors.list(), [added]);
      assert.deepEqual(added.spec, files.spec);
      assert.equal(await connectors.isNew(), false);
    });

    it("refuse a name twice, an unknown name, and settings that no server can have", async () => {
      await using stores = await open();
      const connectors = new Connectors(stores.connectors, sealer);
      await connectors.add(files);
      await assert.rejects(connectors.add(files), { code: "CONNECTOR_EXISTS" });
      await assert.rejects(connectors.get("other"), { code: "CONNECTOR_UNKNOWN" });
      const bad = spec({ server: { kind: "http", url: "ftp://x/", wire: "auto" } });
      await assert.rejects(connectors.add({ ...files, name: "bad", spec: bad }), { name: "ConfigError" });
      await assert.rejects(connectors.edit("files", { headers: { Host: "x" } }), { name: "ConfigError" });
    });

    it("refuse a change that was meant for an earlier state, and write nothing of it", async () => {
      await using stores = await open();
      const connectors = new Connectors(stores.connectors, sealer);
      const { generation } = await connectors.add(files);
      const off = await connectors.setWanted("files", "disconnected", generation);
      const stale = { code: "CONNECTOR_CHANGED" };
      await assert.rejects(connectors.setWanted("files", "connected", generation), stale);
      await assert.rejects(connectors.edit("files", { headers: {} }, generation), stale);
      await assert.rejects(connectors.remove("files", generation), stale);
      assert.deepEqual(await connectors.get("files"), off);
    });

    it("go on with their sessions over a change of options, and not over another server or a disconnect", async () => {
      await using stores = await open();
      const connectors = new Connectors(stores.connectors, sealer);
      const { sessionsKey: first } = await connectors.add(files);
      const options = { ...files.spec.options, trusted: true };
      assert.equal((await connectors.edit("files", { options })).sessionsKey, first);
      const { sessionsKey: second } = await connectors.edit("files", { headers: { "X-Key": "1" } });
      assert.notEqual(second, first);
      const { sessionsKey: third } = await connectors.setWanted("files", "disconnected");
      assert.notEqual(third, second);
    });

    it("are opened, retired and ended as the verbs say, each once", async () => {
      await using stores = await open();
      const { did, reconciler } = recorded();
      const connectors = new Connectors(stores.connectors, sealer, (written) => reconciler.follow(written));
      await connectors.add(files);
      await connectors.setWanted("files", "connected");
      await connectors.edit("files", { options: { ...files.spec.options, trusted: true } });
      await connectors.setWanted("files", "disconnected");
      await connectors.setWanted("files", "disconnected");
      await connectors.setWanted("files", "connected");
      await connectors.remove("files");
      assert.deepEqual(did, ["open files", "open files", "retire files", "end files 0", "open files", "end files 0"]);
      assert.deepEqual(reconciler.all(), []);
    });

    it("stay as the newest write says when an older one is followed late", async () => {
      await using stores = await open();
      const { did, reconciler } = recorded();
      const connectors = new Connectors(stores.connectors, sealer);
      const on = await connectors.add(files);
      const off = await connectors.setWanted("files", "disconnected");
      await reconciler.follow({ name: "files", record: off, ended: [] });
      await reconciler.follow({ name: "files", record: on, ended: [] });
      assert.deepEqual(did, []);
      assert.equal(reconciler.get("files")?.record.wanted, "disconnected");
    });

    it("follow the file: what is new is added, what changed is changed, what left is removed, and a disconnect holds", async () => {
      await using stores = await open();
      const connectors = new Connectors(stores.connectors, sealer);
      await connectors.add(files);
      const one = { name: "one", spec: spec({ source: "file" }) };
      const two = { name: "two", spec: spec({ source: "file" }) };
      assert.deepEqual(await connectors.syncFile([one, two, { name: "files", spec: spec({ source: "file" }) }]), [
        "files",
      ]);
      await connectors.setWanted("one", "disconnected");
      await assert.rejects(connectors.remove("one"), { code: "CONNECTOR_READ_ONLY" });
      await assert.rejects(connectors.edit("one", { headers: {} }), { code: "CONNECTOR_READ_ONLY" });
      await connectors.syncFile([{ ...one, spec: { ...one.spec, headers: { a: "b" } } }]);
      const after = await connectors.list();
      assert.deepEqual(
        after.map(({ name, wanted, spec: { headers } }) => [name, wanted, Object.keys(headers)]),
        [
          ["files", "connected", []],
          ["one", "disconnected", ["a"]],
        ],
      );
    });
  });
}

describe("what is stored of a connector", () => {
  const secrets = ["canary-path", "canary-header", "canary-arg", "canary-env"];

  it("cannot be read from any file of the data directory, during its life and after it", async () => {
    const directory = newDirectory();
    await using stores = await openSqliteHubStores(directory);
    const connectors = new Connectors(stores.connectors, sealer);
    const url = "https://example.com/canary-path/mcp";
    await connectors.add({
      ...files,
      spec: spec({ server: { kind: "http", url, wire: "auto" }, headers: { Key: "canary-header" } }),
    });
    const env = { A: "canary-env" };
    const server = { kind: "stdio", command: "x", args: ["canary-arg"], env, share: false } as const;
    await connectors.add({ name: "child", spec: spec({ server }), wanted: "disconnected" });
    const bytes = () =>
      readdirSync(directory)
        .map((file) => readFileSync(join(directory, file), "latin1"))
        .join("");
    for (const secret of secrets) assert.ok(!bytes().includes(secret), secret);
    const [first] = await stores.connectors.list();
    const sealed = Buffer.from(first?.sealed ?? []).toString("latin1");
    assert.ok(sealed.length > 40 && bytes().includes(sealed));
    await connectors.remove("files");
    await connectors.remove("child");
    assert.ok(!bytes().includes(sealed.slice(0, 40)), "the sealed settings are still in a file");
  });

  it("cannot be opened with another key or in another row", async () => {
    await using stores = openMemoryHubStores();
    await new Connectors(stores.connectors, sealer).add(files);
    const other = new Connectors(stores.connectors, openSealer(new Uint8Array(32).fill(8)));
    await assert.rejects(other.list(), /cannot be read with this key/);
    const sealed = sealer.seal("text", "row a");
    assert.equal(sealer.open(sealed, "row b"), undefined);
    for (let at = 0; at < sealed.length; at++) {
      const damaged = Uint8Array.from(sealed, (byte, index) => (index === at ? byte ^ 1 : byte));
      assert.equal(sealer.open(damaged, "row a"), undefined, `byte ${at}`);
    }
    assert.equal(sealer.open(sealed, "row a"), "text");
  });
});
