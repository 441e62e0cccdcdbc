// `holdfast serve --config FILE`: connectors that live in a file, followed while the hub runs. What did not change keeps its sessions.
import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Chaos, startChaos } from "../../src/chaos/index.ts";
import { sdk1 } from "../support/clients.ts";
import { type Hub, startHub } from "../support/hub.ts";
import { shellOn } from "../support/hub-shell.ts";
import { temporaryDirectory } from "../support/process.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { eventually } from "./recovery-scene.ts";

const timeout = 120_000;

type Servers = Readonly<Record<string, object>>;

interface Scene extends AsyncDisposable {
  readonly chaos: Chaos;
  readonly hub: Hub;
  readonly file: string;
  readonly path: string;
  write(servers: Servers): Promise<void>;
  names(): Promise<readonly string[]>;
}

async function openScene(
  first: (chaosUrl: string) => Servers,
  env: Readonly<Record<string, string>> = {},
): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const chaos = await startChaos({ port: 0 });
  resources.defer(() => chaos.close());
  const { path } = resources.use(await temporaryDirectory());
  const file = join(path, "mcp.json");
  const write = (servers: Servers) => writeFile(file, `// mine\n${JSON.stringify({ mcpServers: servers })}`);
  await write(first(chaos.url));
  const hub = resources.use(await startHub({ args: ["--config", file], env }));
  const owned = resources.move();
  return {
    chaos,
    hub,
    file,
    path,
    write,
    names: async () => {
      const { body } = await hub.api("GET", "/connectors");
      return (body["connectors"] as readonly { readonly name: string }[]).map(({ name }) => name);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const untilNames = (scene: Scene, ...wanted: readonly string[]) =>
  eventually(async () => {
    const names = await scene.names();
    return names.join() === wanted.join() ? names : undefined;
  }, `the connectors ${wanted.join()}`);

describe("connectors in a file", { timeout }, () => {
  it("are there from the start, with their variables filled in, and read-only", async () => {
    await using scene = await openScene((url) => ({ one: { url: "${WHERE}" }, off: { url, disabled: true } }), {
      WHERE: "http://127.0.0.1:9/mcp",
    });
    assert.deepEqual(await scene.names(), ["off", "one"]);
    const { body: one } = await scene.hub.api("GET", "/connectors/one");
    assert.equal(one["source"], "file");
    const off = await scene.hub.until("off", "disconnected");
    assert.equal(off["wanted"], "disconnected");
    const refused = await scene.hub.api("DELETE", "/connectors/one");
    assert.deepEqual([refused.status, refused.body["code"]], [409, "CONNECTOR_READ_ONLY"]);
    const sh = shellOn(scene.hub.dataDir);
    const removed = await sh.run("remove", "one");
    assert.equal(removed.status, 7);
    assert.match(removed.stderr, /kept in the file.*\(CONNECTOR_READ_ONLY\)/);
    assert.equal((await sh.run("edit", "one", "--trusted")).status, 7);
  });

  it("come and go with the file, and what stays keeps its session", async () => {
    await using scene = await openScene((url) => ({ stays: { url } }));
    const { chaos, hub } = scene;
    await using client = await sdk1.connect(`${hub.url}/c/stays/mcp`);
    assert.equal(await client.callTool("count", {}), "1");
    const session = client.sessionId();
    await scene.write({ comes: { url: chaos.url, headers: { "X-One": "1" } }, stays: { url: chaos.url } });
    await untilNames(scene, "comes", "stays");
    await using other = await sdk1.connect(`${hub.url}/c/comes/mcp`);
    assert.equal(await other.callTool("count", {}), "2");
    await scene.write({ stays: { url: chaos.url } });
    await untilNames(scene, "stays");
    await assert.rejects(other.callTool("count", {}), "its connector is gone");
    assert.equal(await client.callTool("count", {}), "3");
    assert.equal(client.sessionId(), session);
    assert.deepEqual(client.errors(), []);
  });

  it("stay as they were while the file is broken, and the log says where it is", async () => {
    await using scene = await openScene((url) => ({ one: { url } }));
    const { chaos, hub, file } = scene;
    await using client = await sdk1.connect(`${hub.url}/c/one/mcp`);
    await client.callTool("count", {});
    await writeFile(file, '{"mcpServers": {"one": {"url": "canary-s3cret"}}}');
    await eventually(async () => (/config file not followed/.test(hub.output()) ? true : undefined), "the log line");
    assert.match(hub.output(), /mcp\.json:1:32 one\.url must begin with http:\/\/ or https:\/\//);
    assert.ok(!hub.output().includes("canary-s3cret"));
    const problem = async () => (await hub.api("GET", "/settings")).body["configProblem"];
    assert.match(String(await problem()), /mcp\.json:1:32 one\.url must begin with/);
    assert.equal(await client.callTool("count", {}), "2");
    await scene.write({ one: { url: chaos.url }, two: { url: chaos.url } });
    await untilNames(scene, "one", "two");
    assert.equal(await problem(), undefined);
    assert.equal(await client.callTool("count", {}), "3");
  });

  it("follow a file that is put in the old one's place, as editors do", async () => {
    await using scene = await openScene((url) => ({ one: { url } }));
    const draft = join(scene.path, "draft");
    await writeFile(draft, JSON.stringify({ servers: { two: { type: "http", url: scene.chaos.url } } }));
    await rename(draft, scene.file);
    await untilNames(scene, "two");
  });

  it("set what only Holdfast has a use for, and a change of that keeps the sessions", async () => {
    const holdfast = { trusted: true, recovery: "notify", recoveryWindow: 5 };
    await using scene = await openScene((url) => ({ one: { url, holdfast } }));
    const options = async () => (await scene.hub.api("GET", "/connectors/one")).body["options"] as Servers;
    const shown = async () => {
      const { trusted, recovery, recoveryWindowMs } = await options();
      return [trusted, recovery, recoveryWindowMs];
    };
    assert.deepEqual(await shown(), [true, "notify", 5_000]);
    await using client = await sdk1.connect(`${scene.hub.url}/c/one/mcp`);
    const session = client.sessionId();
    await scene.write({ one: { url: scene.chaos.url, holdfast: { trusted: true } } });
    await eventually(
      async () => (JSON.stringify(await shown()) === '[true,"transparent",30000]' ? true : undefined),
      "the change",
    );
    assert.equal(await client.callTool("count", {}), "1");
    assert.equal(client.sessionId(), session);
  });

  it("are disconnected and connected by the file when its own word changes, and by others in between", async () => {
    await using scene = await openScene((url) => ({ one: { url } }));
    const { hub, chaos } = scene;
    const wanted = async (expected: string) =>
      eventually(
        async () => ((await hub.api("GET", "/connectors/one")).body["wanted"] === expected ? true : undefined),
        expected,
      );
    await scene.write({ one: { url: chaos.url, disabled: true } });
    await wanted("disconnected");
    await hub.api("POST", "/connectors/one/connect");
    await scene.write({ one: { url: chaos.url, disabled: true, headers: { "X-One": "1" } } });
    await eventually(
      async () =>
        ((await hub.api("GET", "/connectors/one")).body["headerNames"] as readonly string[]).length === 1
          ? true
          : undefined,
      "the header",
    );
    await wanted("connected");
    await hub.api("POST", "/connectors/one/disconnect");
    await scene.write({ one: { url: chaos.url } });
    await wanted("connected");
  });

  it("stay disconnected over a restart of the hub when they were disconnected", async () => {
    await using scene = await openScene((url) => ({ one: { url } }));
    await scene.hub.until("one", "connected");
    await shellOn(scene.hub.dataDir).json("disconnect", "one");
    await scene.hub.restart();
    assert.equal((await scene.hub.api("GET", "/connectors/one")).body["wanted"], "disconnected");
  });

  it("leave a connector of the store alone that has the same name", async () => {
    await using scene = await openScene((url) => ({ one: { url } }));
    const sh = shellOn(scene.hub.dataDir);
    await sh.run("add", "mine", scene.chaos.url);
    await scene.write({ mine: { url: "http://127.0.0.1:9/" }, one: { url: scene.chaos.url } });
    await eventually(
      async () => (/of this name is in the store/.test(scene.hub.output()) ? true : undefined),
      "the warning",
    );
    assert.equal((await scene.hub.api("GET", "/connectors/mine")).body["source"], "store");
  });

  it("keep the hub from starting when the file was never good, with place and exit code", async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "mcp.json");
    await writeFile(file, '{"mcpServers": ');
    const args = ["serve", "--port", "0", "--data-dir", join(directory.path, "data"), "--config"];
    const broken = await runHoldfast([...args, file]);
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, /^holdfast: .*mcp\.json:1:16 A value is expected here\.$/m);
    const absent = await runHoldfast([...args, join(directory.path, "absent.json")]);
    assert.deepEqual([absent.status, /cannot be read \(ENOENT\)/.test(absent.stderr)], [1, true], absent.stderr);
  });

  it("are kept when the file is broken at a later start, and gone at a start without it", async () => {
    await using scene = await openScene((url) => ({ one: { url } }));
    await scene.hub.stop();
    await writeFile(scene.file, "{");
    await scene.hub.restart();
    assert.deepEqual(await scene.names(), ["one"]);
    await scene.hub.stop();
    await using without = await startHub({ args: ["--no-demo"], dataDir: scene.hub.dataDir });
    assert.deepEqual((await without.api("GET", "/connectors")).body["connectors"], []);
  });
});
