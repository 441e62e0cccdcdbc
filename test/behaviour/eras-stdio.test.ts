// A legacy client of a modern stdio server: the same bridge over a pipe, where every message comes on one stream and a dead process is a lost session.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Bridge, startHoldfast } from "../../src/index.ts";
import { askedClient } from "../support/asked-client.ts";
import { eraServerProgram } from "../support/era-servers.ts";
import { temporaryDirectory } from "../support/process.ts";

async function bridged(): Promise<AsyncDisposable & { readonly bridge: Bridge; pids(): readonly number[] }> {
  const resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const pidFile = join(path, "pids");
  const args = [eraServerProgram, "--era", "modern", "--stdio", "--pid-file", pidFile];
  const bridge = await startHoldfast({ command: process.execPath, args, logTo: join(path, "log") });
  resources.defer(() => bridge.close());
  return {
    bridge,
    pids: () => readFileSync(pidFile, "utf8").trim().split("\n").map(Number),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a legacy client of a modern stdio server", () => {
  it("calls, is asked, is told, and hears of changes", async () => {
    await using scene = await bridged();
    await using session = await askedClient(scene.bridge.url);
    assert.equal(await session.call("echo", { text: "hi" }), "modern: hi");
    assert.equal(await session.call("ask_twice"), "user 1 user 2");
    await session.client.setLoggingLevel("info");
    await session.call("tell");
    assert.deepEqual(session.logs, ["half way"]);
    await session.client.subscribeResource({ uri: "test://watched" });
    while (session.changes.length === 0) await session.call("change");
    await assert.rejects(session.client.readResource({ uri: "test://none" }), { code: -32002 });
  });

  it("stops a call by notifications/cancelled", async () => {
    await using scene = await bridged();
    await using session = await askedClient(scene.bridge.url);
    const stop = new AbortController();
    const args = { name: "wait", arguments: { ms: 60_000, mark: "stopped" } };
    const failed = assert.rejects(session.client.callTool(args, undefined, { signal: stop.signal }));
    while (!(await session.call("seen")).includes("began stopped"));
    stop.abort();
    await failed;
    while (!(await session.call("seen")).includes("cancelled stopped"));
  });

  it("goes on after the process died", async () => {
    await using scene = await bridged();
    await using session = await askedClient(scene.bridge.url);
    assert.equal(await session.call("echo", { text: "1" }), "modern: 1");
    const pid = scene.pids().at(-1) ?? 0;
    process.kill(pid, "SIGKILL");
    while (isAlive(pid)) await turn();
    assert.equal(await session.call("ask_name"), "Hello, user 1!");
    assert.notEqual(scene.pids().at(-1), pid);
  });

  it("leaves no process behind", async () => {
    let pids: readonly number[] = [];
    {
      await using scene = await bridged();
      await using session = await askedClient(scene.bridge.url);
      assert.equal(await session.call("echo", { text: "1" }), "modern: 1");
      pids = scene.pids();
    }
    assert.deepEqual(pids.filter(isAlive), []);
  });
});
