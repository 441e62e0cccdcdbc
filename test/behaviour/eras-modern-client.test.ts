// A modern client on a legacy server: sessions that nobody sees, questions in the middle of a call, and what happens to both when the server goes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EraServer, startEraServer } from "../support/era-server.ts";
import { type Holdfast, type HoldfastOptions, startHoldfast } from "../support/holdfast.ts";
import { ask, listen, type ModernAsk, modernBody, modernHeaders, said } from "../support/modern-client.ts";

type Scene = AsyncDisposable & { readonly server: EraServer; readonly holdfast: Holdfast; readonly url: string };

async function scene(options: HoldfastOptions = {}): Promise<Scene> {
  const server = await startEraServer("legacy");
  const holdfast = await startHoldfast(server.url, options);
  return {
    server,
    holdfast,
    url: holdfast.url,
    async [Symbol.asyncDispose]() {
      await holdfast[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const call = (name: string, args: object = {}) => ({ params: { name, arguments: args } });
const elicits = { capabilities: { elicitation: {} } };
const confirm: ModernAsk = { ...call("confirm"), ...elicits };

/** The first round of `confirm`: its key and its state. */
async function park(
  url: string,
  options: ModernAsk = confirm,
): Promise<{ readonly key: string; readonly state: string }> {
  const { message } = await ask(url, "tools/call", options);
  assert.equal(message.result?.resultType, "input_required", JSON.stringify(message));
  const [key = ""] = Object.keys(message.result.inputRequests);
  assert.equal(message.result.inputRequests[key].method, "elicitation/create");
  return { key, state: message.result.requestState };
}

const answerOf = (key: string, requestState: string, options: ModernAsk = confirm, ok = true): ModernAsk => ({
  ...options,
  params: { ...options.params, requestState, inputResponses: { [key]: { action: "accept", content: { ok } } } },
});

describe("a modern call on a legacy server", () => {
  it("costs no handshake but the first of its kind", async () => {
    await using world = await scene();
    for (let id = 0; id < 5; id++)
      assert.equal(said(await ask(world.url, "tools/call", { ...call("read"), id })), "read");
    assert.equal(world.server.seenOf("initialize").length, 1);
    const [seen] = world.server.seenOf("tools/call");
    assert.equal(typeof seen?.headers["mcp-session-id"], "string");
    for (const name of ["mcp-method", "mcp-name"]) assert.equal(seen?.headers[name], undefined);
    assert.ok(!seen?.body.includes("io.modelcontextprotocol/"), seen?.body);
  });

  it("gets its result with the words of its own era, and every digit", async () => {
    await using world = await scene();
    const { message, status } = await ask(world.url, "tools/list", { id: "l" });
    assert.equal(status, 200);
    assert.equal(message.id, "l");
    assert.equal(message.result.resultType, "complete");
    assert.equal(message.result.ttlMs, 0);
    assert.equal(message.result.cacheScope, "private");
    assert.equal(message.result["_meta"]["io.modelcontextprotocol/serverInfo"].name, "era-server");
    const discovered = await ask(world.url, "server/discover");
    assert.ok(discovered.message.result.supportedVersions.includes("2026-07-28"));
    assert.equal(discovered.message.result.capabilities.tools.listChanged, true);
  });

  it("says ML in its line of the log", async () => {
    await using world = await scene();
    await ask(world.url, "tools/call", call("read"));
    await world.holdfast.stop();
    const [line] = world.holdfast.requests("tools/call");
    assert.equal(line?.["era_pair"], "ML");
    assert.notEqual(line?.["session_id"], "-");
  });

  it("shares its session with nobody who could be told apart", async () => {
    await using world = await scene();
    await ask(world.url, "tools/call", call("read"));
    await ask(world.url, "tools/call", { ...call("read"), capabilities: { sampling: {} } });
    await ask(world.url, "tools/call", { ...call("read"), headers: { "holdfast-isolation": "chat-7" } });
    await ask(world.url, "tools/call", { ...call("read"), headers: { authorization: "Bearer somebody" } });
    assert.equal(world.server.seenOf("initialize").length, 4);
    const ids = world.server.seenOf("tools/call").map(({ headers }) => headers["mcp-session-id"]);
    assert.equal(new Set(ids).size, 4);
  });

  it("gets a session of its own that ends with it, if it asks for one", async () => {
    await using world = await scene();
    const alone = { ...call("read"), headers: { "holdfast-isolation": "per-request" } };
    await ask(world.url, "tools/call", alone);
    await ask(world.url, "tools/call", alone);
    await world.server.until(() => world.server.seen.filter(({ httpMethod }) => httpMethod === "DELETE").length === 2);
    assert.equal(world.server.seenOf("initialize").length, 2);
  });

  it("goes to a second session where sixteen are at work in the first", async () => {
    await using world = await scene();
    const calls = Array.from({ length: 17 }, (_, id) => ask(world.url, "tools/call", { ...call("wait"), id }));
    await world.server.until(() => world.server.atWork === 17);
    world.server.release();
    await world.server.until(() => world.server.ran.get("wait") === 17);
    for (const answer of await Promise.all(calls)) assert.equal(said(answer), "waited");
    const ids = world.server.seenOf("tools/call").map(({ headers }) => headers["mcp-session-id"]);
    assert.deepEqual(
      [...new Set(ids)].map((id) => ids.filter((each) => each === id).length).sort((a, b) => b - a),
      [16, 1],
    );
  });

  it("is cancelled at the server when its client closes the stream", async () => {
    await using world = await scene();
    const client = new AbortController();
    const options = call("wait");
    const sent = fetch(world.url, {
      method: "POST",
      headers: { ...modernHeaders("tools/call", options), "content-type": "application/json", accept: "*/*" },
      body: modernBody("tools/call", options),
      signal: client.signal,
    }).catch(() => {});
    await world.server.until(() => world.server.seenOf("tools/call").length === 1);
    client.abort();
    await sent;
    await world.server.until(() => world.server.cancelled === 1);
    const [cancelled] = world.server.seenOf("notifications/cancelled");
    assert.match(cancelled?.body ?? "", /"requestId":/);
  });

  it("is refused as a modern server would where header and body do not agree, or a method is of the other era", async () => {
    await using world = await scene();
    const mismatch = await ask(world.url, "tools/list", { headers: { "mcp-method": "prompts/list" } });
    assert.deepEqual([mismatch.status, mismatch.message.error?.code], [400, -32020]);
    const ping = await ask(world.url, "ping", { id: 4 });
    assert.deepEqual([ping.status, ping.message.error?.code, ping.message.id], [404, -32601, 4]);
    const unknown = await ask(world.url, "no/such");
    assert.deepEqual([unknown.status, unknown.message.error?.code], [404, -32601]);
  });
});

describe("a legacy server that forgets its sessions", () => {
  it("is not noticed by a modern client, whose call runs once", async () => {
    await using world = await scene();
    await ask(world.url, "tools/call", call("read"));
    await world.server.restart();
    assert.equal(said(await ask(world.url, "tools/call", call("echo", { said: "again" }))), '"again"');
    assert.equal(world.server.ran.get("echo"), 1);
    assert.equal(world.server.seenOf("initialize").length, 2);
  });

  it("keeps the sessions of modern clients over a SIGKILL of Holdfast", async () => {
    await using world = await scene();
    await ask(world.url, "tools/call", call("read"));
    await world.holdfast.restart();
    assert.equal(said(await ask(world.url, "tools/call", call("read"))), "read");
    assert.equal(world.server.seenOf("initialize").length, 1);
  });

  it("is found out anew when it comes back as a modern server, and the client does not notice", async () => {
    await using world = await scene();
    assert.equal(said(await ask(world.url, "tools/call", call("read"))), "read");
    await world.server.restart("modern");
    const answer = await ask(world.url, "tools/call", { ...call("echo", { said: 2 }), id: 8 });
    assert.equal(said(answer), "2");
    assert.equal(answer.message.id, 8);
    assert.equal(world.server.ran.get("echo"), 1);
  });
});

describe("a legacy server that asks in the middle of a call", () => {
  it("gets the answer that its client gives by retry, into the very call that waits", async () => {
    await using world = await scene();
    const { key, state } = await park(world.url);
    const answer = await ask(world.url, "tools/call", { ...answerOf(key, state), id: 2 });
    assert.equal(said(answer), "confirmed");
    assert.equal(answer.message.id, 2);
    assert.equal(world.server.seenOf("tools/call").length, 1);
    assert.equal(world.server.ran.get("confirm"), 1);
  });

  it("gets one answer: a retry that comes twice is given the same result, and a later one is refused", async () => {
    await using world = await scene();
    const { key, state } = await park(world.url);
    const first = await ask(world.url, "tools/call", answerOf(key, state));
    const second = await ask(world.url, "tools/call", { ...answerOf(key, state), id: 3 });
    assert.deepEqual(second.message.result, first.message.result);
    assert.equal(second.message.id, 3);
    assert.equal(world.server.ran.get("confirm"), 1);
  });

  it("is not told what another caller says, and no changed or foreign state", async () => {
    await using world = await scene();
    const { key, state } = await park(world.url);
    for (const [options, code] of [
      [answerOf(key, `${state}x`), "STATE_FORGED"],
      [answerOf(key, "hf1.AAAA"), "STATE_FORGED"],
      [{ ...answerOf(key, state), headers: { authorization: "Bearer mallory" } }, "STATE_FOREIGN"],
      [
        answerOf(key, state, { ...confirm, params: { name: "confirm", arguments: { other: 1 } } }),
        "STATE_OF_OTHER_REQUEST",
      ],
    ] as const) {
      const { status, message } = await ask(world.url, "tools/call", options);
      assert.deepEqual([status, message.error?.code, message.error?.data.code], [400, -32602, code]);
    }
    assert.equal(said(await ask(world.url, "tools/call", answerOf(key, state))), "confirmed");
  });

  it("asks again for what a retry leaves out, under a new state, and the old one is used up", async () => {
    await using world = await scene();
    const { key, state } = await park(world.url);
    const { message } = await ask(world.url, "tools/call", answerOf("wrong", state));
    assert.equal(message.result.resultType, "input_required");
    assert.deepEqual(Object.keys(message.result.inputRequests), [key]);
    const next = message.result.requestState;
    assert.notEqual(next, state);
    assert.equal(said(await ask(world.url, "tools/call", answerOf(key, next))), "confirmed");
  });

  it("is told that the user cancelled where its client never said that it could be asked", async () => {
    await using world = await scene();
    const { message } = await ask(world.url, "tools/call", call("confirm"));
    // The server package looks before it asks, and fails the call by itself.
    assert.equal(message.result?.isError ?? message.error?.code === -32021, true, JSON.stringify(message));
  });

  it("went with its process: the client hears that the continuation is lost and that the call may have run", async () => {
    await using world = await scene();
    const { key, state } = await park(world.url);
    await world.server.restart();
    const { message } = await ask(world.url, "tools/call", answerOf(key, state));
    assert.deepEqual([message.error?.code, message.error?.data.code], [-32603, "CONTINUATION_LOST"]);
    assert.equal(message.error?.data.executed, "unknown");
    assert.match(message.error?.message ?? "", /continuation was lost/);
    assert.equal(world.server.ran.get("confirm"), undefined);
  });

  it("waits in vain where Holdfast was killed: the client hears the same, and may call anew", async () => {
    await using world = await scene();
    const { key, state } = await park(world.url);
    await world.holdfast.restart();
    const { message } = await ask(world.url, "tools/call", answerOf(key, state));
    assert.equal(message.error?.data.code, "CONTINUATION_LOST");
    const anew = await park(world.url);
    assert.equal(said(await ask(world.url, "tools/call", answerOf(anew.key, anew.state))), "confirmed");
  });
});

describe("a subscription on a legacy server", () => {
  const params = { notifications: { toolsListChanged: true, resourceSubscriptions: ["test://page"] } };

  it("is acknowledged first, and told of what its client asked for alone", async () => {
    await using world = await scene();
    const stream = await listen(world.url, "subscriptions/listen", { id: 11, params });
    await stream.until("subscriptions/acknowledged");
    assert.equal(world.server.seenOf("resources/subscribe").length, 1);
    world.server.announce.promptsChanged();
    world.server.announce.toolsChanged();
    const text = await stream.until("tools/list_changed");
    assert.ok(!text.includes("prompts/list_changed"));
    assert.match(text, /"io.modelcontextprotocol\/subscriptionId":11/);
    stream.leave();
    await world.server.until(() => world.server.seenOf("resources/unsubscribe").length === 1);
  });

  it("goes on over a restart of the server", async () => {
    await using world = await scene();
    const stream = await listen(world.url, "subscriptions/listen", { id: "s", params });
    await stream.until("subscriptions/acknowledged");
    await world.server.restart();
    await world.server.until(() => world.server.seenOf("resources/subscribe").length === 2);
    await world.server.until(() => world.server.seen.filter(({ httpMethod }) => httpMethod === "GET").length >= 2);
    await stream.until("tools/list_changed");
    stream.leave();
  });
});
