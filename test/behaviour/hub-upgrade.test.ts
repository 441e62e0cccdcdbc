// A hub's connector whose server is a program: it is started anew while it is used, by REST, by the shell and by SIGHUP, and no call fails.
import assert from "node:assert/strict";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Hub, startHub } from "../support/hub.ts";
import { shellOn } from "../support/hub-shell.ts";
import { temporaryDirectory } from "../support/process.ts";
import { openSession } from "../support/raw-client.ts";
import { type CallingSession, calling, gone, scriptedServer } from "../support/stdio-bridge.ts";
import { steadyLoad } from "../support/steady-load.ts";

const timeout = 90_000;

async function hubWith(script: string): Promise<Hub> {
  const hub = await startHub({ args: ["--no-demo"] });
  await hub.addLocal("one", { kind: "stdio", command: process.execPath, args: [script], env: {}, share: false });
  await hub.until("one", "connected");
  return hub;
}

const open = async (hub: Hub): Promise<CallingSession> => calling(await openSession(`${hub.url}/c/one/mcp`));
const pidOf = (session: CallingSession): Promise<string> => session.call("pid");

describe("an upgrade of a connector's program", { timeout }, () => {
  it("by REST loses none of 200 calls a second, and tells what moved", async () => {
    await using hub = await hubWith(scriptedServer);
    const sessions = await Promise.all(Array.from({ length: 4 }, () => open(hub)));
    const before = await Promise.all(sessions.map(pidOf));
    const results: unknown[] = [];
    const load = await steadyLoad(sessions, 200, async () => {
      const { status, body } = await hub.api("POST", "/connectors/one/upgrade");
      const { elapsedMs, ...counts } = body;
      results.push(status, counts);
      assert.ok(Number(elapsedMs) > 0);
    });
    assert.deepEqual(results, [200, { moved: 4, failed: 0, left: 0 }]);
    assert.deepEqual(load.wrong, []);
    assert.ok(load.perSecond > 190, `${load.perSecond} calls/s`);
    const after = await Promise.all(sessions.map(pidOf));
    for (const pid of before) {
      assert.ok(!after.includes(pid));
      await gone(Number(pid));
    }
    assert.equal(await hub.stop(), 0);
    assert.doesNotMatch(hub.output(), /session restored|OUTCOME_UNKNOWN/);
  });

  it("by the shell says how many sessions moved, and with 4 that one stayed where the new program does not start", async () => {
    await using directory = await temporaryDirectory();
    const script = join(directory.path, "server.ts");
    await copyFile(scriptedServer, script);
    await using hub = await hubWith(script);
    const sh = shellOn(hub.dataDir);
    const session = await open(hub);
    const first = await pidOf(session);
    const moved = await sh.run("upgrade", "one");
    assert.equal(moved.status, 0, moved.stderr);
    assert.match(moved.stdout, /^1 session moved to the new process in \d+ ms\.$/m);
    const second = await pidOf(session);
    assert.notEqual(second, first);
    await writeFile(script, "process.exit(9)");
    const stayed = await sh.run("upgrade", "one");
    assert.equal(stayed.status, 4, stayed.stderr);
    assert.match(stayed.stdout, /^0 sessions moved .*\n1 session left on the old one/);
    assert.equal(await pidOf(session), second);
  });

  it("is what SIGHUP asks the hub for", async () => {
    await using hub = await hubWith(scriptedServer);
    const session = await open(hub);
    const old = await pidOf(session);
    process.kill(hub.pid(), "SIGHUP");
    await gone(Number(old));
    assert.notEqual(await pidOf(session), old);
    assert.equal(await hub.stop(), 0);
  });
});

describe("a connector without a program", { timeout }, () => {
  it("cannot be upgraded, and says so by REST and in the shell; nor can one that is unknown, disconnected or another's", async () => {
    await using hub = await startHub({ args: ["--no-demo"] });
    const sh = shellOn(hub.dataDir);
    await hub.addLocal("web", { kind: "http", url: "http://127.0.0.1:1/mcp", wire: "auto" });
    const upgrade = async (name: string, headers = {}) => {
      const { status, body } = await hub.api("POST", `/connectors/${name}/upgrade`, undefined, headers);
      return [status, body["code"]];
    };
    assert.deepEqual(await upgrade("web"), [409, "CONNECTOR_HAS_NO_PROGRAM"]);
    assert.deepEqual(await upgrade("none"), [404, "CONNECTOR_UNKNOWN"]);
    assert.deepEqual(await upgrade("web", { authorization: undefined }), [401, "SIGN_IN_REQUIRED"]);
    const { body } = await hub.api("POST", "/tokens", { user: "anna", role: "user" });
    assert.deepEqual(await upgrade("web", { authorization: `Bearer ${String(body["secret"])}` }), [
      403,
      "ADMIN_REQUIRED",
    ]);
    const typed = await sh.run("upgrade", "web");
    assert.equal(typed.status, 7);
    assert.match(typed.stderr, /^holdfast: Only a connector whose server is a program .*CONNECTOR_HAS_NO_PROGRAM/m);
    await hub.api("POST", "/connectors/web/disconnect");
    assert.deepEqual(await upgrade("web"), [503, "CONNECTOR_DISCONNECTED"]);
    await hub.stop();
    assert.equal((await sh.run("upgrade", "web")).status, 4);
  });
});
