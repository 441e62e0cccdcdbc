// What dies with a lost session: the questions that its server had open, and what a client says about its requests. The new session asks for itself.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { eventData, openSession } from "../support/raw-client.ts";
import {
  type ChaosState,
  connect,
  eventually,
  forget,
  isMethod,
  newest,
  openScene,
  type RawClient,
  type Scene,
  toolText,
} from "./recovery-scene.ts";
import { startUpstream } from "./recovery-upstream.ts";
import { call, listen, nth, result } from "./streams-scene.ts";

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
    const client = await connect(scene.holdfast.url, { capabilities, protocolVersion: "2025-03-26" });
    for (const [restoredBefore, asBatch] of [
      [true, false],
      [false, false],
      [true, true],
      [false, true],
    ] as const) {
      await scene.order({ do: "reset", counts: true });
      const { leave, left, listener } = await ask(scene, client);
      const question = await listener.next(isMethod("elicitation/create"));
      await forget(scene);
      if (restoredBefore) assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
      const answer = { jsonrpc: "2.0", id: question["id"], result: { action: "accept" } };
      const told = await client.post(asBatch ? [answer] : answer);
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

  for (const onGet of [false, true]) {
    it(`is not answered by what the client says to the lost one's of the same id (asked on ${onGet ? "the GET stream" : "the call's own stream"})`, async () => {
      const calls: ServerResponse[] = [];
      const gets: ServerResponse[] = [];
      await using upstream = await startUpstream(({ http, message }, response) => {
        if (http !== "GET" && message["method"] !== "tools/call") return undefined;
        response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
        (http === "GET" ? gets : calls).push(response);
        return true;
      });
      const ask = (message: string) =>
        `data: ${JSON.stringify({ jsonrpc: "2.0", id: 0, method: "elicitation/create", params: { message } })}\n\n`;
      await using holdfast = await startHoldfast(upstream.url);
      const session = await openSession(holdfast.url, { capabilities });
      const listener = await listen(session);
      const alpha = await session.open({ body: call(1) });
      (await nth(onGet ? gets : calls, 1)).write(ask("alpha?"));
      await (onGet ? listener : alpha).until("alpha?");
      upstream.forget("s1");
      for (const response of [...calls, ...gets]) response.destroy();
      await alpha.ended;
      const beta = await session.open({ body: call(2) });
      const asking = await nth(onGet ? gets : calls, 2);
      asking.write(ask("beta?"));
      const asked = onGet ? listener : beta;
      await asked.until("beta?");
      const [, betaId = ""] =
        /"id":("[^"]+"),"method":"elicitation\/create","params":\{"message":"beta\?"/.exec(asked.text()) ?? [];
      assert.notEqual(betaId, "", asked.text());
      const since = upstream.seen.length;
      const answer = (id: string, action: string) =>
        session.post(`{"jsonrpc":"2.0","id":${id},"result":{"action":"${action}"}}`);
      assert.equal((await answer("0", "accept")).status, 202);
      assert.equal((await answer(betaId, "decline")).status, 202);
      const answers = upstream.seen.slice(since).filter(({ http, message }) => http === "POST" && "result" in message);
      assert.deepEqual(
        answers.map(({ body }) => body),
        ['{"jsonrpc":"2.0","id":0,"result":{"action":"decline"}}'],
      );
      // From here on nobody is about to answer another one.
      asking.write(ask("gamma?"));
      await asked.until("gamma?");
      assert.match(asked.text(), /"id":0,"method":"elicitation\/create","params":\{"message":"gamma\?"/);
      asking.end(`data: ${result(2)}\n\n`);
      listener.leave();
    });
  }

  it("is withdrawn by its server under the id that the client knows it by", async () => {
    const calls: ServerResponse[] = [];
    await using upstream = await startUpstream(({ message }, response) => {
      if (message["method"] !== "tools/call") return undefined;
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      calls.push(response);
      return true;
    });
    const ask = 'data: {"jsonrpc":"2.0","id":0,"method":"roots/list"}\n\n';
    const cancel = 'data: {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}\n\n';
    await using holdfast = await startHoldfast(upstream.url);
    const session = await openSession(holdfast.url, { capabilities: { roots: {} } });
    const first = await session.open({ body: call(1) });
    (await nth(calls, 1)).write(ask);
    await first.until("roots/list");
    upstream.forget("s1");
    calls[0]?.destroy();
    await first.ended;
    const second = await session.open({ body: call(2) });
    (await nth(calls, 2)).end(`${ask}${cancel}data: ${result(2)}\n\n`);
    await second.ended;
    const [asked, cancelled] = eventData(second.text()).map((text) => JSON.parse(text));
    assert.equal(typeof asked.id, "string");
    assert.equal(cancelled.params.requestId, asked.id);
  });

  it("is told from one that the restored server asks while it is being filled, which is answered", async () => {
    const gets: ServerResponse[] = [];
    const asked = Promise.withResolvers<void>();
    await using upstream = await startUpstream(async ({ http, headers, message, initializes }, response) => {
      const isNew = headers["mcp-session-id"] === "s2";
      if (http === "GET") {
        response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
        gets.push(response);
        if (initializes === 1) response.write('data: {"jsonrpc":"2.0","id":0,"method":"roots/list"}\n\n');
        return true;
      }
      if (message["method"] !== "resources/subscribe" || !isNew) return undefined;
      // The client has the question before the restore is over.
      (await nth(gets, 2)).write('data: {"jsonrpc":"2.0","id":0,"method":"roots/list","params":{"new":true}}\n\n');
      await asked.promise;
      return undefined;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const session = await openSession(holdfast.url, { capabilities: { roots: {} } });
    await session.post('{"jsonrpc":"2.0","id":5,"method":"resources/subscribe","params":{"uri":"test://one"}}');
    const listener = await listen(session);
    await listener.until("roots/list");
    upstream.forget("s1");
    gets[0]?.destroy();
    await listener.until('"new":true');
    const [, id = ""] = /"id":([^,]+),"method":"roots\/list","params":\{"new":true/.exec(listener.text()) ?? [];
    assert.notEqual(id, "0");
    const answered = session.post(`{"jsonrpc":"2.0","id":${id},"result":{"roots":[]}}`);
    const stale = session.post('{"jsonrpc":"2.0","id":0,"result":{"roots":["stale"]}}');
    assert.equal((await stale).status, 202);
    asked.resolve();
    assert.equal((await answered).status, 202);
    const answers = upstream.seen.filter(({ http, message }) => http === "POST" && "result" in message);
    assert.deepEqual(
      answers.map(({ body, headers }) => [body, headers["mcp-session-id"]]),
      [['{"jsonrpc":"2.0","id":0,"result":{"roots":[]}}', "s2"]],
    );
    listener.leave();
  });

  it("is not answered at all after our own restart, where nobody knows any more who asked", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url, { capabilities });
    const answer = { jsonrpc: "2.0", id: 7, result: { action: "accept" } };
    await holdfast.kill();
    await holdfast.restart();
    // The server that asked is still there.
    assert.equal((await client.post(answer)).status, 202);
    await eventually(() => upstream.names().includes("response") || undefined, "the answer at the server");
    upstream.forget("s1");
    await client.request("ping");
    const since = upstream.seen.length;
    assert.equal((await client.post(answer)).status, 202);
    await client.request("ping");
    assert.deepEqual(upstream.names(since), ["ping"]);
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
