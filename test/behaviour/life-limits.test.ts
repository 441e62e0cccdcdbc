// How many sessions and for how long: the limit and one past it, idle ones ended on both sides. And the same proxy inside another program.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startChaos } from "../../src/chaos/index.ts";
import type { HoldfastOptions } from "../../src/index.ts";
import { startHoldfast as startInside } from "../../src/index.ts";
import { startChild, temporaryDirectory } from "../support/process.ts";
import { type ChaosState, connect, errorCode, eventually, openScene, RawClient, toolText } from "./recovery-scene.ts";

const timeout = 30_000;
const repository = fileURLToPath(new URL("../..", import.meta.url));

describe("--max-sessions", { timeout }, () => {
  it("serves as many, refuses one more with TOO_MANY_SESSIONS, and takes another once one has ended", async () => {
    await using scene = await openScene({ args: ["--max-sessions", "2"] });
    const first = await connect(scene.holdfast.url);
    const second = await connect(scene.holdfast.url);
    const third = new RawClient(scene.holdfast.url);
    const refused = await third.initialize();
    assert.equal(refused.status, 503);
    assert.equal(errorCode(refused), "TOO_MANY_SESSIONS");
    assert.equal(refused.headers.get("mcp-session-id"), null);
    assert.equal((await scene.state()).received.initialize, 2, "the server hears nothing of it");
    assert.equal(toolText(await first.call("count")), "1");
    assert.equal(toolText(await second.call("count")), "2");
    await fetch(first.url, { method: "DELETE", headers: first.headers });
    assert.equal((await third.initialize()).status, 200);
  });

  it("holds when many come at once, and leaves no session at the server that nobody got", async () => {
    await using scene = await openScene({ args: ["--max-sessions", "3"] });
    await scene.order({ do: "delay", ms: 200, times: 8, methods: ["initialize"] });
    const clients = Array.from({ length: 8 }, () => new RawClient(scene.holdfast.url));
    const answers = await Promise.all(clients.map((client) => client.initialize()));
    assert.equal(answers.filter(({ status }) => status === 200).length, 3);
    assert.equal(answers.filter((answer) => errorCode(answer) === "TOO_MANY_SESSIONS").length, 5);
    await scene.stateWhen(({ sessions }) => sessions.count === 3, "the others are ended at the server");
  });

  it("counts the sessions of before a restart once they are used", async () => {
    await using scene = await openScene({ args: ["--max-sessions", "1"] });
    const client = await connect(scene.holdfast.url);
    await scene.holdfast.kill();
    await scene.holdfast.restart();
    assert.equal(toolText(await client.call("count")), "1");
    assert.equal(errorCode(await new RawClient(scene.holdfast.url).initialize()), "TOO_MANY_SESSIONS");
    const metrics = await (await fetch(`${new URL(scene.holdfast.url).origin}/metrics`)).text();
    assert.match(metrics, /^holdfast_sessions 1$/m);
  });
});

/** The proxy in this process, with what only the library lets one set. */
async function openInside(options: Partial<HoldfastOptions> = {}) {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const chaos = await startChaos();
  resources.defer(() => chaos.close());
  const common = { url: chaos.url, dataDir: join(path, "data"), logTo: join(path, "log"), ...options };
  const start = async () => {
    const bridge = await startInside(common);
    return { url: bridge.url, close: () => bridge.close(), [Symbol.asyncDispose]: () => bridge.close() };
  };
  const owned = resources.move();
  const state = async () => (await (await fetch(chaos.controlUrl)).json()) as ChaosState;
  const stateWhen = (fits: (state: ChaosState) => boolean, what: string) =>
    eventually(async () => {
      const now = await state();
      return fits(now) ? now : undefined;
    }, what);
  return { start, state, stateWhen, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe("a session that nobody uses for the idle timeout", { timeout }, () => {
  it("is ended here and at the server, and its id is then unknown", async () => {
    await using inside = await openInside({ idleTimeoutMs: 400 });
    await using bridge = await inside.start();
    const client = await connect(bridge.url);
    assert.equal((await inside.state()).sessions.count, 1);
    await inside.stateWhen(({ sessions }) => sessions.count === 0, "it is ended at the server");
    assert.equal(errorCode(await client.call("count")), "UNKNOWN_SESSION");
  });

  it("is kept while a call runs or a stream is open, however long", async () => {
    await using inside = await openInside({ idleTimeoutMs: 300 });
    await using bridge = await inside.start();
    const [calling, listening, idle] = [
      await connect(bridge.url),
      await connect(bridge.url),
      await connect(bridge.url),
    ];
    const listener = await listening.listen();
    assert.equal(toolText(await calling.call("slow", { ms: 1_500 })), "waited 1500 ms");
    assert.equal(toolText(await listening.call("count")), "1");
    assert.equal(errorCode(await idle.call("count")), "UNKNOWN_SESSION");
    listener.close();
  });

  it("is ended at the server too when it had not been used since our own restart", async () => {
    await using inside = await openInside({ idleTimeoutMs: 600 });
    {
      await using before = await inside.start();
      await connect(before.url);
    }
    assert.equal((await inside.state()).sessions.count, 1);
    await using after = await inside.start();
    await inside.stateWhen(({ sessions }) => sessions.count === 0, "it is ended at the server");
    assert.ok(after.url);
  });
});

describe("the library entry", { timeout }, () => {
  it("starts and closes the proxy twice in one program, which then ends by itself", async () => {
    await using directory = await temporaryDirectory();
    const chaos = await startChaos();
    const script = `
      import { ConfigError, startHoldfast } from "holdfast";
      const options = { url: ${JSON.stringify(chaos.url)}, dataDir: ${JSON.stringify(directory.path)}, quiet: true };
      const headers = { "content-type": "application/json" };
      const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } };
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
      for (const round of [1, 2]) {
        const bridge = await startHoldfast(options);
        const answer = await fetch(bridge.url, { method: "POST", headers, body });
        await answer.text();
        console.log(round, answer.status, bridge.port > 0);
        await Promise.all([bridge.close(), bridge.close()]);
      }
      await startHoldfast({ ...options, host: "0.0.0.0" }).catch((error) => console.log(error instanceof ConfigError));
      await startHoldfast({ ...options, host: "203.0.113.1", front: true }).catch((error) => console.log(error.code));
    `;
    // Evaluated in the repository, so that the package finds itself by its own name.
    const args = ["--input-type=module", "--eval", script];
    const child = await startChild(process.execPath, args, { cwd: repository });
    try {
      const limit = setTimeout(() => void child.end("SIGKILL"), 15_000);
      assert.equal(await child.exited, 0, child.output());
      clearTimeout(limit);
      await child.end();
      assert.equal(child.output(), "1 200 true\n2 200 true\ntrue\nEADDRNOTAVAIL\n");
    } finally {
      await child.end("SIGKILL");
      await chaos.close();
    }
  });
});
