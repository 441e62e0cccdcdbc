import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { scanEnvelope } from "../../protocol/index.ts";
import { ModernWire } from "./modern-wire.ts";
import type { Reply } from "./reply.ts";
import type { Wire, WireEvents } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

type Message = Readonly<Record<string, unknown>> & { readonly id?: unknown; readonly method?: string };

const foreign = (): Reply => ({ kind: "lost", sent: "nothing", cause: new Error("foreign") });
const discovered = { supportedVersions: ["2026-07-28"], capabilities: {} };

/** A server whose words the test writes. */
function scripted(first: (id: unknown) => object | undefined = (id) => ({ id, result: discovered })) {
  const sent: Message[] = [];
  let events: WireEvents | undefined;
  let closed = 0;
  const say = (message: object): void => {
    const text = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    const scanned = scanEnvelope(text);
    if (scanned.shape === "single") events?.message(text, scanned.envelope);
  };
  const wire: Wire = {
    send(text) {
      const message: Message = JSON.parse(text.toString());
      if (message.method === "server/discover" && sent.length === 0) {
        const answer = first(message.id);
        if (answer !== undefined) queueMicrotask(() => say(answer));
      }
      sent.push(message);
      return undefined;
    },
    pause() {},
    resume() {},
    close() {
      closed += 1;
      return Promise.resolve();
    },
  };
  const modern = new ModernWire({
    open: (_headers, given) => {
      events = given;
      return Promise.resolve(wire);
    },
    headers: [],
    startTimeoutMs: 20,
    tell() {},
    foreign,
  });
  const post = (message: object, signal?: AbortSignal): Promise<Reply> => {
    const text = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    const scanned = scanEnvelope(text);
    assert.equal(scanned.shape, "single");
    return modern.post(text, scanned.shape === "single" ? scanned.envelope : (undefined as never), signal);
  };
  return {
    modern,
    post,
    say,
    sent,
    die: (fault: WireFault) => events?.closed(fault),
    closed: () => closed,
    /** The last message of that method, once it is there. */
    async heard(method: string, count = 1): Promise<Message> {
      for (let turns = 0; turns < 100; turns += 1) {
        const found = sent.filter((message) => message.method === method);
        if (found.length >= count) return found.at(-1) as Message;
        await new Promise((resolve) => setImmediate(resolve));
      }
      throw new Error(`${method} was not sent`);
    },
  };
}

const bodyOf = (reply: Reply): string => (reply.kind === "reply" ? Buffer.concat(reply.body.arrived).toString() : "");
const call = (id: unknown, meta: object = {}) => ({ id, method: "tools/call", params: { name: "x", _meta: meta } });

describe("a modern wire", () => {
  it("keeps equal ids and progress tokens of two clients apart, of the type that each has", async () => {
    const server = scripted();
    const first = server.post(call(7, { progressToken: "same" }));
    const one = await server.heard("tools/call", 1);
    const second = server.post(call("7", { progressToken: "same" }));
    const two = await server.heard("tools/call", 2);
    assert.equal(typeof one.id, "number");
    assert.equal(typeof two.id, "string");
    assert.notEqual(Number(one.id), Number(two.id));
    const token = (two["params"] as { _meta: { progressToken: unknown } })["_meta"].progressToken;
    server.say({ method: "notifications/progress", params: { progressToken: token, progress: 1 } });
    server.say({ id: two.id, result: { n: 2 } });
    server.say({ id: one.id, result: { n: 1 } });
    assert.match(bodyOf(await second), /"progressToken":"same".*"id":"7","result":\{"n":2\}/s);
    assert.match(bodyOf(await first), /^\{"jsonrpc":"2.0","id":7,"result":\{"n":1\}\}$/);
  });

  it("gives the statuses that an HTTP server gives", async () => {
    for (const [code, status] of [
      [-32601, 404],
      [-32020, 400],
      [-32021, 400],
      [-32022, 400],
      [-32602, 200],
    ] as const) {
      const server = scripted();
      const reply = server.post(call(1));
      const { id } = await server.heard("tools/call");
      server.say({ id, error: { code, message: "no" } });
      const answered = await reply;
      assert.equal(answered.kind === "reply" ? answered.status : 0, status);
    }
  });

  it("refuses a revision that the server has not named, and asks it nothing", async () => {
    const server = scripted();
    const reply = await server.post(call(1, { "io.modelcontextprotocol/protocolVersion": "2099-01-01" }));
    assert.equal(reply.kind === "reply" ? reply.status : 0, 400);
    assert.match(bodyOf(reply), /-32022.*"supported":\["2026-07-28"\],"requested":"2099-01-01"/);
    assert.equal(server.sent.length, 1);
  });

  it("delivers what names no call only where one call alone is open", async () => {
    const server = scripted();
    const first = server.post(call(1));
    const { id: one } = await server.heard("tools/call", 1);
    server.say({ method: "notifications/message", params: { data: "alone" } });
    const second = server.post(call(2));
    const { id: two } = await server.heard("tools/call", 2);
    server.say({ method: "notifications/message", params: { data: "whose" } });
    server.say({ id: one, result: {} });
    server.say({ id: two, result: {} });
    assert.match(bodyOf(await first), /alone/);
    for (const reply of [await first, await second]) assert.ok(!bodyOf(reply).includes("whose"));
  });

  it("cancels by message what its client closes, and lets a slow reader hold up nobody else", async () => {
    const server = scripted();
    const stop = new AbortController();
    const reply = server.post(call("a"), stop.signal);
    const { id } = await server.heard("tools/call");
    stop.abort();
    assert.equal((await reply).kind, "lost");
    const cancelled = await server.heard("notifications/cancelled");
    assert.deepEqual(cancelled["params"], { requestId: id });
    const slow = server.post(call("slow"));
    const { id: slowId } = await server.heard("tools/call", 2);
    const data = "x".repeat(1024 * 1024);
    for (let count = 0; count < 20; count += 1) server.say({ method: "notifications/message", params: { data } });
    await slow;
    assert.deepEqual((await server.heard("notifications/cancelled", 2))["params"], { requestId: slowId });
    const quick = server.post(call("quick"));
    const { id: quickId } = await server.heard("tools/call", 3);
    server.say({ id: quickId, result: {} });
    assert.match(bodyOf(await quick), /"quick"/);
  });

  it("is foreign where the server answers as a legacy one or ends, and is lost where it is silent", async () => {
    const legacy = scripted((id) => ({ id, error: { code: -32601, message: "Method not found" } }));
    const empty = scripted((id) => ({ id, result: {} }));
    const ends = scripted(() => {
      queueMicrotask(() => ends.die(new WireFault("SERVER_PROCESS_EXITED", "")));
      return undefined;
    });
    for (const server of [legacy, empty, ends]) {
      const reply = await server.post(call(1));
      assert.equal(reply.kind === "lost" ? reply.cause.message : "", "foreign");
      assert.ok(server.modern.isOver);
      assert.equal(server.sent.length, 1);
    }
    assert.equal(await legacy.modern.opened(), "foreign");
    assert.equal(await ends.modern.opened(), "failed");
    const reply = await scripted(() => undefined).post(call(1));
    assert.equal(reply.kind === "lost" && reply.cause instanceof WireFault ? reply.cause.code : "", "SERVER_SILENT");
  });

  it("once retired, lets its calls end, breaks its subscriptions, and then closes", async () => {
    const server = scripted();
    const reply = server.post(call(1));
    const { id } = await server.heard("tools/call");
    const listening = server.post({ id: 2, method: "subscriptions/listen", params: {} });
    await server.heard("subscriptions/listen");
    server.modern.retire();
    assert.equal((await listening).kind, "lost");
    assert.ok(server.modern.isOver);
    assert.equal(server.closed(), 0);
    server.say({ id, result: {} });
    assert.match(bodyOf(await reply), /"id":1/);
    assert.equal(server.closed(), 1);
  });

  it("passes on nothing that is no request or notification, and answers what a server must not ask", async () => {
    const server = scripted();
    for (const message of [
      { id: 5, result: {} },
      { method: "notifications/cancelled", params: { requestId: 1 } },
    ])
      assert.equal((await server.post(message)).kind, "reply");
    assert.equal(server.sent.length, 1);
    server.say({ id: "q", method: "sampling/createMessage", params: {} });
    assert.match(JSON.stringify(server.sent[1]), /"code":-32601/);
  });
});
