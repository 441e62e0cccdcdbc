// Gateways that serve both eras from a stdio server, behind Holdfast: clients of both eras, servers of one or both, and a restart of the gateway.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { client2 } from "../support/era-callers.ts";
import {
  behindMcpProxy,
  behindSupergateway4,
  eraServerOverStdio,
  everythingOverStdio,
} from "../support/era-gateways.ts";
import { startHoldfast } from "../support/holdfast.ts";

const gateways = { "supergateway 4.0.0": behindSupergateway4, "mcp-proxy 6.7.19": behindMcpProxy };

/** `text`: how the tool `echo` names its argument. */
const servers = {
  legacy: { command: everythingOverStdio, text: "message" },
  modern: { command: eraServerOverStdio("modern"), text: "text" },
  "dual-era": { command: eraServerOverStdio("legacy"), text: "text" },
};

/** supergateway passes on what its server speaks, mcp-proxy speaks both whatever its server does. Legacy throughout is held in restart-*.test.ts. */
const meetings = [
  ["supergateway 4.0.0", "legacy", "modern", "ML"],
  ["supergateway 4.0.0", "modern", "legacy", "LM"],
  ["supergateway 4.0.0", "modern", "modern", "MM"],
  ["supergateway 4.0.0", "dual-era", "modern", "MM"],
  ["mcp-proxy 6.7.19", "legacy", "modern", "MM"],
  ["mcp-proxy 6.7.19", "modern", "legacy", "LL"],
  ["mcp-proxy 6.7.19", "modern", "modern", "MM"],
] as const;

describe("a gateway whose process dies and comes back", () => {
  for (const [gateway, kind, era, pair] of meetings) {
    it(`is not missed by a ${era} client where it is ${gateway} in front of a ${kind} server (${pair})`, async () => {
      const { command, text } = servers[kind];
      await using upstream = await gateways[gateway](command);
      await using holdfast = await startHoldfast(upstream.url);
      await using caller = await client2(holdfast.url, era === "modern" ? "pinned" : "legacy");
      const echo = async (said: string) => JSON.stringify(await caller.call("echo", { [text]: said }));
      assert.match(await echo("one"), /one/);
      await upstream.restart();
      assert.match(await echo("two"), /two/);
      await holdfast.stop();
      const pairs = holdfast.requests("tools/call").map((line) => line["era_pair"]);
      assert.deepEqual(pairs, [pair, pair]);
    });
  }
});
