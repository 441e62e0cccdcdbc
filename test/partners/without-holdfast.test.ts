// The same parts without Holdfast: they work, and a restart breaks them. Proves that the tests beside it prove something.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clients, sdk1 } from "../support/clients.ts";
import { everything, memoryBehindSupergateway, type Upstream } from "../support/upstreams.ts";
import { assertRemembered, remember } from "./remembering.ts";

const refusals: readonly [name: string, start: () => Promise<Upstream>, tool: string, refusal: RegExp][] = [
  ["server-everything", everything, "get-sum", /No valid session ID provided/],
  ["supergateway 3.4.3", () => memoryBehindSupergateway("3.4.3"), "read_graph", /No valid session ID provided/],
  ["supergateway 4.0.0", () => memoryBehindSupergateway("4.0.0"), "read_graph", /Session not found/],
];

describe("a client connected to the server directly", () => {
  for (const { name, connect } of clients) {
    it(`lists and calls tools with ${name}`, async () => {
      await using server = await memoryBehindSupergateway("3.4.3");
      await using client = await connect(server.url);
      assert.ok((await client.listTools()).includes("read_graph"));
      await remember(client, "Anna");
      await assertRemembered(client, "Anna");
    });
  }

  for (const [name, start, tool, refusal] of refusals) {
    it(`fails every call after a restart of ${name}`, async () => {
      await using server = await start();
      await using client = await sdk1.connect(server.url);
      const args = tool === "get-sum" ? { a: 1, b: 2 } : {};
      await client.callTool(tool, args);
      await server.restart({ signal: "SIGKILL" });
      await assert.rejects(client.callTool(tool, args), refusal);
      await assert.rejects(client.callTool(tool, args), refusal);
    });
  }
});
