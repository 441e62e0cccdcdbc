// Answers that break off: continued where the server offers that, asked for again where that is harmless, and otherwise told as unknown at once.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { openSession } from "../support/raw-client.ts";
import { type Answer, connect, errorCode, eventually, openScene, toolText } from "./recovery-scene.ts";
import { initializeResult, type Script, sendJson, startUpstream } from "./recovery-upstream.ts";

const cuts = ["before-headers", "after-headers", "mid-stream", "clean-end"] as const;
const promptMs = 1_000;

function assertUnknown(got: Answer): void {
  assert.equal(got.status, 200, got.text);
  assert.equal(errorCode(got), "OUTCOME_UNKNOWN", got.text);
  assert.equal(got.error?.data?.["executed"], "unknown");
  assert.ok(got.elapsedMs < promptMs, `${got.elapsedMs} ms`);
}

for (const json of [false, true]) {
  describe(`an answer as ${json ? "one JSON document" : "an event stream"} that breaks off`, () => {
    for (const when of cuts) {
      for (const executed of [true, false]) {
        it(`makes a tool call OUTCOME_UNKNOWN at once (${when}, ${executed ? "it ran" : "it did not run"})`, async () => {
          await using scene = await openScene({ chaos: { json } });
          const client = await connect(scene.holdfast.url);
          await client.call("echo", { text: "in use" });
          await scene.order({ do: "cut", when, executed });
          assertUnknown(await client.call("count", { key: "a" }, 700));
          assert.equal(toolText(await client.call("count", { key: "b" })), executed ? "2" : "1");
          const { executions, received, requests } = await scene.state();
          assert.equal(executions["count"]?.["a"] ?? 0, executed ? 1 : 0);
          assert.equal(requests.filter(({ id }) => id === 700).length, 1);
          assert.equal(received.initialize, 1);
        });
      }

      it(`asks for a list again (${when})`, async () => {
        await using scene = await openScene({ chaos: { json } });
        const client = await connect(scene.holdfast.url);
        await scene.order({ do: "cut", when, methods: ["tools/list"] });
        const got = await client.request("tools/list", {}, 700);
        assert.ok(Array.isArray(got.result?.["tools"]), got.text);
        assert.equal(got.messages.length, 1);
        assert.ok(got.elapsedMs < promptMs, `${got.elapsedMs} ms`);
        assert.equal((await scene.state()).requests.filter(({ id }) => id === 700).length, 2);
      });

      it(`gives a list up after two tries (${when})`, async () => {
        await using scene = await openScene({ chaos: { json } });
        const client = await connect(scene.holdfast.url);
        await scene.order({ do: "cut", when, methods: ["tools/list"], times: 5 });
        const got = await client.request("tools/list", {}, 700);
        assert.equal(errorCode(got), "UPSTREAM_CUT", got.text);
        assert.equal((await scene.state()).requests.filter(({ id }) => id === 700).length, 2);
      });

      it(`repeats a tool once where its annotations are trusted and allow it (${when})`, async () => {
        await using scene = await openScene({ chaos: { json }, args: ["--trusted"] });
        const client = await connect(scene.holdfast.url);
        await scene.order({ do: "cut", when });
        assert.equal(toolText(await client.call("echo", { text: "again" }, 700)), "again");
        await scene.order({ do: "cut", when });
        assertUnknown(await client.call("count", { key: "a" }, 701));
        const { requests } = await scene.state();
        assert.equal(requests.filter(({ id }) => id === 700).length, 2);
        assert.equal(requests.filter(({ id }) => id === 701).length, 1);
      });
    }

    it("says once what was met and how often where the repeated tool meets a gateway's 502", async () => {
      await using scene = await openScene({ chaos: { json }, args: ["--trusted"] });
      const client = await connect(scene.holdfast.url);
      await scene.order({ do: "answer", status: 502, times: 2, methods: ["tools/call"] });
      const got = await client.call("echo", { text: "a" }, 700);
      assert.equal(errorCode(got), "UPSTREAM_CUT", got.text);
      const message = String(got.error?.message);
      assert.equal(message.match(/Tried 2 times/g)?.length, 1, message);
      assert.equal(message.match(/had status 502/g)?.length, 1, message);
      assert.match(message, /says that the server is away/);
    });

    it("is given by the restarted server where the running tool is trusted to be read-only", async () => {
      await using scene = await openScene({ chaos: { json }, args: ["--trusted"] });
      const client = await connect(scene.holdfast.url);
      const running = client.call("slow", { ms: 1_500, key: "a" }, 700);
      await scene.stateWhen(({ executions }) => executions["slow"]?.["a"] === 1, "the call running");
      await scene.order({ do: "refuse", ms: 500 });
      assert.equal(toolText(await running), "waited 1500 ms");
      const { executions, received, requests } = await scene.state();
      assert.deepEqual(executions["slow"], { a: 2 });
      assert.equal(received.initialize, 2);
      assert.equal(requests.filter(({ id }) => id === 700).length, 2);
    });

    it("is unknown at once for every call that was running when the server died, and the next ones wait", async () => {
      await using scene = await openScene({ chaos: { json } });
      const client = await connect(scene.holdfast.url);
      const startedMs = performance.now();
      const running = [1, 2, 3].map((n) => client.call("slow", { ms: 60_000, key: `${n}` }));
      await scene.stateWhen(
        ({ executions }) => Object.keys(executions["slow"] ?? {}).length === 3,
        "the calls running",
      );
      const cutMs = performance.now();
      await scene.order({ do: "refuse", ms: 1_000 });
      for (const got of await Promise.all(running)) {
        assert.equal(errorCode(got), "OUTCOME_UNKNOWN", got.text);
        assert.ok(got.elapsedMs - (cutMs - startedMs) < promptMs, `${got.elapsedMs} ms`);
      }
      assert.equal(toolText(await client.call("count", { key: "next" })), "1");
      assert.deepEqual((await scene.state()).executions["slow"], { 1: 1, 2: 1, 3: 1 });
    });
  });
}

describe("a call that has begun to tell of itself", () => {
  const event = (message: object) => `event: message\ndata: ${JSON.stringify(message)}\n\n`;
  const progress = { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 1, progress: 1 } };

  const startTeller = (end: (response: ServerResponse) => void) => {
    let calls = 0;
    return startUpstream(({ message: { id, method } }, response) => {
      if (method !== "tools/call") return undefined;
      calls += 1;
      if (calls > 1) return sendJson(response, 200, { jsonrpc: "2.0", id, result: initializeResult("x") });
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`${event(progress)}event: message\ndata: {"jsonrpc":"2.0","id":${id as number},"res`, () =>
        end(response),
      );
      return true;
    });
  };

  for (const [how, end] of [
    ["torn", (response: ServerResponse) => void response.destroy()],
    ["ended cleanly", (response: ServerResponse) => void response.end()],
  ] as const) {
    it(`ends its stream with the error, and without half an event, when it is ${how}`, async () => {
      await using upstream = await startTeller(end);
      await using holdfast = await startHoldfast(upstream.url);
      const client = await connect(holdfast.url);
      const got = await client.call("any", {}, 700);
      assertUnknown(got);
      assert.deepEqual(
        got.messages.map(({ id, method }) => id ?? method),
        ["notifications/progress", 700],
      );
      assert.ok(!got.text.includes('"res\n'), got.text);
      assert.equal(upstream.names().filter((name) => name === "tools/call").length, 1);
    });
  }

  it("breaks the client's connection where a large document was torn: no cut answer looks whole", async () => {
    await using upstream = await startUpstream(({ message: { method } }, response) => {
      if (method !== "tools/call") return undefined;
      response.writeHead(200, { "content-type": "application/json" });
      response.write(`{"jsonrpc":"2.0","id":7,"result":{"text":"${"x".repeat(200_000)}`, () => response.destroy());
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await assert.rejects(client.call("any", {}, 7), /terminated|closed|aborted/);
  });
});

describe("a server that continues its streams", () => {
  for (const when of ["after-headers", "mid-stream", "clean-end"] as const) {
    it(`is asked for the rest by Last-Event-ID, and nothing is sent twice (${when})`, async () => {
      await using scene = await openScene({ chaos: { resumable: true } });
      const client = await connect(scene.holdfast.url);
      await scene.order({ do: "cut", when, executed: true });
      const got = await client.call("count", { key: "a" }, 700);
      assert.equal(toolText(got), "1");
      const { executions, requests, received } = await scene.state();
      assert.deepEqual(executions["count"], { a: 1 });
      assert.equal(requests.filter(({ id }) => id === 700).length, 1);
      assert.equal(requests.filter(({ http, lastEventId }) => http === "GET" && lastEventId !== null).length, 1);
      assert.equal(received.initialize, 1);
    });
  }

  it("makes the call unknown at once where it cannot continue after all", async () => {
    await using scene = await openScene({ chaos: { resumable: true } });
    const client = await connect(scene.holdfast.url);
    await scene.order({ do: "cut", when: "after-headers", executed: false });
    assertUnknown(await client.call("count", { key: "a" }, 700));
    const { executions, requests } = await scene.state();
    assert.equal(executions["count"], undefined);
    assert.equal(requests.filter(({ id }) => id === 700).length, 1);
  });

  it("is asked anew for a list that it cannot continue", async () => {
    await using scene = await openScene({ chaos: { resumable: true } });
    const client = await connect(scene.holdfast.url);
    await scene.order({ do: "cut", when: "after-headers", methods: ["tools/list"] });
    const got = await client.request("tools/list", {}, 700);
    assert.ok(Array.isArray(got.result?.["tools"]), got.text);
    assert.equal((await scene.state()).requests.filter(({ id }) => id === 700).length, 2);
  });

  it("is waited for while it cannot be reached, and then brings the answer", async () => {
    await using scene = await openScene({ chaos: { resumable: true } });
    const client = await connect(scene.holdfast.url);
    await scene.order({ do: "close-stream", retryMs: 500 });
    const running = client.call("count", { key: "a" }, 700);
    await scene.stateWhen(({ executions }) => executions["count"]?.["a"] === 1, "the call run");
    await scene.order({ do: "refuse", ms: 3_000, keepSessions: true });
    assert.equal(toolText(await running), "1");
    const { executions, requests, received } = await scene.state();
    assert.deepEqual(executions["count"], { a: 1 });
    assert.equal(requests.filter(({ id }) => id === 700).length, 1);
    assert.equal(received.initialize, 1);
  });

  /** Its gateway answers the first GETs that continue a stream with these statuses, and every OPTIONS with 200. */
  const startBehindGateway = (statuses: number[]) =>
    startUpstream(({ http, headers, message: { id, method } }, response) => {
      if (method === "tools/call") {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write('id: e1\ndata: {"jsonrpc":"2.0","method":"notifications/x"}\n\n', () => response.destroy());
        return true;
      }
      if (http !== "GET" || headers["last-event-id"] === undefined) return undefined;
      const status = statuses.length > 1 ? statuses.shift() : statuses[0];
      if (status !== 200) return sendJson(response, status ?? 502, {});
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`id: e2\ndata: ${JSON.stringify({ jsonrpc: "2.0", id: id ?? 700, result: {} })}\n\n`);
      return true;
    });

  for (const statuses of [
    [502, 503, 502, 503, 502, 503, 200],
    [504, 504, 200],
  ]) {
    it(`is asked again where its gateway answers ${statuses.slice(0, -1).join(", ")}`, async () => {
      await using upstream = await startBehindGateway([...statuses]);
      await using holdfast = await startHoldfast(upstream.url);
      const client = await connect(holdfast.url);
      assert.deepEqual((await client.call("any", {}, 700)).result, {});
      assert.equal(upstream.names().filter((name) => name === "GET").length, statuses.length);
      assert.equal(upstream.names().filter((name) => name === "tools/call").length, 1);
    });
  }

  it("makes the call unknown where the recovery window has passed, and says why", async () => {
    await using upstream = await startBehindGateway([502]);
    await using holdfast = await startHoldfast(upstream.url, { args: ["--recovery-window", "1"] });
    const client = await connect(holdfast.url);
    const got = await client.call("any", {}, 700);
    assert.equal(errorCode(got), "OUTCOME_UNKNOWN", got.text);
    assert.match(String(got.error?.message), /away for \d+ ms .* It answers 502\./);
  });

  it("is asked as often as it takes where it closes its stream on purpose, and leaves nothing behind each time", async () => {
    let gets = 0;
    await using upstream = await startUpstream(({ http, message: { method } }, response) => {
      if (http !== "GET" && method !== "tools/call") return undefined;
      gets += http === "GET" ? 1 : 0;
      const answer = `data: ${JSON.stringify({ jsonrpc: "2.0", id: 700, result: {} })}\n\n`;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(gets === 30 ? answer : `id: e${gets}\nretry: 10\ndata: \n\n`);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const session = await openSession(holdfast.url);
    const body = '{"jsonrpc":"2.0","id":700,"method":"tools/call","params":{"name":"any"}}';
    // A body in chunks, which Node's own parser reads.
    assert.match((await session.post(Readable.from([body]))).text, /"result"/);
    assert.doesNotMatch(holdfast.output(), /Warning/);
  });

  it("is given up where it came back from a restart, grants the stream and says nothing in it for a window", async () => {
    const streams: ServerResponse[] = [];
    const respond: Script = ({ http, message: { method } }, response) => {
      if (http !== "GET" && method !== "tools/call") return undefined;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(http === "GET" ? ": here\n\n" : "id: e1\ndata: \n\n");
      streams.push(response);
      return true;
    };
    const before = await startUpstream(respond);
    await using holdfast = await startHoldfast(before.url, { args: ["--recovery-window", "1"] });
    const client = await connect(holdfast.url);
    const waiting = client.call("any", {}, 700);
    await eventually(() => streams.length === 1 || undefined, "the call at the server");
    await before[Symbol.asyncDispose]();
    await eventually(() => /"server away"|server away/.test(holdfast.output()) || undefined, "the absence noticed");
    await using after = await startUpstream(respond, Number(new URL(before.url).port));
    const got = await waiting;
    assert.equal(errorCode(got), "OUTCOME_UNKNOWN", got.text);
    assert.match(String(got.error?.message), /has brought nothing since the server was away/);
    assert.deepEqual(after.names(), ["GET"]);
  });

  it("keeps no call waiting whose session was ended", async () => {
    await using upstream = await startBehindGateway([502]);
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const waiting = client.call("any", {}, 700);
    await eventually(async () => upstream.names().includes("GET") || undefined, "the stream asked for again");
    await fetch(client.url, { method: "DELETE", headers: client.headers });
    const got = await waiting;
    assert.equal(got.result, undefined, got.text);
    const asked = upstream.seen.length;
    await client.request("ping");
    assert.deepEqual(upstream.names(asked), []);
  });

  it("that restarts in the middle makes the call unknown, and is not asked to continue for ever", async () => {
    await using scene = await openScene({ chaos: { resumable: true } });
    const client = await connect(scene.holdfast.url);
    const running = client.call("slow", { ms: 60_000, key: "a" }, 700);
    await scene.stateWhen(({ executions }) => executions["slow"]?.["a"] === 1, "the call running");
    await scene.order({ do: "refuse", ms: 300 });
    const got = await running;
    assert.equal(errorCode(got), "OUTCOME_UNKNOWN", got.text);
    const { executions, requests } = await scene.state();
    assert.deepEqual(executions["slow"], { a: 1 });
    assert.equal(requests.filter(({ id }) => id === 700).length, 1);
    assert.equal(toolText(await client.call("count", { key: "b" })), "1");
  });
});

describe("a client that no longer wants its answer", () => {
  const open = async () => {
    const scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget", as: "404-json" });
    await scene.order({ do: "delay", ms: 1_000, methods: ["initialize"] });
    return { scene, client };
  };

  it("gets no second run after it cancelled during a restore", async () => {
    const { scene, client } = await open();
    await using _ = scene;
    const waiting = client.call("count", { key: "a" }, 700);
    const other = client.call("count", { key: "b" }, 701);
    await scene.stateWhen(({ received }) => received.initialize === 2, "the restore under way");
    const told = await client.notify("notifications/cancelled", { requestId: 700, reason: "changed my mind" });
    assert.equal(told.status, 202, told.text);
    assert.equal(errorCode(await waiting), "REQUEST_CANCELLED");
    assert.equal(toolText(await other), "1");
    const { executions, requests } = await scene.state();
    assert.deepEqual(executions["count"], { b: 1 });
    assert.equal(requests.filter(({ id }) => id === 700).length, 1);
  });

  it("gets no second run after it left during a restore", async () => {
    const { scene, client } = await open();
    await using _ = scene;
    const leave = new AbortController();
    const params = { name: "count", arguments: { key: "a" } };
    const left = client.request("tools/call", params, 700, leave.signal).catch(() => "left");
    await scene.stateWhen(({ received }) => received.initialize === 2, "the restore under way");
    leave.abort();
    assert.equal(await left, "left");
    assert.equal(toolText(await client.call("count", { key: "b" })), "1");
    const { executions, requests } = await scene.state();
    assert.deepEqual(executions["count"], { b: 1 });
    assert.equal(requests.filter(({ id }) => id === 700).length, 1);
  });

  it("gets no run at all after it cancelled while the server was away", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "refuse", ms: 1_200, keepSessions: true });
    const waiting = client.call("count", { key: "a" }, 700);
    const other = client.call("count", { key: "b" }, 701);
    const told = client.notify("notifications/cancelled", { requestId: 700 });
    assert.equal(errorCode(await waiting), "REQUEST_CANCELLED");
    assert.equal(toolText(await other), "1");
    assert.equal((await told).status, 202);
    assert.deepEqual((await scene.state()).executions["count"], { b: 1 });
  });
});
