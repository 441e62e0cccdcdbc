// Real clients lose their network in the middle of a call and come back by themselves; the server is a real one too. The network is a TCP relay that
// the test cuts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { startHoldfast } from "../support/holdfast.ts";
import { networkTo, reconnectionOptions } from "../support/network.ts";
import { textOf } from "../support/tool-result.ts";
import { everything } from "../support/upstreams.ts";

const long = (seconds: number) => ({
  name: "trigger-long-running-operation",
  arguments: { duration: seconds, steps: seconds * 2 },
});
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("@modelcontextprotocol/sdk 1.32, calling a long tool of server-everything", { concurrency: true }, () => {
  it("gets every progress message once and the answer, although its network was away in between", async () => {
    await using upstream = await everything();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--stream-open-after", "0.3"] });
    await using network = await networkTo(holdfast.url);
    const client = new Client({ name: "holdfast-tests", version: "1.0.0" });
    await client.connect(new StreamableHTTPClientTransport(new URL(network.url), { reconnectionOptions }));
    const steps: number[] = [];
    const began = Promise.withResolvers<void>();
    const answer = client.callTool(long(5), undefined, {
      onprogress: ({ progress }) => {
        steps.push(progress);
        began.resolve();
      },
    });
    await began.promise;
    network.down();
    await pause(2_000);
    network.up();
    assert.match(textOf(await answer), /completed/i);
    assert.deepEqual(
      steps,
      Array.from({ length: 10 }, (_, index) => index + 1),
    );
    await client.close();
  });

  it("gets an answer that came while its network was away", async () => {
    await using upstream = await everything();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--stream-open-after", "0.3"] });
    await using network = await networkTo(holdfast.url);
    const client = new Client({ name: "holdfast-tests", version: "1.0.0" });
    await client.connect(new StreamableHTTPClientTransport(new URL(network.url), { reconnectionOptions }));
    const answer = client.callTool(long(2));
    await pause(1_000);
    network.down();
    await pause(3_000);
    network.up();
    assert.match(textOf(await answer), /completed/i);
    await client.close();
  });

  it("goes on in another process of the client with its session id and resumption token", async () => {
    await using upstream = await everything();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--stream-open-after", "0.3"] });
    const first = new Client({ name: "holdfast-tests", version: "1.0.0" });
    const transport = new StreamableHTTPClientTransport(new URL(holdfast.url));
    await first.connect(transport);
    const token = Promise.withResolvers<string>();
    const left = first.callTool(long(3), undefined, { onresumptiontoken: token.resolve });
    left.catch(() => {});
    const resumptionToken = await token.promise;
    const { sessionId } = transport;
    await first.close();
    const second = new Client({ name: "holdfast-tests", version: "1.0.0" });
    const again = new StreamableHTTPClientTransport(
      new URL(holdfast.url),
      sessionId === undefined ? {} : { sessionId },
    );
    await second.connect(again);
    const answer = await second.callTool(long(3), undefined, { resumptionToken });
    assert.match(textOf(answer), /completed/i);
    await second.close();
  });
});
