// The real thing in its real time: a call of five minutes whose client has no network for one of them. It takes six minutes, so `npm run test:long` runs it and `npm test` does not.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { startHoldfast } from "../support/holdfast.ts";
import { networkTo, reconnectionOptions as untiring } from "../support/network.ts";
import { temporaryDirectory } from "../support/process.ts";
import { textOf } from "../support/tool-result.ts";
import { everything } from "../support/upstreams.ts";

const callSeconds = 300;
const awayMs = 60_000;
const reconnectionOptions = { ...untiring, maxRetries: 1_000 };
const everythingScript = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));

interface Server extends AsyncDisposable {
  readonly url: string | undefined;
  readonly args: readonly string[];
  /** How many tool calls it has read. */
  calls(): number;
}

const servers: Readonly<Record<string, () => Promise<Server>>> = {
  "on Streamable HTTP": async () => {
    const server = await everything();
    // Each POST leaves a line: initialize, notifications/initialized, and what comes after them.
    const posts = () => server.output().match(/Received MCP POST request/g)?.length ?? 0;
    return { url: server.url, args: [], calls: () => posts() - 2, [Symbol.asyncDispose]: () => server.stop() };
  },
  "on stdio": async () => {
    const directory = await temporaryDirectory();
    const read = join(directory.path, "read");
    const line = `tee '${read}' | '${process.execPath}' '${everythingScript}' stdio`;
    return {
      url: undefined,
      args: ["--", "sh", "-c", line],
      calls: () => readFileSync(read, "utf8").match(/"method":"tools\/call"/g)?.length ?? 0,
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  },
};

const outages = {
  "from the first minute to the second": 60_000,
  "when the answer comes": callSeconds * 1000 - awayMs / 2,
} as const;

describe("a call of five minutes on server-everything, whose client has no network for a minute", {
  concurrency: true,
  timeout: 8 * 60_000,
}, () => {
  for (const [where, start] of Object.entries(servers)) {
    for (const [when, afterMs] of Object.entries(outages)) {
      it(`${where}, ${when}: the client comes back to the answer and to every progress message once, and the server ran the call once`, async (test) => {
        await using server = await start();
        await using holdfast = await startHoldfast(server.url, { args: server.args });
        await using network = await networkTo(holdfast.url);
        const client = new Client({ name: "holdfast-tests", version: "1.0.0" });
        await client.connect(new StreamableHTTPClientTransport(new URL(network.url), { reconnectionOptions }));
        const steps: number[] = [];
        const startedMs = performance.now();
        const answer = client.callTool(
          { name: "trigger-long-running-operation", arguments: { duration: callSeconds, steps: callSeconds / 5 } },
          undefined,
          { onprogress: ({ progress }) => steps.push(progress), timeout: (callSeconds + 120) * 1000 },
        );
        await pause(afterMs);
        network.down();
        const before = steps.length;
        await pause(awayMs);
        assert.equal(steps.length, before, "nothing passes while the network is away");
        network.up();
        const text = textOf(await answer);
        test.diagnostic(`after ${Math.round((performance.now() - startedMs) / 1000)} s: ${text}`);
        assert.match(text, /completed/i);
        assert.deepEqual(
          steps,
          Array.from({ length: callSeconds / 5 }, (_, index) => index + 1),
        );
        assert.equal(server.calls(), 1);
        await client.close();
      });
    }
  }
});
