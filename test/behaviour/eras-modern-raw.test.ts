// A modern client on a modern server: bytes pass, restarts and cuts are met as on any other route, and there is no session to lose.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EraServer, startEraServer } from "../support/era-server.ts";
import { type Holdfast, type HoldfastOptions, startHoldfast } from "../support/holdfast.ts";
import { ask, listen, modernBody, modernHeaders, said } from "../support/modern-client.ts";
import { send } from "../support/raw-client.ts";

type Scene = AsyncDisposable & { readonly server: EraServer; readonly holdfast: Holdfast; readonly url: string };

async function scene(options: HoldfastOptions = {}): Promise<Scene> {
  const server = await startEraServer("modern");
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

describe("a modern call on a modern server", () => {
  it("passes byte for byte, with its own Mcp headers and without a session id or the client's credential", async () => {
    await using world = await scene();
    const body = ` {"params" : {"arguments":{"said":9007199254740993.10},"name":"echo","_meta":${JSON.stringify({
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
      "vendor/é": [1.0],
    })}},"method":"tools/call", "id":1e2,"jsonrpc":"2.0" }`;
    const headers = {
      ...modernHeaders("tools/call", call("echo")),
      "mcp-session-id": "of-another-life",
      "mcp-param-unknown": "=?base64?w6k=?=",
      authorization: "Bearer of-the-client",
    };
    const answer = await send(world.url, { headers, body });
    assert.equal(answer.status, 200, answer.text);
    const [seen] = world.server.seenOf("tools/call");
    assert.equal(seen?.body, body);
    assert.equal(seen?.headers["mcp-param-unknown"], "=?base64?w6k=?=");
    assert.equal(seen?.headers["mcp-name"], "echo");
    assert.equal(seen?.headers["mcp-session-id"], undefined);
    assert.equal(seen?.headers.authorization, undefined);
    assert.equal(answer.headers["mcp-session-id"], undefined);
  });

  it("leaves one line that says MM, its method by the header, and no id", async () => {
    await using world = await scene();
    await ask(world.url, "tools/call", call("read"));
    await world.holdfast.stop();
    const [line] = world.holdfast.requests("tools/call");
    assert.equal(line?.["era_pair"], "MM");
    assert.equal(line?.["jsonrpc_id"], "-");
    assert.equal(line?.["status"], 200);
  });

  it("is refused by GET and DELETE, which this era does not have", async () => {
    await using world = await scene();
    for (const method of ["GET", "DELETE"]) {
      const answer = await send(world.url, { method, headers: { "mcp-protocol-version": "2026-07-28" } });
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.allow, "POST");
    }
    assert.equal(world.server.seen.length, 0);
  });

  it("gets the server's own refusals as they are", async () => {
    await using world = await scene();
    const unknown = await ask(world.url, "no/such", { id: "x" });
    assert.equal(unknown.status, 404);
    assert.equal(unknown.message.error?.code, -32601);
    assert.equal(unknown.message.id, "x");
    const body = modernBody("tools/list");
    const mismatch = await send(world.url, { headers: modernHeaders("prompts/list"), body });
    assert.equal(mismatch.status, 400);
    assert.match(mismatch.text, /-32020/);
  });

  it("cancels at the server as soon as its client closes the stream", async () => {
    await using world = await scene();
    const client = new AbortController();
    const sent = fetch(world.url, {
      method: "POST",
      headers: { ...modernHeaders("tools/call", call("wait")), "content-type": "application/json", accept: "*/*" },
      body: modernBody("tools/call", call("wait")),
      signal: client.signal,
    }).catch(() => {});
    await world.server.until(() => world.server.seenOf("tools/call").length === 1);
    client.abort();
    await sent;
    await world.server.until(() => world.server.cancelled === 1);
  });
});

describe("a modern server that goes and comes back", () => {
  it("gets a call that came while it was away, once", async () => {
    await using world = await scene();
    await ask(world.url, "tools/call", call("read"));
    await world.server.stop();
    const waiting = ask(world.url, "tools/call", { ...call("echo", { said: "late" }), id: 7 });
    await world.server.start();
    const answer = await waiting;
    assert.equal(said(answer), '"late"');
    assert.equal(answer.message.id, 7);
    assert.equal(world.server.ran.get("echo"), 1);
  });

  it("gets a list anew whose connection broke, under another id, and the client keeps its own", async () => {
    await using world = await scene();
    world.server.cuts.push("tools/list");
    const answer = await ask(world.url, "tools/list", { id: "mine" });
    assert.equal(answer.message.id, "mine");
    assert.ok(Array.isArray(answer.message.result.tools));
    const [first, second] = world.server.seenOf("tools/list");
    assert.equal(first?.id, "mine");
    assert.notEqual(second?.id, "mine");
    assert.equal(typeof second?.id, "string");
  });

  it("gets no tool call twice that it may have run: the client hears that nobody knows", async () => {
    await using world = await scene();
    world.server.cuts.push("tools/call");
    const answer = await ask(world.url, "tools/call", call("read"));
    assert.equal(answer.message.error?.data.code, "OUTCOME_UNKNOWN");
    assert.equal(world.server.seenOf("tools/call").length, 1);
  });

  it("gets a tool call twice where the connector is trusted and the tool only reads", async () => {
    await using world = await scene({ args: ["--trusted"] });
    world.server.cuts.push("tools/call");
    const answer = await ask(world.url, "tools/call", { ...call("read"), id: 5 });
    assert.equal(said(answer), "read");
    assert.equal(answer.message.id, 5);
    assert.equal(world.server.ran.get("read"), 1);
  });

  it("gets a subscription anew without its client noticing, which is told of what it may have missed", async () => {
    await using world = await scene();
    const params = { notifications: { toolsListChanged: true } };
    const stream = await listen(world.url, "subscriptions/listen", { id: "sub-1", params });
    await stream.until("subscriptions/acknowledged");
    await world.server.restart();
    await world.server.until(() => world.server.seenOf("subscriptions/listen").length === 2);
    await stream.until("tools/list_changed");
    const before = stream.text().length;
    world.server.announce.toolsChanged();
    await stream.until(new RegExp(`[^]{${before}}[^]*tools/list_changed`));
    assert.equal(stream.text().split("acknowledged").length, 2, "it is acknowledged once");
    for (const line of stream
      .text()
      .split("\n")
      .filter((each) => each.includes("subscriptionId")))
      assert.match(line, /"io.modelcontextprotocol\/subscriptionId":"sub-1"/);
    stream.leave();
  });
});

describe("what a server speaks", () => {
  it("is asked once for all callers, and not again after a restart of Holdfast", async () => {
    await using world = await scene();
    await Promise.all([1, 2, 3].map((id) => ask(world.url, "tools/list", { id })));
    assert.equal(world.server.seenOf("server/discover").length, 1);
    await world.holdfast.stop();
    await world.holdfast.restart();
    await ask(world.url, "tools/list");
    assert.equal(world.server.seenOf("server/discover").length, 1);
  });

  it("is found out anew when it comes back as a legacy server, and the client does not notice", async () => {
    await using world = await scene();
    assert.equal(said(await ask(world.url, "tools/call", call("read"))), "read");
    await world.server.restart("legacy");
    const answer = await ask(world.url, "tools/call", { ...call("echo", { said: 1 }), id: 9 });
    assert.equal(said(answer), "1");
    assert.equal(answer.message.id, 9);
    await world.holdfast.stop();
    const lines = world.holdfast.requests("tools/call");
    assert.deepEqual(
      lines.map((line) => line["era_pair"]),
      ["MM", "ML"],
    );
  });
});
