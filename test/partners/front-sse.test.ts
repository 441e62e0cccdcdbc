// A server with the transport of 2024-11-05 behind --front: it passes as whatever else the server has, event by event, and nothing of it is restored.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { startHoldfast } from "../support/holdfast.ts";
import { everythingOverSse } from "../support/wire-upstreams.ts";

describe("server-everything over HTTP+SSE behind --front", { timeout: 60_000 }, () => {
  it("is used by the official client with progress, and its stream ends with it", async () => {
    await using server = await everythingOverSse();
    const { origin } = new URL(server.url);
    await using holdfast = await startHoldfast(`${origin}/mcp`, { args: ["--front"] });
    await using client = await openClient(`http://127.0.0.1:${holdfast.port}/sse`);
    const steps: number[] = [];
    const call = { name: "trigger-long-running-operation", arguments: { duration: 0.6, steps: 3 } };
    const result = await client.sdk.callTool(call, undefined, { onprogress: ({ progress }) => steps.push(progress) });
    assert.match(JSON.stringify(result), /completed/);
    // The last one may be overtaken in the client, which lets go of the call with its answer.
    assert.deepEqual(steps.slice(0, 2), [1, 2]);
    await server.kill();
    await client.cut;
  });
});

async function openClient(url: string) {
  const sdk = new Client({ name: "old", version: "1" });
  const cut = new Promise<void>((resolve) => {
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- this client has nothing else
    sdk.onerror = () => resolve();
  });
  await sdk.connect(new SSEClientTransport(new URL(url)));
  return { sdk, cut, [Symbol.asyncDispose]: () => sdk.close() };
}
