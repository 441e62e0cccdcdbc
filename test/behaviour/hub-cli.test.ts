// The hub's verbs against a hub that runs: the same truth as page and REST, local servers taken from the shell, and a broken session seen to heal.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Chaos, startChaos } from "../../src/chaos/index.ts";
import { sdk1 } from "../support/clients.ts";
import { type Hub, startHub } from "../support/hub.ts";
import { type Shell, shellOn } from "../support/hub-shell.ts";
import { startChild } from "../support/process.ts";
import { program, runHoldfast } from "../support/run-holdfast.ts";

const timeout = 120_000;

interface Scene extends AsyncDisposable {
  readonly hub: Hub;
  readonly sh: Shell;
  readonly chaos: Chaos;
}

/** A hub with nothing in it, and a server to add. */
async function openScene(args: readonly string[] = ["--no-demo"]): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const chaos = await startChaos({ port: 0 });
  resources.defer(() => chaos.close());
  const hub = resources.use(await startHub({ args }));
  const owned = resources.move();
  return { hub, sh: shellOn(hub.dataDir), chaos, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const memoryServer = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-memory/dist/index.js"));

describe("the verbs with a hub", { timeout }, () => {
  it("take a local URL and a command that REST would refuse, and show what REST shows", async () => {
    await using scene = await openScene();
    const { hub, sh, chaos } = scene;
    const refused = await hub.api("POST", "/connectors", { name: "local", server: { kind: "http", url: chaos.url } });
    assert.equal(refused.status, 403, refused.text);
    const added = await sh.run("add", "local", chaos.url);
    assert.equal(added.status, 0, added.stderr);
    assert.equal(added.stderr, `Written to the store, and taken up by the hub at ${hub.url}.\n`);
    await sh.run("add", "memory", "--", process.execPath, memoryServer);
    await hub.until("local", "connected");
    await hub.until("memory", "connected");
    const listed = await sh.run("list");
    assert.equal(listed.stderr, `Asking the hub at ${hub.url}.\n`);
    assert.match(listed.stdout, /^local +connected +\d+ s +0 +http:\/\/127\.0\.0\.1:\d+$/m);
    assert.match(listed.stdout, /^memory +connected +\d+ s +0 +node$/m);
    const { body } = await hub.api("GET", "/connectors/memory");
    const { status, ...rest } = await sh.json("get", "memory");
    const { status: _status, ...same } = body;
    assert.deepEqual(rest, same);
    assert.equal((status as Record<string, unknown>)["kind"], "connected");
    assert.match((await sh.run("tools", "memory")).stdout, /^create_entities /m);
    assert.equal((await sh.run("test", "memory")).status, 0);
    assert.match(
      (await sh.run("doctor", "local")).stdout,
      /bogus-session +ok .* refused with 404, as the specification says/,
    );
    assert.equal(
      (await sh.run("export", "memory", "--for", "codex")).stdout,
      `codex mcp add memory --url ${hub.url}/c/memory/mcp\n`,
    );
  });

  it("disconnect, connect, edit and remove what runs", async () => {
    await using scene = await openScene();
    const { hub, sh, chaos } = scene;
    await sh.run("add", "one", chaos.url);
    await hub.until("one", "connected");
    assert.equal((await sh.json("disconnect", "one"))["wanted"], "disconnected");
    await hub.until("one", "disconnected");
    assert.equal((await sh.json("edit", "one", "--trusted"))["wanted"], "disconnected", "an edit connects nothing");
    await sh.json("connect", "one");
    await hub.until("one", "connected");
    await sh.json("remove", "one");
    assert.equal((await hub.api("GET", "/connectors/one")).status, 404);
    assert.equal((await sh.run("remove", "one")).status, 6);
  });

  it("break a session, and show in logs -f how it heals", async () => {
    await using scene = await openScene();
    const { hub, sh, chaos } = scene;
    await sh.run("add", "one", chaos.url);
    await hub.until("one", "connected");
    assert.equal((await sh.run("sessions", "break", "one")).status, 6, "there is no session yet");
    await using client = await sdk1.connect(`${hub.url}/c/one/mcp`);
    await client.callTool("count", {});
    const { sessions } = (await sh.json("sessions", "one")) as { sessions: readonly Record<string, unknown>[] };
    assert.equal(sessions.length, 1);
    assert.equal(sessions[0]?.["clientName"], "holdfast-tests");
    await using logs = await startChild(process.execPath, [program, "logs", "-f", "one", "--data-dir", hub.dataDir]);
    await logs.waitForLine(/tools\/call {2}200/);
    const broken = await sh.run("sessions", "break", "one");
    assert.match(broken.stdout, new RegExp(`^The next request of session ${String(sessions[0]?.["session"])} carries`));
    assert.equal(await client.callTool("count", {}), "2");
    await logs.waitForLine(/restored in \d+ ms after session-/);
    await logs.waitForLine(/\+ +\d+ ms {2}initialize/);
    assert.equal(await logs.end("SIGINT"), 0);
    const past = await sh.run("logs", "one", "--json");
    const entries = past.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(entries.filter((entry) => "restore" in entry).length, 1);
    const [first] = (await sh.json("sessions", "one"))["sessions"] as readonly Record<string, unknown>[];
    assert.equal(first?.["generation"], 2);
    assert.equal((await sh.run("sessions", "end", "one", String(first?.["session"]))).status, 0);
    assert.deepEqual((await sh.json("sessions", "one"))["sessions"], []);
  });

  it("call a tool, and tell a tool that fails from a connector that is not there", async () => {
    await using scene = await openScene();
    const { hub, sh, chaos } = scene;
    await sh.run("add", "one", chaos.url);
    await sh.run("add", "memory", "--", process.execPath, memoryServer);
    const echoed = await sh.run("call", "one", "echo", '{"text":"hello"}');
    assert.deepEqual([echoed.status, echoed.stdout], [0, "hello\n"], echoed.stderr);
    assert.deepEqual((await sh.json("call", "one", "echo", '{"text":"hi"}'))["content"], [
      { type: "text", text: "hi" },
    ]);
    const failed = await sh.run("call", "memory", "create_entities", '{"entities":3}');
    assert.equal(failed.status, 5, failed.stdout + failed.stderr);
    assert.equal((await sh.run("call", "one", "echo", "{text}")).status, 1);
    assert.equal((await sh.run("call", "nobody", "echo")).status, 6);
    await sh.run("disconnect", "one");
    const off = await sh.run("call", "one", "echo");
    assert.deepEqual([off.status, /CONNECTOR_DISCONNECTED/.test(off.stderr)], [4, true], off.stderr);
    assert.deepEqual(
      (await hub.api("GET", "/connectors/memory/sessions")).body["sessions"],
      [],
      "its sessions end with it",
    );
  });

  it("go to the store when the hub is gone, also when it was killed", async () => {
    await using scene = await openScene();
    const { hub, sh, chaos } = scene;
    await sh.run("add", "one", chaos.url);
    await hub.kill();
    const listed = await sh.run("list");
    assert.match(listed.stderr, /^Using the store in .* \(no hub runs\)\.\n$/);
    assert.equal((await sh.json("disconnect", "one"))["wanted"], "disconnected");
    await hub.restart();
    assert.equal(((await sh.json("get", "one"))["status"] as Record<string, unknown>)["kind"], "disconnected");
  });

  it("print a link to the page that lets its user in once", async () => {
    await using scene = await openScene();
    const link = (await scene.sh.run("login-link")).stdout.trim();
    assert.match(link, new RegExp(`^${scene.hub.url}/login#`));
    const code = new URL(link).hash.slice(1);
    const login = () => scene.hub.api("POST", "/login", { code }, { authorization: undefined, origin: scene.hub.url });
    assert.equal((await login()).status, 200);
    assert.equal((await login()).status, 401);
  });

  it("need the admin's token, and say so to a user without it", async () => {
    await using scene = await openScene();
    const { chmod } = await import("node:fs/promises");
    await chmod(`${scene.hub.dataDir}/admin-token`, 0o000);
    // Root reads everything, so the file is taken away for it.
    if (process.getuid?.() === 0) await (await import("node:fs/promises")).rm(`${scene.hub.dataDir}/admin-token`);
    const { status, stderr } = await runHoldfast(["list", "--data-dir", scene.hub.dataDir]);
    assert.equal(status, 7);
    assert.match(stderr, /its admin token .* cannot be read \(E\w+\)\. Run this as the user who started the hub\./);
  });
});
