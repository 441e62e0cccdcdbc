// Streams that their server ends on purpose, wants to be asked for again, or tears: how often it is asked, and what a client reads of a half.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { openSession } from "../support/raw-client.ts";
import { connect, eventually } from "./recovery-scene.ts";
import { startUpstream } from "./recovery-upstream.ts";
import { call, listen } from "./streams-scene.ts";

const timeout = 30_000;
const events = { "content-type": "text/event-stream" };

/** Those that a client reads as messages: of no type, or of that one (HTML, server-sent events). */
function messages(text: string): readonly string[] {
  const all = text.split("\n\n").filter((event) => !/^event: (?!message)/m.test(event));
  return all.map((event) => /^data: (.+)$/m.exec(event)?.[1] ?? "").filter((data) => data !== "");
}

describe("an answer stream that its server ends on purpose", { timeout, concurrency: true }, () => {
  for (const [name, poll] of [
    ["the same id again", "id: p\nretry: 20\ndata: \n\n"],
    ["an id without a message, and no comment either", "id: p\nretry: 20\n\n"],
  ] as const)
    it(`is asked for as long as it takes, where each time it brings ${name}`, async () => {
      let polls = 0;
      await using upstream = await startUpstream(({ http, headers, message }, response) => {
        const isPoll = http === "GET" && headers["last-event-id"] === "p";
        if (message["method"] !== "tools/call" && !isPoll) return undefined;
        if (isPoll) polls += 1;
        const answer = 'id: q\ndata: {"jsonrpc":"2.0","id":7,"result":{"done":true}}\n\n';
        response.writeHead(200, events).end(polls < 9 ? (polls === 0 ? "id: p\nretry: 20\ndata: \n\n" : poll) : answer);
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      const client = await connect(holdfast.url);
      const answer = await client.request("tools/call", { name: "long" }, 7);
      assert.deepEqual(answer.result, { done: true }, answer.text);
      assert.equal(polls, 9);
    });
});

describe("an event that is torn in the middle", { timeout, concurrency: true }, () => {
  for (const length of [500, 300_000])
    it(`is no message to the client, and the whole one follows (${length} bytes)`, async () => {
      const whole = `{"jsonrpc":"2.0","id":7,"result":{"text":"${"x".repeat(length)}"}}`;
      await using upstream = await startUpstream(({ http, headers, message }, response) => {
        if (http === "GET" && headers["last-event-id"] === "a") {
          response.writeHead(200, events).end(`id: b\ndata: ${whole}\n\n`);
          return true;
        }
        if (message["method"] !== "tools/call") return undefined;
        response.writeHead(200, events).write("id: a\ndata: \n\n");
        response.write(`id: b\ndata: ${whole.slice(0, -length / 2)}`, () => setImmediate(() => response.destroy()));
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      const session = await openSession(holdfast.url);
      const answer = await session.post(call(7));
      assert.deepEqual(messages(answer.text), [whole]);
    });
});

describe("a standing stream that its server ends", { timeout }, () => {
  it("is opened again no sooner than the server wants", async () => {
    const opened: number[] = [];
    await using upstream = await startUpstream(({ http }, response) => {
      if (http !== "GET") return undefined;
      opened.push(performance.now());
      response.writeHead(200, events).write("retry: 1500\nid: r\ndata: \n\n");
      setTimeout(() => response.end(), 1_100);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const session = await openSession(holdfast.url);
    const listener = await listen(session);
    await eventually(() => opened.length === 2 || undefined, "the second GET");
    const [first = 0, second = 0] = opened;
    // Less the jitter of a fifth.
    assert.ok(second - first >= 1_100 + 1_200 - 20, `${second - first} ms`);
    listener.leave();
  });
});
