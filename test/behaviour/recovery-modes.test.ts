// What a client learns of a restored session: nothing, a marker and a message, or a 404 so that it starts over.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { withoutOwnText } from "../support/own-ids.ts";
import { startRawServer } from "../support/raw-server.ts";
import {
  type Answer,
  connect,
  errorCode,
  forget,
  type Message,
  newest,
  openScene,
  RawClient,
  toolText,
} from "./recovery-scene.ts";
import { sendJson, startUpstream } from "./recovery-upstream.ts";

const markerKey = "holdfast/restored";
const isOurs = ({ method, params }: Message) =>
  method === "notifications/message" && (params as Message)["logger"] === "holdfast";

function markerOf({ result }: Answer): unknown {
  return (result?.["_meta"] as Message | undefined)?.[markerKey];
}

describe("--recovery strict", () => {
  const args = ["--recovery", "strict"];

  it("repeats the server's words about the loss without the server's own id of the session", async () => {
    await using server = await startRawServer({
      respond: ({ headers }, response) => {
        const message = `Session not found: ${String(headers["mcp-session-id"])}`;
        response.writeHead(404, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32001, message } }));
      },
    });
    await using holdfast = await startHoldfast(server.url, { args });
    const client = await connect(holdfast.url);
    const lost = await client.call("any");
    assert.equal(errorCode(lost), "SESSION_LOST", lost.text);
    assert.match(lost.text, /Session not found/);
    assert.ok(!lost.text.includes(server.sessionIds[0] ?? "none"), lost.text);
  });

  for (const as of ["404-json", "400-supergateway", "200-session-not-found"]) {
    it(`hands the client a 404 for a call that met a lost session, and lets it start over (${as})`, async () => {
      await using scene = await openScene({ args });
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: "in use" });
      await scene.order({ do: "forget", as });
      const got = await client.call("count", { key: "a" }, 700);
      assert.equal(got.status, 404);
      assert.equal(errorCode(got), "SESSION_LOST", got.text);
      assert.equal(got.error?.data?.["executed"], "no");
      const lost = client.sessionId;
      assert.equal((await client.request("ping")).status, 404);
      const { received, executions } = await scene.state();
      assert.equal(received.initialize, 1);
      assert.equal(executions["count"], undefined);
      assert.equal((await client.initialize()).status, 200);
      assert.notEqual(client.sessionId, lost);
      assert.equal(toolText(await client.call("count", { key: "a" })), "1");
    });
  }

  it("hands every waiting call the 404, also those that come together", async () => {
    await using scene = await openScene({ args });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget", as: "404-json" });
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => client.call("count", { key: "a" })));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [404, 404, 404, 404, 404],
    );
    assert.equal((await scene.state()).received.initialize, 1);
  });

  it("ends the client's stream where the loss shows without a call", async () => {
    await using scene = await openScene({ args });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    const listener = await client.listen();
    await scene.order({ do: "forget", as: "404-json" });
    await listener.ended;
    assert.equal((await client.listen()).status, 404);
    assert.equal((await scene.state()).received.initialize, 1);
  });

  it("still waits out a server that is away and keeps its sessions", async () => {
    await using scene = await openScene({ args });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "refuse", ms: 500, keepSessions: true });
    assert.equal(toolText(await client.call("count", { key: "a" })), "1");
  });
});

describe("--recovery notify", () => {
  const args = ["--recovery", "notify"];

  it("marks the first answer also where Holdfast was killed between the restore and it, and no other", async () => {
    await using scene = await openScene({ args });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await client.listen();
    await forget(scene);
    await scene.order({ do: "close-get" });
    await scene.stateWhen((state) => newest(state)?.getOpen === true, "the stream of the new session");
    await scene.holdfast.kill();
    await scene.holdfast.restart();
    assert.deepEqual(Object.keys(markerOf(await client.call("echo", { text: "x" })) ?? {}), ["signal", "generation"]);
    assert.equal(markerOf(await client.call("echo", { text: "y" })), undefined);
    assert.equal(await scene.holdfast.stop(), 0);
    await scene.holdfast.restart();
    assert.equal(markerOf(await client.call("echo", { text: "z" })), undefined);
  });

  for (const json of [false, true]) {
    it(`marks the first answer and sends one message (${json ? "JSON" : "SSE"})`, async () => {
      await using scene = await openScene({ args, chaos: { json } });
      const client = await connect(scene.holdfast.url);
      const listener = await client.listen();
      assert.equal(markerOf(await client.call("echo", { text: "before" })), undefined);
      await scene.order({ do: "forget", as: "404-json" });
      const first = await client.call("count", { key: "a" });
      assert.equal(toolText(first), "1");
      assert.deepEqual(markerOf(first), { signal: "session-not-found", generation: 2 });
      assert.equal(markerOf(await client.call("count", { key: "b" })), undefined);
      const told = (await listener.next(isOurs))["params"] as Message;
      assert.equal(told["level"], "warning");
      await scene.order({ do: "notify", what: "message", level: "emergency", data: "later" });
      await listener.next((message) => JSON.stringify(message).includes('"later"'));
      assert.equal(listener.messages.filter(isOurs).length, 1);
      listener.close();
    });
  }

  it("marks exactly one of many answers that waited for the same restore", async () => {
    await using scene = await openScene({ args });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget", as: "404-json" });
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(() => client.call("count", { key: "a" })));
    assert.equal(answers.filter((answer) => markerOf(answer) !== undefined).length, 1);
    assert.deepEqual(new Set(answers.map(toolText)), new Set(["1", "2", "3", "4", "5", "6", "7", "8"]));
  });

  it("keeps the message for a client whose stream is not open yet", async () => {
    await using scene = await openScene({ args });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget", as: "404-json" });
    await client.call("echo", { text: "x" });
    const listener = await client.listen();
    await listener.next(isOurs);
    listener.close();
  });

  it("leaves an error as it is, keeps the rest of a marked answer byte for byte, and beside the server's own _meta", async () => {
    const result = '{"_meta":{"own":1.10},"big":12345678901234567890,"content":[{"text":"\\u00e9 \\"_meta\\":{}"}]}';
    let failing = true;
    await using upstream = await startUpstream(({ message: { id, method } }, response) => {
      if (method !== "tools/call") return undefined;
      if (failing) return sendJson(response, 200, { jsonrpc: "2.0", id, error: { code: -32603, message: "no" } });
      response.writeHead(200, { "content-type": "application/json" });
      response.end(`{"jsonrpc":"2.0","id":${String(id)},"result":${result}}`);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url, { args });
    const client = await connect(holdfast.url);
    await client.request("ping");
    upstream.forget("s1");
    assert.equal(
      (await client.call("any", {}, 7)).text,
      '{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"no"}}',
    );
    failing = false;
    const marked = await client.call("any", {}, 8);
    const marker = `"${markerKey}":${JSON.stringify(markerOf(marked))},`;
    assert.notEqual(markerOf(marked), undefined, marked.text);
    assert.equal(marked.text.replace(marker, ""), `{"jsonrpc":"2.0","id":8,"result":${result}}`);
    assert.equal((await client.call("any", {}, 9)).text, `{"jsonrpc":"2.0","id":9,"result":${result}}`);
  });
});

describe("--recovery transparent, the default", () => {
  for (const args of [[], ["--recovery", "transparent"]]) {
    it(`tells the client nothing (${args.length === 0 ? "by default" : "asked for"})`, async () => {
      await using scene = await openScene({ args });
      const client = await connect(scene.holdfast.url);
      const listener = await client.listen();
      const plain = await client.call("echo", { text: "same" }, 41);
      await scene.order({ do: "forget", as: "404-json" });
      const healed = await client.call("echo", { text: "same" }, 41);
      assert.equal(withoutOwnText(healed.text), withoutOwnText(plain.text));
      assert.equal(healed.status, plain.status);
      // How an answer is framed is each connection's own affair: a stream that was whole at once goes out with its length.
      const framing = new Set(["content-length", "transfer-encoding"]);
      const named = (headers: Headers) => [...headers.keys()].filter((name) => !framing.has(name));
      assert.deepEqual(named(healed.headers), named(plain.headers));
      await scene.stateWhen(({ sessions }) => sessions.list.at(-1)?.getOpen === true, "the stream of the new session");
      await scene.order({ do: "notify", what: "message", level: "emergency", data: "later" });
      await listener.next((message) => JSON.stringify(message).includes('"later"'));
      assert.equal(listener.messages.length, 1);
      listener.close();
    });
  }

  it("shows an old session id of the server to nobody", async () => {
    await using scene = await openScene();
    const client = new RawClient(scene.holdfast.url);
    const first = await client.initialize();
    const { sessions } = await scene.state();
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget", as: "404-json" });
    const healed = await client.call("echo", { text: "x" });
    const seen = JSON.stringify([...first.headers, first.text, ...healed.headers, healed.text]);
    const now = (await scene.state()).sessions;
    for (const { id } of [...sessions.list, ...now.list]) assert.ok(!seen.includes(id));
  });
});
