// What a restored session holds: everything that the lost one held, in order, and nothing that died with it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startHoldfast } from "../support/holdfast.ts";
import {
  type ChaosState,
  connect,
  errorCode,
  type Listener,
  type Message,
  openScene,
  RawClient,
  type Scene,
  toolText,
} from "./recovery-scene.ts";
import { startUpstream } from "./recovery-upstream.ts";

const counter = "chaos://counter";
const clock = "chaos://clock";
const lists = ["tools/list", "prompts/list", "resources/list"] as const;

const isMethod = (method: string) => (message: Message) => message["method"] === method;
const methodsOf = ({ messages }: Listener) => messages.map(({ method }) => method);
const newest = ({ sessions }: ChaosState) => sessions.list.at(-1);
const forget = (scene: Scene) => scene.order({ do: "forget", as: "404-json" });

/** What the client's stream brings up to an event that the server sends now. */
async function upToNow(scene: Scene, listener: Listener): Promise<readonly unknown[]> {
  await scene.stateWhen((state) => newest(state)?.getOpen === true, "the stream of the new session");
  await scene.order({ do: "notify", what: "message", level: "emergency", data: "now" });
  await listener.next(isMethod("notifications/message"));
  return methodsOf(listener).filter((method) => method !== "notifications/message");
}

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

describe("list_changed after a restore", () => {
  const readLists = async (client: RawClient) => {
    for (const list of lists) assert.equal((await client.request(list)).status, 200);
  };
  const readAgain = ({ received }: ChaosState) => lists.every((list) => (received.methods[list] ?? 0) >= 2);

  it("comes for the list that differs and for no other", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await readLists(client);
    await scene.order({ do: "tools", add: ["extra"] });
    await forget(scene);
    await client.call("echo", { text: "x" });
    await scene.stateWhen(readAgain, "the lists read again");
    await listener.next(isMethod("notifications/tools/list_changed"));
    assert.deepEqual(await upToNow(scene, listener), ["notifications/tools/list_changed"]);
    listener.close();
  });

  it("does not come where nothing differs", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await readLists(client);
    await scene.order({ do: "version", server: "2.0.0" });
    await forget(scene);
    await client.call("echo", { text: "x" });
    await scene.stateWhen(readAgain, "the lists read again");
    assert.deepEqual(await upToNow(scene, listener), []);
    listener.close();
  });

  it("does not come where the client was not told to expect it", async () => {
    await using scene = await openScene();
    await scene.order({ do: "capabilities", capabilities: { tools: {}, resources: {}, prompts: {} } });
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await readLists(client);
    await scene.order({ do: "tools", add: ["extra"] });
    await forget(scene);
    await client.call("echo", { text: "x" });
    assert.deepEqual(await upToNow(scene, listener), []);
    assert.equal((await scene.state()).received.methods["tools/list"], 1);
    listener.close();
  });

  it("does not come for a list that the client never read", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await client.request("prompts/list");
    await scene.order({ do: "tools", add: ["extra"] });
    await forget(scene);
    await client.call("echo", { text: "x" });
    await scene.stateWhen(({ received }) => received.methods["prompts/list"] === 2, "the list read again");
    assert.deepEqual(await upToNow(scene, listener), []);
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
    await wait(700);
    await scene.stateWhen((state) => newest(state)?.getOpen === true, "the stream of the new session", 15_000);
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

describe("a question of the server that was open at the loss", () => {
  const capabilities = { elicitation: {} };
  const response = ({ requests }: ChaosState, session: string | undefined) =>
    requests.filter((one) => one.http === "POST" && one.method === null && one.session === session);

  /** A call that makes the server ask, its question, and how to leave the call. */
  const ask = async (scene: Scene, client: RawClient) => {
    const leave = new AbortController();
    const listener = await client.listen();
    const left = client.request("tools/call", { name: "ask", arguments: {} }, 300, leave.signal).catch(() => "left");
    await scene.stateWhen(({ executions }) => executions["ask"]?.[""] === 1, "the call under way");
    return { leave: () => leave.abort(), left, listener };
  };

  it("is not answered under the new session, whoever finds the loss first", async () => {
    await using scene = await openScene({ chaos: { json: true } });
    const client = await connect(scene.holdfast.url, { capabilities });
    for (const restoredBefore of [true, false]) {
      await scene.order({ do: "reset", counts: true });
      const { leave, left, listener } = await ask(scene, client);
      const question = await listener.next(isMethod("elicitation/create"));
      await forget(scene);
      if (restoredBefore) assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
      const told = await client.post({ jsonrpc: "2.0", id: question["id"], result: { action: "accept" } });
      assert.equal(told.status, 202, told.text);
      assert.equal(toolText(await client.call("echo", { text: "y" })), "y");
      const state = await scene.state();
      assert.deepEqual(response(state, newest(state)?.id), []);
      leave();
      assert.equal(await left, "left");
      listener.close();
    }
  });

  it("is withdrawn on the client's stream, so that nobody goes on asking", async () => {
    await using scene = await openScene({ chaos: { json: true } });
    const client = await connect(scene.holdfast.url, { capabilities });
    const { leave, left, listener } = await ask(scene, client);
    const question = await listener.next(isMethod("elicitation/create"));
    await forget(scene);
    await client.call("echo", { text: "x" });
    const { params } = await listener.next(isMethod("notifications/cancelled"));
    assert.deepEqual((params as { requestId: unknown }).requestId, question["id"]);
    leave();
    assert.equal(await left, "left");
    listener.close();
  });

  it("does not keep the new session from asking and being answered", async () => {
    await using scene = await openScene({ chaos: { json: true } });
    const client = await connect(scene.holdfast.url, { capabilities });
    await client.call("echo", { text: "in use" });
    const listener = await client.listen();
    await forget(scene);
    const answered = client.call("ask", {});
    const { id } = await listener.next(isMethod("elicitation/create"));
    const content = { answer: "yes" };
    assert.equal((await client.post({ jsonrpc: "2.0", id, result: { action: "accept", content } })).status, 202);
    assert.match(toolText(await answered), /"answer":"yes"/);
    listener.close();
  });

  for (const method of ["notifications/cancelled", "notifications/progress"]) {
    it(`drops ${method} about a request of the lost session`, async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: "in use" });
      await forget(scene);
      assert.equal((await client.notify(method, { requestId: 999, progressToken: 9, progress: 1 })).status, 202);
      assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
      const { requests } = await scene.state();
      assert.deepEqual(
        requests.filter((request) => request.method === method).map(({ status }) => status),
        [404],
      );
    });
  }
});

describe("a server that came back as another version", () => {
  it("answers TOOL_VANISHED for a tool that it no longer has, and the call is not sent to it", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("count", { key: "before" });
    await scene.order({ do: "version", server: "2.0.0" });
    await scene.order({ do: "tools", remove: ["count"] });
    await forget(scene);
    const got = await client.call("count", { key: "after" }, 400);
    assert.equal(errorCode(got), "TOOL_VANISHED", got.text);
    assert.equal(got.error?.data?.["executed"], "no");
    const { requests } = await scene.state();
    assert.deepEqual(
      requests.filter(({ id }) => id === 400).map(({ status }) => status),
      [404],
    );
    assert.equal(toolText(await client.call("echo", { text: "still there" })), "still there");
  });

  it("runs a call of a tool that it still has", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "version", server: "2.0.0" });
    await scene.order({ do: "tools", remove: ["slow"] });
    await forget(scene);
    assert.equal(toolText(await client.call("count", { key: "after" })), "1");
  });

  for (const [offered, now] of [
    [["2025-06-18"], "2025-06-18"],
    [["2025-03-26"], "2025-03-26"],
  ] as const) {
    it(`is spoken to in its own protocol version (${now}) while the client keeps 2025-11-25`, async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      const listener = await client.listen();
      await client.request("logging/setLevel", { level: "error" });
      await scene.order({ do: "protocol", versions: offered });
      await forget(scene);
      assert.equal(toolText(await client.call("count", { key: "after" })), "1");
      assert.equal(client.headers["mcp-protocol-version"], "2025-11-25");
      const session = newest(await scene.state());
      assert.equal(session?.protocolVersion, now);
      assert.equal(session.logLevel, "error");
      assert.deepEqual(await upToNow(scene, listener), []);
      listener.close();
    });
  }

  it("is asked anew where it refuses the protocol version of a session that it still holds", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "protocol", versions: ["2025-06-18"] });
    assert.equal(toolText(await client.call("count", { key: "after" })), "1");
    assert.equal((await scene.state()).received.initialize, 2);
  });
});

describe("a list that is continued after a loss", () => {
  it("is CURSOR_LOST with a cursor, and begins anew without", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    for (const list of [...lists, "resources/templates/list"]) {
      await client.call("echo", { text: "in use" });
      await forget(scene);
      const got = await client.request(list, { cursor: "page-2" }, 600);
      assert.equal(errorCode(got), "CURSOR_LOST", got.text);
      await forget(scene);
      assert.notEqual((await client.request(list, {})).result, undefined);
    }
    const { requests } = await scene.state();
    assert.ok(requests.filter(({ id }) => id === 600).every(({ status }) => status === 404));
  });
});
