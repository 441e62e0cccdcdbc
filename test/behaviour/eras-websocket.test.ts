// Clients of both eras of a server behind a WebSocket that speaks one era alone: the rules of stdio, with a connection where a process was.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { askedClient } from "../support/asked-client.ts";
import { eraWebSocket } from "../support/era-websocket.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { ask, listen, type ModernAsk, said } from "../support/modern-client.ts";

const timeout = 60_000;
const call = (name: string, args: object = {}): ModernAsk => ({ params: { name, arguments: args } });

describe("a modern server behind a WebSocket", { timeout }, () => {
  it("serves modern clients over one connection, cancels and tells them, and is found again when that breaks", async () => {
    await using server = await eraWebSocket("modern");
    await using holdfast = await startHoldfast(server.url);
    const { url } = holdfast;
    const echoes = await Promise.all(["a", "b"].map((text) => ask(url, "tools/call", call("echo", { text }))));
    assert.deepEqual(echoes.map(said), ["modern: a", "modern: b"]);
    // One was asked what the server is.
    assert.equal(server.opened, 2);
    const waiting = await listen(url, "tools/call", call("wait", { ms: 60_000, mark: "socket" }));
    const saw = async (what: string) => {
      while (!said(await ask(url, "tools/call", call("seen"))).includes(what));
    };
    await saw("began socket");
    waiting.leave();
    await saw("cancelled socket");
    const params = { notifications: { toolsListChanged: true } };
    const listening = await listen(url, "subscriptions/listen", { id: "sub", params });
    await listening.until("subscriptions/acknowledged");
    server.become("modern");
    await listening.until("tools/list_changed");
    listening.leave();
    assert.equal(said(await ask(url, "tools/call", call("echo", { text: "c" }))), "modern: c");
    assert.equal(server.open, 1);
  });

  it("serves a legacy client, asks it, tells it, and may come back as a legacy one", async () => {
    await using server = await eraWebSocket("modern");
    await using holdfast = await startHoldfast(server.url);
    await using session = await askedClient(holdfast.url);
    assert.equal(await session.call("ask_twice"), "user 1 user 2");
    await session.client.setLoggingLevel("info");
    await session.call("tell");
    assert.deepEqual(session.logs, ["half way"]);
    await session.client.subscribeResource({ uri: "test://watched" });
    while (session.changes.length === 0) await session.call("change");
    server.become("legacy");
    // The first one may meet the breaking connection, and is sent again.
    await session.client.listTools();
    assert.equal(await session.call("echo", { text: "old" }), "legacy: old");
    server.become("modern");
    await session.client.listTools();
    assert.equal(await session.call("echo", { text: "new" }), "modern: new");
    await holdfast.stop();
    assert.equal(holdfast.requests("initialize")[0]?.["era_pair"], "LM");
  });
});

describe("a legacy server behind a WebSocket", { timeout }, () => {
  it("serves modern clients, and may come back as a modern one", async () => {
    await using server = await eraWebSocket("legacy");
    await using holdfast = await startHoldfast(server.url);
    const { url } = holdfast;
    assert.equal(said(await ask(url, "tools/call", call("echo", { text: "1" }))), "legacy: 1");
    const params = { notifications: { toolsListChanged: true } };
    const listening = await listen(url, "subscriptions/listen", { id: "sub", params });
    await listening.until("subscriptions/acknowledged");
    server.become("modern");
    await ask(url, "tools/list");
    assert.equal(said(await ask(url, "tools/call", call("echo", { text: "2" }))), "modern: 2");
    // It was a subscription of the server that is gone.
    await listening.ended;
    await holdfast.stop();
    assert.deepEqual(
      holdfast.requests("tools/call").map((line) => line["era_pair"]),
      ["ML", "MM"],
    );
  });
});
