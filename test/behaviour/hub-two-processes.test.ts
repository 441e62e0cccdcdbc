// Several processes on one data directory: one hub at a time, and any number of shells beside it that write at once.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startChaos } from "../../src/chaos/index.ts";
import { startHub } from "../support/hub.ts";
import { shellOn } from "../support/hub-shell.ts";
import { lastingPort } from "../support/process.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { connect, eventually, toolText } from "./recovery-scene.ts";

const timeout = 60_000;

describe("a second hub on the same data directory", { timeout }, () => {
  it("does not start, says where the first one is, and leaves it in charge", async () => {
    await using hub = await startHub({ args: ["--no-demo"] });
    const second = await runHoldfast(["serve", "--port", "0", "--data-dir", hub.dataDir]);
    assert.equal(second.status, 4);
    assert.equal(
      second.stderr,
      `holdfast: A hub runs on ${hub.dataDir} already at ${hub.url} (process ${hub.pid()}). Use that one, stop it, or give this one another --data-dir.\n`,
    );
    assert.match((await shellOn(hub.dataDir).run("list")).stderr, new RegExp(`^Asking the hub at ${hub.url}\\.\n`));
  });

  it("starts when the first one was killed, and waits for one that is ending", async () => {
    await using chaos = await openChaos();
    await using first = await startHub({ args: ["--no-demo"] });
    await first.addLocal("one", { kind: "http", url: chaos.url, wire: "auto" });
    await first.kill();
    await using second = await startHub({ args: ["--no-demo"], dataDir: first.dataDir });
    await second.until("one", "connected");
    const client = await connect(`${second.url}/c/one/mcp`);
    const slow = client.call("slow", { ms: 1_000 });
    await eventually(async () => ((await chaos.calls()) > 0 ? true : undefined), "the call");
    const stopped = second.stop();
    const port = await lastingPort();
    await using third = await startHub({ args: ["--no-demo"], dataDir: first.dataDir, port });
    assert.equal(await stopped, 0);
    assert.equal((await slow).error, undefined);
    await third.until("one", "connected");
  });
});

describe("shells that write at the same time as each other and as the hub", { timeout }, () => {
  it("lose nothing: all that differ are there, of the same name one is, and the hub follows", async () => {
    await using chaos = await openChaos();
    await using hub = await startHub({ args: ["--no-demo"] });
    const sh = shellOn(hub.dataDir);
    await sh.run("add", "mine", chaos.url);
    const different = ["a", "b", "c", "d"].map((name) => sh.run("add", name, chaos.url));
    const same = [1, 2, 3].map(() => sh.run("add", "same", chaos.url));
    let edits = 0;
    const over = Promise.all([...different, ...same]).then(() => true);
    for (let isOver = false; !isOver; edits += 1) {
      const change = { options: { recoveryWindowMs: 1_000 + edits } };
      const edited = await hub.api("PATCH", "/connectors/mine", change, { "if-match": "*" });
      assert.equal(edited.status, 200, edited.text);
      isOver = await Promise.race([over, new Promise<false>((resolve) => setTimeout(() => resolve(false), 20))]);
    }
    for (const { status, stderr } of await Promise.all(different)) assert.equal(status, 0, stderr);
    assert.deepEqual(
      (await Promise.all(same)).map(({ status }) => Number(status)).sort((a, b) => a - b),
      [0, 7, 7],
    );
    const { body } = await hub.api("GET", "/connectors");
    const listed = body["connectors"] as readonly { name: string; generation: number; options: object }[];
    assert.deepEqual(
      listed.map(({ name }) => name),
      ["a", "b", "c", "d", "mine", "same"],
    );
    assert.equal(new Set(listed.map(({ generation }) => generation)).size, 6);
    const { options } = listed.find(({ name }) => name === "mine") ?? {};
    assert.equal((options as Record<string, unknown>)["recoveryWindowMs"], 1_000 + edits - 1);
    for (const name of ["a", "same"]) {
      await hub.until(name, "connected");
      assert.equal(toolText(await (await connect(`${hub.url}/c/${name}/mcp`)).call("echo", { text: "x" })), "x");
    }
  });
});

async function openChaos() {
  const chaos = await startChaos();
  return {
    url: chaos.url,
    calls: async () => {
      const state = (await (await fetch(chaos.controlUrl)).json()) as {
        readonly received: { readonly methods: Readonly<Record<string, number>> };
      };
      return state.received.methods["tools/call"] ?? 0;
    },
    [Symbol.asyncDispose]: () => chaos.close(),
  };
}
