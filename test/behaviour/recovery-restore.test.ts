// What a restored session holds: everything that the lost one held, in order, before a call, and on the client's own stream.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startHoldfast } from "../support/holdfast.ts";
import {
  connect,
  eventually,
  forget,
  isMethod,
  newest,
  openScene,
  RawClient,
  toolText,
  upToNow,
} from "./recovery-scene.ts";
import { startUpstream } from "./recovery-upstream.ts";

const counter = "chaos://counter";
const clock = "chaos://clock";

describe("the order of a restore", () => {
  it("begins with the client's own initialize, byte for byte", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const client = new RawClient(holdfast.url);
    const odd =
      '{ "method":"initialize","id":"\\u0061-1","jsonrpc":"2.0", "params":{"clientInfo":{"version":"1.10","name":"ödd"},' +
      '"protocolVersion":"2025-06-18","capabilities":{"sampling":{},"experimental":{"n":1.10,"n":12345678901234567890}}}}';
    const first = await client.post(odd);
    client.headers["mcp-session-id"] = first.headers.get("mcp-session-id") ?? "";
    await client.notify("notifications/initialized");
    for (const dead of ["s1", "s2"]) {
      upstream.forget(dead);
      assert.equal((await client.request("tools/list")).status, 200);
    }
    const sent = upstream.seen.filter(({ message }) => message["method"] === "initialize").map(({ body }) => body);
    assert.deepEqual(sent, [odd, odd, odd]);
  });

  it("is initialize, initialized, the stream, the log level, the subscriptions, and only then the call", async () => {
    const answered: string[] = [];
    await using upstream = await startUpstream(async ({ http, message, initializes }, response) => {
      const { method } = message;
      if (initializes < 2 || method === "initialize") return undefined;
      // Whoever does not wait for the state to be in place overtakes it here.
      if (http === "POST" && method !== "tools/call") await wait(150);
      response.once("finish", () => answered.push(String(method)));
      return undefined;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const listener = await client.listen();
    await client.request("logging/setLevel", { level: "warning" });
    await client.request("resources/subscribe", { uri: "test://one" });
    await client.request("resources/subscribe", { uri: "test://two" });
    const since = upstream.seen.length;
    upstream.forget("s1");
    assert.deepEqual((await client.call("any")).result, {});
    const names = upstream.names(since);
    assert.deepEqual(names.slice(0, 2), ["tools/call", "initialize"]);
    assert.equal(names.at(-1), "tools/call");
    assert.deepEqual(
      names.slice(2, -1).sort((a, b) => a.localeCompare(b)),
      ["GET", "logging/setLevel", "notifications/initialized", "resources/subscribe", "resources/subscribe"],
    );
    assert.equal(answered.at(-1), "tools/call");
    assert.equal(answered.filter((method) => method === "resources/subscribe").length, 2);
    listener.close();
  });

  it("opens one stream per session, never two", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    for (const _ of [1, 2, 3]) {
      await forget(scene);
      await Promise.all([client.call("count"), client.call("count")]);
      await scene.stateWhen((state) => newest(state)?.getOpen === true, "the stream of the new session");
    }
    const { requests } = await scene.state();
    const streams = requests.filter(({ http, status }) => http === "GET" && status !== 404);
    assert.deepEqual(
      streams.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    assert.equal(new Set(streams.map(({ session }) => session)).size, 4);
    assert.deepEqual(await upToNow(scene, listener), []);
    listener.close();
  });
});

describe("a server that serves nothing before notifications/initialized", () => {
  for (const level of [undefined, "error"]) {
    it(`answers each waiting call after running it once (${level === undefined ? "no state" : "with state"})`, async () => {
      await using scene = await openScene();
      await scene.order({ do: "require-initialized", on: true });
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: "in use" });
      if (level !== undefined) await client.request("logging/setLevel", { level });
      for (const round of [1, 2, 3, 4, 5]) {
        await forget(scene);
        // Held back, so that whatever does not wait for it overtakes it.
        await scene.order({ do: "delay", ms: 60, methods: ["notifications/initialized"] });
        const keys = ["a", "b", "c"].map((name) => `${name}${round}`);
        const answers = await Promise.all(keys.map((key) => client.call("count", { key })));
        for (const answer of answers) assert.match(toolText(answer), /^\d+$/);
        const { executions, requests } = await scene.state();
        for (const key of keys) assert.equal(executions["count"]?.[key], 1);
        const calls = requests.filter(({ method }) => method === "tools/call");
        const sends = [...Map.groupBy(calls, ({ id }) => id).values()].map((sent) => sent.length);
        assert.ok(Math.max(...sends) <= 3, `sent ${Math.max(...sends)} times`);
        assert.equal(newest(await scene.state())?.logLevel, level ?? null);
      }
    });
  }
});

describe("a call that comes when the restore is over", () => {
  it("does not overtake notifications/initialized, for a server may make its tools ready by it", async () => {
    const taken = Promise.withResolvers<void>();
    await using upstream = await startUpstream(async ({ initializes, message }) => {
      if (initializes === 2 && message["method"] === "notifications/initialized") await taken.promise;
      return undefined;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("ping");
    upstream.forget("s1");
    await client.request("tools/list");
    const late = client.request("prompts/list");
    const other = await connect(holdfast.url);
    await other.request("ping");
    assert.ok(!upstream.names().includes("prompts/list"));
    taken.resolve();
    await late;
    assert.ok(upstream.names().includes("prompts/list"));
  });
});

describe("what a restored session holds", () => {
  it("is the last log level and the live subscriptions, without those that were ended", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await client.request("logging/setLevel", { level: "debug" });
    await client.request("logging/setLevel", { level: "error" });
    await client.request("logging/setLevel", { level: "no such level" });
    await client.request("resources/subscribe", { uri: clock });
    await client.request("resources/subscribe", { uri: counter });
    await client.request("resources/unsubscribe", { uri: clock });
    await client.request("resources/subscribe", { uri: "chaos://no-such" });
    await forget(scene);
    await client.call("echo", { text: "x" });
    const session = newest(await scene.state());
    assert.equal(session?.initialized, true);
    assert.equal(session.logLevel, "error");
    assert.deepEqual(session.subscriptions, [counter]);
    await client.call("count");
    await listener.next(isMethod("notifications/resources/updated"));
    listener.close();
  });

  it("tells the client once to read a resource whose subscription is refused", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await client.request("resources/subscribe", { uri: clock });
    const error = { code: -32002, message: "Resource not found" };
    const refusal = { status: 200, body: { jsonrpc: "2.0", id: "$id", error } };
    await scene.order({ do: "answer", methods: ["resources/subscribe"], ...refusal });
    await forget(scene);
    assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
    const update = await listener.next(isMethod("notifications/resources/updated"));
    assert.deepEqual(update["params"], { uri: clock });
    assert.deepEqual(await upToNow(scene, listener), ["notifications/resources/updated"]);
    listener.close();
  });

  it("keeps what it has to tell until the client opens a stream", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.request("tools/list");
    await scene.order({ do: "tools", add: ["extra"] });
    await forget(scene);
    await client.call("echo", { text: "x" });
    await scene.stateWhen(({ received }) => received.methods["tools/list"] === 2, "the list read again");
    const listener = await client.listen();
    await listener.next(isMethod("notifications/tools/list_changed"));
    listener.close();
  });
});

describe("the client's stream", () => {
  it("is brought back after an outage that no call notices, and stays the same stream to the client", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    const listener = await client.listen();
    await scene.order({ do: "refuse", ms: 700 });
    // It is not to be asked either until its port is open again.
    await eventually(async () => {
      const state = await scene.state().catch(() => undefined);
      return (state?.received.initialize === 2 && newest(state)?.getOpen) || undefined;
    }, "the stream of the new session");
    assert.deepEqual(await upToNow(scene, listener), []);
    listener.close();
  });

  it("goes on under the same session where only the stream ended", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    const listener = await client.listen();
    for (const order of ["close-get", "cut-get"]) {
      const before = (await scene.state()).requests.filter(({ http }) => http === "GET").length;
      await scene.order({ do: order });
      await scene.stateWhen(
        (state) =>
          state.requests.filter(({ http }) => http === "GET").length > before && newest(state)?.getOpen === true,
        "the stream opened again",
      );
    }
    assert.deepEqual(await upToNow(scene, listener), []);
    assert.equal((await scene.state()).received.initialize, 1);
    listener.close();
  });
});
