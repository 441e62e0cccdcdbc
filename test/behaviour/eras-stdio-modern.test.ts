// Modern clients of stdio servers: what the server is asked, on which process, and how one process serves them all.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startHub } from "../support/hub.ts";
import { ask, listen, type ModernAsk, messagesOf, said } from "../support/modern-client.ts";
import { temporaryDirectory } from "../support/process.ts";
import { openSession } from "../support/raw-client.ts";
import { calling, gone } from "../support/stdio-bridge.ts";
import { type StdioServer, stdioEras, stdioServer } from "../support/stdio-eras.ts";

const timeout = 60_000;
const call = (name: string, args: object = {}): ModernAsk => ({ params: { name, arguments: args } });

describe("the era of a stdio server", { timeout, concurrency: true }, () => {
  for (const kind of ["exits-before-initialize", "legacy"] as const satisfies readonly StdioServer[]) {
    it(`is asked on a process that is gone afterwards (${kind}), once for all who come and over a restart`, async () => {
      await using scene = await stdioEras(kind);
      const echoes = await Promise.all(
        ["a", "b", "c"].map((text) => ask(scene.url, "tools/call", call("echo", { text }))),
      );
      assert.deepEqual(echoes.map(said), ["a", "b", "c"]);
      // One to be asked, one for the session.
      const [, session = 0] = scene.pids();
      assert.equal(scene.pids().length, 2);
      await scene.left(session);
      await scene.holdfast.stop();
      await scene.left();
      await scene.holdfast.restart();
      assert.equal(said(await ask(scene.url, "tools/call", call("echo", { text: "d" }))), "d");
      assert.equal(scene.pids().length, 3);
      await scene.holdfast.stop();
      await scene.left();
      assert.deepEqual(
        scene.holdfast.requests("tools/call").map((line) => line["era_pair"]),
        ["ML", "ML", "ML", "ML"],
      );
    });
  }

  it("is legacy where the server says nothing for five seconds", async () => {
    await using scene = await stdioEras("silent-before-initialize");
    assert.equal(said(await ask(scene.url, "tools/call", call("echo", { text: "at last" }))), "at last");
    await scene.left(scene.pids().at(-1) ?? 0);
    assert.equal(scene.pids().length, 2);
  });

  it("is never asked on the process of a session that is in use", async () => {
    await using scene = await stdioEras("exits-before-initialize");
    const session = calling(await openSession(scene.url));
    const pid = await session.call("pid");
    assert.equal(said(await ask(scene.url, "tools/call", call("echo", { text: "hi" }))), "hi");
    assert.equal(await session.call("pid"), pid);
    await scene.holdfast.stop();
    await scene.left();
  });
});

describe("a modern stdio server", { timeout }, () => {
  it("serves all its modern clients from one process, and leaves none behind", async () => {
    await using scene = await stdioEras("modern");
    const { message } = await ask(scene.url, "server/discover", { id: "who" });
    assert.equal(message.id, "who");
    assert.ok(message.result.supportedVersions.includes("2026-07-28"));
    const calls = Array.from({ length: 20 }, (_, index) =>
      // Everybody uses the same id.
      ask(scene.url, "tools/call", { ...call("echo", { text: `n${index}` }), id: index % 2 === 0 ? 7 : "7" }),
    );
    const answers = await Promise.all(calls);
    assert.deepEqual(
      answers.map(said),
      answers.map((_, index) => `modern: n${index}`),
    );
    assert.deepEqual(
      answers.map(({ message: { id } }) => id),
      answers.map((_, index) => (index % 2 === 0 ? 7 : "7")),
    );
    await scene.left(...scene.pids().slice(1));
    assert.equal(scene.living().length, 1);
    await scene.holdfast.stop();
    await scene.left();
    assert.equal(scene.holdfast.requests("tools/call")[0]?.["era_pair"], "MM");
  });

  it("is answered for as an HTTP server answers: by status, and about headers that it cannot see", async () => {
    await using scene = await stdioEras("modern");
    const unknown = await ask(scene.url, "no/such/method");
    assert.deepEqual([unknown.status, unknown.message.error?.code], [404, -32601]);
    const unable = await ask(scene.url, "tools/call", call("ask_name"));
    assert.deepEqual([unable.status, unable.message.error?.code], [400, -32021]);
    const mismatched = await ask(scene.url, "tools/call", { ...call("echo"), headers: { "mcp-name": "other" } });
    assert.deepEqual([mismatched.status, mismatched.message.error?.code], [400, -32020]);
    const invalid = await ask(scene.url, "tools/call", call("echo", { text: 5 }));
    assert.equal(invalid.status, 200);
  });

  it("reports progress to whom it belongs, under the token that this client gave", async () => {
    await using scene = await stdioEras("modern");
    const tell = async (token: string | number) => {
      const answer = await ask(scene.url, "tools/call", { ...call("tell"), meta: { progressToken: token } });
      return messagesOf(answer.text).flatMap(({ method, params }) =>
        method === "notifications/progress" ? [params.progressToken] : [],
      );
    };
    assert.deepEqual(await Promise.all(["same", "same", 5].map(tell)), [["same"], ["same"], [5]]);
  });

  it("is told by notifications/cancelled when a client closes its call", async () => {
    await using scene = await stdioEras("modern");
    const saw = async (what: string) => {
      while (!said(await ask(scene.url, "tools/call", call("seen"))).includes(what));
    };
    const waiting = await listen(scene.url, "tools/call", call("wait", { ms: 60_000, mark: "stopped" }));
    await saw("began stopped");
    waiting.leave();
    await saw("cancelled stopped");
  });

  it("tells each subscriber under its own id, and is subscribed to again after its process died", async () => {
    await using scene = await stdioEras("modern");
    const params = { notifications: { toolsListChanged: true, resourceSubscriptions: ["test://watched"] } };
    const first = await listen(scene.url, "subscriptions/listen", { id: "sub", params });
    const second = await listen(scene.url, "subscriptions/listen", { id: 1, params: { notifications: {} } });
    const third = await listen(scene.url, "subscriptions/listen", { id: 1, params });
    await first.until("subscriptions/acknowledged");
    await third.until("subscriptions/acknowledged");
    assert.equal(said(await ask(scene.url, "tools/call", call("change"))), "Changed.");
    await first.until(/resources\/updated.*"io.modelcontextprotocol\/subscriptionId":"sub"/);
    await third.until(/resources\/updated.*"io.modelcontextprotocol\/subscriptionId":1\b/);
    assert.ok(!second.text().includes("list_changed"));
    const [process0 = 0] = scene.living();
    process.kill(process0, "SIGKILL");
    await scene.left();
    assert.equal(said(await ask(scene.url, "tools/call", call("echo", { text: "2" }))), "modern: 2");
    // What may have been missed meanwhile is announced once more.
    await first.until(/(resources\/updated[^]*){2}/);
    await ask(scene.url, "tools/call", call("change"));
    await first.until(/(resources\/updated[^]*){3}/);
    for (const each of [first, second, third]) each.leave();
  });

  it("loses what is under way with its process: repeated where that is safe, else the outcome is unknown", async () => {
    await using scene = await stdioEras("modern", { args: ["--trusted"] });
    const saw = async (what: string) => {
      while (!said(await ask(scene.url, "tools/call", call("seen"))).includes(what));
    };
    const unsafe = ask(scene.url, "tools/call", call("wait", { ms: 3_000, mark: "unsafe" }));
    const safe = ask(scene.url, "tools/call", call("wait_safely", { ms: 1_000, mark: "safe" }));
    await saw("began unsafe");
    await saw("began safe");
    const [pid = 0] = scene.living();
    process.kill(pid, "SIGKILL");
    assert.equal((await unsafe).message.error?.data.code, "OUTCOME_UNKNOWN");
    assert.equal(said(await safe), "Waited for safe.");
    assert.ok(!said(await ask(scene.url, "tools/call", call("seen"))).includes("unsafe"));
  });

  it("is served by its modern side to modern clients and by its legacy side to legacy ones", async () => {
    await using scene = await stdioEras("dual");
    const session = calling(await openSession(scene.url));
    assert.equal(await session.call("echo", { text: "old" }), "legacy: old");
    assert.equal(said(await ask(scene.url, "tools/call", call("echo", { text: "new" }))), "legacy: new");
    await scene.holdfast.stop();
    assert.deepEqual(
      scene.holdfast.requests("tools/call").map((line) => line["era_pair"]),
      ["LL", "MM"],
    );
    await scene.left();
  });
});

describe("a modern stdio server as a connector of a hub", { timeout }, () => {
  it("is connected once it was called, and gone with its process and its subscribers when it is disconnected", async () => {
    await using directory = await temporaryDirectory();
    const pidFile = join(directory.path, "pids");
    const [command, ...args] = stdioServer("modern", pidFile);
    const file = join(directory.path, "mcp.json");
    await writeFile(file, JSON.stringify({ mcpServers: { here: { command, args } } }));
    await using hub = await startHub({ args: ["--config", file] });
    const url = `${hub.url}/c/here/mcp`;
    assert.equal(said(await ask(url, "tools/call", call("echo", { text: "hub" }))), "modern: hub");
    await hub.until("here", "connected");
    const params = { notifications: { toolsListChanged: true } };
    const listening = await listen(url, "subscriptions/listen", { id: "sub", params });
    await listening.until("subscriptions/acknowledged");
    assert.equal((await hub.api("POST", "/connectors/here/disconnect")).status, 200);
    await listening.ended;
    for (const pid of readFileSync(pidFile, "utf8").trim().split("\n")) await gone(Number(pid));
    const refused = await ask(url, "tools/call", call("echo", { text: "hub" }));
    assert.equal(refused.message.error?.data.code, "CONNECTOR_DISCONNECTED");
  });
});
