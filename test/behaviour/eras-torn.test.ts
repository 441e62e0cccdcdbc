// A modern client on a legacy server that dies in the middle of a large event, or says what is no JSON: that call alone is told, and nothing else is touched.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { ask } from "../support/modern-client.ts";
import { startUpstream } from "./recovery-upstream.ts";

const timeout = 30_000;
const events = { "content-type": "text/event-stream" };

describe("a modern call on a legacy server", { timeout, concurrency: true }, () => {
  for (const [name, begin] of Object.entries({
    "breaks off in the middle of a large event": `data: {"jsonrpc":"2.0","id":ID,"result":{"text":"${"x".repeat(300_000)}`,
    "breaks off in the middle of a small one": 'data: {"jsonrpc":"2.0","id":ID,"result":{"text":"x',
    "has an event that is no JSON": 'data: {"jsonrpc":"2.0","id":ID,"result":{"text":"x}}\n\n',
    "has half a question": 'data: {"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{"message":"\n\n',
  }))
    it(`whose answer ${name} is told so, and the next one is served`, async () => {
      let isTorn = false;
      await using upstream = await startUpstream(({ message: { id, method } }, response) => {
        if (method !== "tools/call" || isTorn) return undefined;
        isTorn = true;
        response.writeHead(200, events);
        response.write(begin.replace("ID", JSON.stringify(id)), () => setImmediate(() => response.destroy()));
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      const params = { name: "torn", arguments: {} };
      const torn = await ask(holdfast.url, "tools/call", { params });
      assert.equal(torn.message.error?.data?.code, "OUTCOME_UNKNOWN", torn.text);
      const next = await ask(holdfast.url, "tools/call", { params });
      assert.equal(next.status, 200, next.text);
      assert.doesNotMatch(next.text, /"error"/);
      assert.equal(await holdfast.stop(), 0);
    });
});

describe("a question that is no JSON in a place that is only scanned", { timeout }, () => {
  it("ends the call that it came with, and nothing else", async () => {
    let isAsked = false;
    const long = "x".repeat(1_200_000);
    await using upstream = await startUpstream(({ message: { method } }, response) => {
      if (method !== "tools/call" || isAsked) return undefined;
      isAsked = true;
      const params = `{"message":"${long}","requestedSchema":{"type":"object","properties":{}},"_meta":{"\\q":1}}`;
      response.writeHead(200, events);
      response.end(`data: {"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":${params}}\n\n`);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url, { args: ["--recovery-window", "1"] });
    const params = { name: "asks", arguments: {} };
    const asked = await ask(holdfast.url, "tools/call", { params, capabilities: { elicitation: {} } });
    assert.match(String(asked.message.error?.data?.code), /^(CONTINUATION_LOST|OUTCOME_UNKNOWN)$/, asked.text);
    assert.doesNotMatch((await ask(holdfast.url, "tools/call", { params })).text, /"error"/);
    assert.equal(await holdfast.stop(), 0);
  });
});
