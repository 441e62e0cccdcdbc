// A stdio server is exchanged for one of the other era, by a crash or by an upgrade while it is used: its clients of either era go on.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ChangingProgram, changingProgram } from "../support/changing-program.ts";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { ask, listen, said } from "../support/modern-client.ts";
import { openSession } from "../support/raw-client.ts";
import { calling, gone } from "../support/stdio-bridge.ts";
import type { StdioServer } from "../support/stdio-eras.ts";

const timeout = 60_000;

type Scene = AsyncDisposable & { readonly program: ChangingProgram; readonly holdfast: Holdfast };

async function scene(first: StdioServer): Promise<Scene> {
  const program = await changingProgram(first);
  const holdfast = await startHoldfast(undefined, { args: ["--", ...program.command] });
  return {
    program,
    holdfast,
    async [Symbol.asyncDispose]() {
      await holdfast[Symbol.asyncDispose]();
      await program[Symbol.asyncDispose]();
    },
  };
}

async function die({ program }: Scene): Promise<void> {
  const pids = program.living();
  for (const pid of pids) process.kill(pid, "SIGKILL");
  for (const pid of pids) await gone(pid);
}

const upgrades = (holdfast: Holdfast): number =>
  [...holdfast.output().matchAll(/"(?:msg|event)":"server upgraded"/g)].length;

/** What SIGHUP asks for. */
async function upgrade({ holdfast }: Scene): Promise<void> {
  const before = upgrades(holdfast);
  process.kill(holdfast.pid(), "SIGHUP");
  while (upgrades(holdfast) === before) await new Promise((resolve) => setTimeout(resolve, 20));
}

const echo = async (holdfast: Holdfast, text: string): Promise<string> =>
  said(await ask(holdfast.url, "tools/call", { params: { name: "echo", arguments: { text } } }));

for (const [how, change, legacy] of [
  ["dies and comes back", die, "exits-before-initialize"],
  // One that ends when it is asked what it is cannot be told from one that does not start.
  ["is upgraded", upgrade, "legacy"],
] as const) {
  describe(`a stdio server that ${how} as one of the other era`, { timeout }, () => {
    it("goes on to serve its clients of both eras, modern before and legacy after", async () => {
      await using world = await scene("modern");
      const { program, holdfast } = world;
      const session = calling(await openSession(holdfast.url));
      assert.equal(await session.call("echo", { text: "1" }), "modern: 1");
      assert.equal(await echo(holdfast, "1"), "modern: 1");
      // Both on one process: no message of this era needs a session.
      assert.equal(program.living().length, 1);
      await program.become(legacy);
      await change(world);
      assert.equal(await session.call("echo", { text: "2" }), "2");
      assert.equal(await echo(holdfast, "2"), "2");
      assert.equal(await session.call("echo", { text: "3" }), "3");
      await holdfast.stop();
      assert.deepEqual(program.living(), []);
      const pairs = holdfast.requests("tools/call").map((line) => line["era_pair"]);
      // The one in the middle is of the session as it was when it came.
      assert.deepEqual([...pairs.slice(0, 2), ...pairs.slice(3)], ["LM", "MM", "ML", "LL"]);
      assert.equal(holdfast.requests("initialize")[0]?.["era_pair"], "LM");
    });

    it("goes on to serve its clients of both eras, legacy before and modern after", async () => {
      await using world = await scene("legacy");
      const { program, holdfast } = world;
      const session = calling(await openSession(holdfast.url));
      assert.equal(await session.call("echo", { text: "1" }), "1");
      assert.equal(await echo(holdfast, "1"), "1");
      await program.become("modern");
      await change(world);
      assert.equal(await session.call("echo", { text: "2" }), "modern: 2");
      assert.equal(await echo(holdfast, "2"), "modern: 2");
      await holdfast.stop();
      assert.deepEqual(program.living(), []);
    });
  });
}

describe("a stdio server that does not start", { timeout }, () => {
  it("is taken for none of either era: mended, it serves modern clients by its modern side", async () => {
    await using world = await scene("dual");
    const { program, holdfast } = world;
    await program.become("broken");
    const failed = await ask(holdfast.url, "tools/list");
    assert.equal(failed.message.error?.data.code, "SERVER_PROCESS_EXITED");
    await program.become("dual");
    assert.equal(await echo(holdfast, "1"), "legacy: 1");
    await holdfast.stop();
    assert.equal(holdfast.requests("tools/call")[0]?.["era_pair"], "MM");
  });
});

describe("an upgrade of a modern stdio server", { timeout }, () => {
  it("lets calls of both eras finish on the old process, moves subscriptions and new calls, and ends the old one", async () => {
    await using world = await scene("modern");
    const { program, holdfast } = world;
    const session = calling(await openSession(holdfast.url));
    const wait = (mark: string) => ({ name: "wait", arguments: { ms: 2_000, mark } });
    const params = { notifications: { toolsListChanged: true } };
    const listening = await listen(holdfast.url, "subscriptions/listen", { id: "sub", params });
    await listening.until("subscriptions/acknowledged");
    const modern = ask(holdfast.url, "tools/call", { params: wait("modern") });
    const legacy = session.call("wait", wait("legacy").arguments);
    while (!/began modern[^]*began legacy|began legacy[^]*began modern/.test(await session.call("seen")));
    const [old = 0] = program.living();
    await upgrade(world);
    assert.ok(!(await session.call("seen")).includes("began"));
    assert.ok(!said(await ask(holdfast.url, "tools/call", { params: { name: "seen" } })).includes("began"));
    assert.equal(program.living().length, 2);
    assert.equal(said(await modern), "Waited for modern.");
    assert.equal(await legacy, "Waited for legacy.");
    await gone(old);
    await listening.until("tools/list_changed");
    listening.leave();
    await holdfast.stop();
    assert.deepEqual(program.living(), []);
  });

  it("leaves everybody on the old process where the new one does not start", async () => {
    await using world = await scene("modern");
    const { program, holdfast } = world;
    const session = calling(await openSession(holdfast.url));
    assert.equal(await session.call("echo", { text: "1" }), "modern: 1");
    const [old = 0] = program.living();
    await program.become("broken");
    await upgrade(world);
    assert.equal(await session.call("echo", { text: "2" }), "modern: 2");
    assert.equal(await echo(holdfast, "2"), "modern: 2");
    assert.deepEqual(program.living(), [old]);
  });
});
