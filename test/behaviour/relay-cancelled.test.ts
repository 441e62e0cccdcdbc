// A call that its client cancelled, at a server that says no more about it: nothing of it stays behind, in Holdfast or at its drain. The official SDK's servers keep the stream of such a call open.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { openSession } from "../support/raw-client.ts";
import { connectWebSocket } from "../support/wire-clients.ts";
import { eventually } from "./recovery-scene.ts";
import { sendJson, startUpstream } from "./recovery-upstream.ts";

const call = (id: number, name: string) =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: {} } });
const cancelled = (requestId: number) =>
  JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
const logged = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"begun"}}';
const answerTo = (id: unknown) => ({ jsonrpc: "2.0", id, result: { content: [] } });

/** Begins a stream for `stream`, says nothing to `silence`, and keeps both open for the test. */
async function silentServer() {
  const calls = new Map<unknown, ServerResponse>();
  const left: unknown[] = [];
  const upstream = await startUpstream(({ http, message }, response) => {
    const { id, method, params } = message as { id?: unknown; method?: string; params?: { name?: string } };
    if (http !== "POST" || method !== "tools/call") return undefined;
    if (params?.name === "echo") return sendJson(response, 200, answerTo(id));
    calls.set(id, response);
    response.on("close", () => left.push(id));
    if (params?.name === "stream")
      response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${logged}\n\n`);
    return true;
  });
  return { ...upstream, calls, left, [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose]() };
}

for (const name of ["stream", "silence"]) {
  describe(`a cancelled call at a server that answers it with ${name}`, { timeout: 60_000, concurrency: true }, () => {
    it("ends without an answer, for the client and at the server, and the call beside it goes on", async () => {
      await using server = await silentServer();
      await using holdfast = await startHoldfast(server.url);
      const session = await openSession(holdfast.url);
      const unwanted = session.open({ body: call(1, name) });
      const wanted = session.open({ body: call(2, "stream") });
      await eventually(() => server.calls.size === 2 || undefined, "both calls at the server");
      assert.equal((await session.post(cancelled(1))).status, 202);
      const over = await unwanted;
      await over.ended;
      assert.doesNotMatch(over.text(), /"id":1/);
      await eventually(() => server.left.includes(1) || undefined, "the end of the exchange at the server");
      assert.ok(!server.left.includes(2));
      server.calls.get(2)?.end(`data: ${JSON.stringify(answerTo(2))}\n\n`);
      await (await wanted).until(/"id":2/);
      await holdfast.stop();
      const [line] = holdfast.requests("tools/call").filter(({ jsonrpc_id }) => jsonrpc_id === "1");
      assert.deepEqual([line?.["recovery"], line?.["error_code"]], ["cancelled", "-"]);
    });

    it("gets no word on a WebSocket, which goes on", async () => {
      await using server = await silentServer();
      await using holdfast = await startHoldfast(server.url);
      await using client = await connectWebSocket(`ws://127.0.0.1:${holdfast.port}/ws`);
      await client.initialize();
      await client.send(call(1, name));
      await eventually(() => server.calls.get(1), "the call at the server");
      await client.send(cancelled(1));
      await eventually(() => server.left.includes(1) || undefined, "the end of the exchange at the server");
      await client.ask(2, "ping");
      assert.ok(!client.texts.some((text) => JSON.parse(text).id === 1));
    });

    it("holds up no drain", async () => {
      await using server = await silentServer();
      await using holdfast = await startHoldfast(server.url);
      const session = await openSession(holdfast.url);
      const unwanted = session.open({ body: call(1, name) });
      await eventually(() => server.calls.get(1), "the call at the server");
      await session.post(cancelled(1));
      // `stop` kills who is not gone within ten seconds.
      assert.equal(await holdfast.stop(), 0);
      await (await unwanted).ended;
    });
  });
}

describe("a cancelled call whose answer was on its way", { timeout: 60_000 }, () => {
  it("passes the answer as it came", async () => {
    await using server = await silentServer();
    await using holdfast = await startHoldfast(server.url);
    const session = await openSession(holdfast.url);
    const asked = session.open({ body: call(1, "stream") });
    await eventually(() => server.calls.get(1), "the call at the server");
    await session.post(cancelled(1));
    server.calls.get(1)?.end(`data: ${JSON.stringify(answerTo(1))}\n\n`);
    await (await asked).until(/"id":1,"result"/);
  });
});
