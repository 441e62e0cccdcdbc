// Standalone streams against a real server that cannot bear two: supergateway 3.4.3 ends the session at the second one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { connectPlainly } from "../support/plain-client.ts";
import { memoryBehindSupergateway } from "../support/upstreams.ts";
import { assertRemembered, remember } from "./remembering.ts";

describe("a client that opens two standalone streams at once", () => {
  // @ai-sdk/mcp does so when the first is not answered before the server accepts `notifications/initialized`.
  it("opens one at the server and keeps the session", async () => {
    await using gateway = await memoryBehindSupergateway("3.4.3");
    await using holdfast = await startHoldfast(gateway.url);
    await using client = await connectPlainly(holdfast.url);
    const left = new AbortController();
    const headers = { accept: "text/event-stream", "mcp-session-id": client.sessionId() ?? "" };
    const open = () => fetch(holdfast.url, { headers, signal: left.signal });
    try {
      const streams = await Promise.all([open(), open()]);
      assert.deepEqual(
        streams.map(({ status }) => status),
        [200, 200],
      );
      await remember(client, "Anna");
      await assertRemembered(client, "Anna");
      assert.doesNotMatch(gateway.output(), /Only one SSE stream/);
      assert.equal(gateway.output().match(/"method":"initialize"/g)?.length, 1);
    } finally {
      left.abort();
    }
  });
});
