// What a client answers to its server's questions: passed once the server takes it, whatever came between, and never to another question.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { openSession } from "../support/raw-client.ts";
import { sendJson, startUpstream, type Upstream } from "./recovery-upstream.ts";
import { call, nth, result } from "./streams-scene.ts";

const capabilities = { sampling: {} };
const ask = (text: string) =>
  `data: ${JSON.stringify({ jsonrpc: "2.0", id: 0, method: "sampling/createMessage", params: { text } })}\n\n`;
/** As the TypeScript SDK writes it: the id stands at the end. */
const answer = (id: string, length: number) => `{"result":{"text":"${"x".repeat(length)}"},"jsonrpc":"2.0","id":${id}}`;

/** Each call gets a stream, which the test writes. */
async function startAsking(): Promise<{ readonly upstream: Upstream; readonly calls: ServerResponse[] }> {
  const calls: ServerResponse[] = [];
  const upstream = await startUpstream(({ headers, message }, response) => {
    if (headers.authorization === "Bearer old.x.y")
      return sendJson(response, 401, {}, { "www-authenticate": "Bearer" });
    if (message["method"] !== "tools/call") return undefined;
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    calls.push(response);
    return true;
  });
  return { upstream, calls };
}

function answers({ seen }: Upstream): readonly string[] {
  return seen.filter(({ http, message }) => http === "POST" && "result" in message).map(({ body }) => body);
}

describe("an answer to a question", { timeout: 30_000, concurrency: true }, () => {
  it("that the server refused for an old token is passed with a fresh one, also on a restored session", async () => {
    const { upstream, calls } = await startAsking();
    await using _ = upstream;
    await using holdfast = await startHoldfast(upstream.url, {
      args: ["--front", "--principal", "header:X-User", "--trust-proxy", "127.0.0.1"],
    });
    const session = await openSession(holdfast.url, { capabilities, headers: { "x-user": "a" } });
    upstream.forget("s1");
    assert.equal((await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status, 200);
    const asking = await session.open({ body: call(2) });
    const stream = await nth(calls, 1);
    stream.write(ask("?"));
    await asking.until("sampling/createMessage");
    const old = { authorization: "Bearer old.x.y" };
    assert.equal((await session.post(answer("0", 1), { ...old })).status, 401);
    assert.deepEqual((await session.post(answer("0", 2))).status, 202);
    assert.deepEqual(answers(upstream), [answer("0", 1), answer("0", 2)]);
    stream.end(`data: ${result(2)}\n\n`);
    await asking.ended;
  });

  it("of more than a megabyte is noted, so that the next question of that id after a restore keeps it", async () => {
    const { upstream, calls } = await startAsking();
    await using _ = upstream;
    await using holdfast = await startHoldfast(upstream.url);
    const session = await openSession(holdfast.url, { capabilities });
    for (const number of [1, 2]) {
      const asking = await session.open({ body: call(number) });
      const stream = await nth(calls, number);
      stream.write(ask("?"));
      await asking.until('"id":0,"method":"sampling/createMessage"');
      assert.equal((await session.post(answer("0", 1_200_000))).status, 202);
      stream.end(`data: ${result(number)}\n\n`);
      await asking.ended;
      upstream.forget("s1");
    }
    assert.deepEqual(answers(upstream), [answer("0", 1_200_000), answer("0", 1_200_000)]);
  });

  it("of more than a megabyte goes to its own of two questions of one id, under the server's id", async () => {
    const { upstream, calls } = await startAsking();
    await using _ = upstream;
    await using holdfast = await startHoldfast(upstream.url);
    const session = await openSession(holdfast.url, { capabilities });
    const alpha = await session.open({ body: call(1) });
    const lost = await nth(calls, 1);
    lost.write(ask("alpha?"));
    await alpha.until("alpha?");
    upstream.forget("s1");
    lost.destroy();
    await alpha.ended;
    const beta = await session.open({ body: call(2) });
    const stream = await nth(calls, 2);
    stream.write(ask("beta?"));
    await beta.until("beta?");
    const [, id = ""] = /"id":("[^"]+"),"method":"sampling/.exec(beta.text()) ?? [];
    assert.equal((await session.post(answer("0", 1_200_000))).status, 202);
    assert.equal((await session.post(answer(id, 1_200_001))).status, 202);
    assert.deepEqual(answers(upstream), [answer("0", 1_200_001)]);
    stream.end(`data: ${result(2)}\n\n`);
    await beta.ended;
  });
});
