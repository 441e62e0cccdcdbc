// A server that Holdfast starts itself is started anew while it is used: nobody waits for it, no call is lost, and what runs finishes on the old one.
import assert from "node:assert/strict";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ask, said } from "../support/modern-client.ts";
import { startChild, temporaryDirectory } from "../support/process.ts";
import { openSession } from "../support/raw-client.ts";
import { callBody, calling, gone, isAlive, scriptedServer, stdioBridge } from "../support/stdio-bridge.ts";
import { steadyLoad } from "../support/steady-load.ts";

const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

describe("an upgrade of a stdio server", () => {
  for (const share of [false, true]) {
    it(`loses none of 200 calls a second${share ? " on a shared process" : ""}`, async () => {
      await using bridge = await stdioBridge([], { share });
      const sessions = await Promise.all(Array.from({ length: 4 }, () => bridge.session()));
      const pids = async () => new Set(await Promise.all(sessions.map((session) => session.call("pid"))));
      const before = await pids();
      assert.equal(before.size, share ? 1 : 4);
      const load = await steadyLoad(sessions, 200, () => bridge.upgrade());
      assert.deepEqual(load.wrong, []);
      assert.ok(load.perSecond > 190, `${load.perSecond} calls/s`);
      const after = await pids();
      assert.equal(after.size, before.size);
      for (const pid of before) await gone(Number(pid));
      await bridge.close();
      assert.match(bridge.log(), new RegExp(`"moved":4,"failed":0.*server upgraded`));
      assert.doesNotMatch(bridge.log(), /session restored|OUTCOME_UNKNOWN/);
    });
  }

  it("lets a call under way finish on the old process, with its question and its progress, while new calls run on the new one", async () => {
    await using bridge = await stdioBridge();
    const session = await bridge.session({ capabilities: { elicitation: {} } });
    const old = await session.call("pid");
    const slow = session.call("sleep", { ms: 3_000 });
    const asking = await session.open({ body: callBody("asking", "ask") });
    const id = /"id":(\d+)/.exec(await asking.until("elicitation/create"))?.[1];
    await bridge.upgrade();
    const fresh = await session.call("pid");
    assert.notEqual(fresh, old);
    assert.ok(isAlive(Number(old)));
    await session.post(`{"jsonrpc":"2.0","id":${id},"result":{"action":"accept"}}`);
    assert.match(await asking.until('"id":"asking"'), /accept/);
    assert.equal(await slow, old);
    await gone(Number(old));
    assert.equal(await session.call("pid"), fresh);
  });

  it("is what SIGHUP asks for", async () => {
    const args = [program, "--port", "0", "--log-format", "json", "--", process.execPath, scriptedServer];
    await using holdfast = await startChild(process.execPath, args);
    const [, url = ""] = await holdfast.waitForLine(/MCP endpoint: (\S+)/);
    const session = calling(await openSession(url));
    const old = await session.call("pid");
    process.kill(holdfast.pid, "SIGHUP");
    await holdfast.waitForLine(/"moved":1,"failed":0.*server upgraded/);
    assert.notEqual(await session.call("pid"), old);
    await gone(Number(old));
    assert.equal(await holdfast.end("SIGTERM"), 0);
  });

  it("puts back what the session held: its stream and its subscriptions", async () => {
    await using bridge = await stdioBridge();
    const session = await bridge.session();
    const stream = await session.open({ method: "GET", headers: { accept: "text/event-stream" } });
    await session.post('{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///kept"}}');
    await stream.until("file:///kept");
    await bridge.upgrade();
    // The scripted server tells of each subscription that it is given.
    await stream.until(/file:\/\/\/kept[^]*file:\/\/\/kept/);
    await session.call("later", { ms: 0 });
    await stream.until("tools/list_changed");
    stream.leave();
  });

  it("keeps the session on the old process where the new one does not start", async () => {
    await using directory = await temporaryDirectory();
    const script = join(directory.path, "server.ts");
    await copyFile(scriptedServer, script);
    await using bridge = await stdioBridge([], { args: [script] });
    const session = await bridge.session();
    const old = await session.call("pid");
    await writeFile(script, "process.exit(9)");
    await bridge.upgrade();
    assert.equal(await session.call("pid"), old);
    await bridge.close();
    assert.match(bridge.log(), /"error_code":"SERVER_PROCESS_EXITED".*session not moved/);
  });

  it("moves the sessions that modern clients share as well", async () => {
    await using bridge = await stdioBridge();
    const pid = async () => said(await ask(bridge.url, "tools/call", { params: { name: "pid", arguments: {} } }));
    const old = await pid();
    assert.equal(await pid(), old);
    await bridge.upgrade();
    assert.notEqual(await pid(), old);
    await gone(Number(old));
  });
});
