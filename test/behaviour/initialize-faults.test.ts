// What can go wrong with the answer to initialize, a client's own and that of a restore: opening a session twice does no harm, so it is asked for again.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { connect, errorCode, RawClient } from "./recovery-scene.ts";
import { initializeResult, type Seen, startUpstream } from "./recovery-upstream.ts";

const resultOf = ({ message }: Seen): string =>
  JSON.stringify({ jsonrpc: "2.0", id: message["id"], result: initializeResult("2025-11-25") });
const stream = { "content-type": "text/event-stream", "mcp-session-id": "torn" };

const torn: Readonly<Record<string, (seen: Seen, response: ServerResponse) => void>> = {
  "breaks off in the middle of its JSON": (seen, response) => {
    const text = resultOf(seen);
    response.writeHead(200, { "content-type": "application/json", "content-length": text.length });
    response.write(text.slice(0, 60), () => response.destroy());
  },
  "is a stream that ends without it": (_, response) => {
    response.writeHead(200, stream).end(": nothing\n\n");
  },
  "is a stream that breaks in the middle of it": (seen, response) => {
    response.writeHead(200, stream);
    response.write(`data: ${resultOf(seen).slice(0, 60)}`, () => response.destroy());
  },
  "is a gateway's 504": (_, response) => {
    response.writeHead(504, { "content-type": "text/html" }).end("<h1>504 Gateway Time-out</h1>");
  },
};

for (const [name, answer] of Object.entries(torn)) {
  describe(`an answer to initialize that ${name}`, () => {
    for (const whose of ["a client's own", "that of a restore"]) {
      it(`is asked for once more: ${whose}`, async () => {
        const wrong = whose === "a client's own" ? 1 : 2;
        await using upstream = await startUpstream((seen, response) => {
          if (seen.message["method"] !== "initialize" || seen.initializes !== wrong) return undefined;
          answer(seen, response);
          return true;
        });
        await using holdfast = await startHoldfast(upstream.url);
        const client = await connect(holdfast.url);
        upstream.forget("s1");
        const got = await client.request("tools/list");
        assert.equal(got.error, undefined, got.text);
        assert.equal(upstream.names().filter((one) => one === "initialize").length, wrong + 1);
      });
    }
  });
}

describe("an answer to initialize that never comes whole", () => {
  it("is INITIALIZE_FAILED after two of them", async () => {
    await using upstream = await startUpstream((_, response) => {
      response.writeHead(200, stream).end(": nothing\n\n");
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const got = await new RawClient(holdfast.url).initialize();
    assert.equal(errorCode(got), "INITIALIZE_FAILED", got.text);
    assert.equal(upstream.names().filter((one) => one === "initialize").length, 2);
  });
});

describe("an initialize that many small events precede", () => {
  it("holds nobody up, a client's own and that of a restore", async () => {
    const note = `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n`;
    await using upstream = await startUpstream((seen, response) => {
      if (seen.message["method"] !== "initialize") return undefined;
      response.writeHead(200, { ...stream, "mcp-session-id": `s${seen.initializes}` });
      const events = Math.floor(990_000 / note.length);
      void (async () => {
        for (let sent = 0; sent < events; sent += 20)
          if (!response.write(note.repeat(20))) await once(response, "drain");
        response.end(`data: ${resultOf(seen)}\n\n`);
      })();
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const startedMs = performance.now();
    const client = await connect(holdfast.url);
    upstream.forget("s1");
    assert.equal((await client.request("tools/list")).error, undefined);
    // Each took more than ten seconds when every chunk had all before it read again.
    assert.ok(performance.now() - startedMs < 6_000);
  });
});

describe("a client that leaves after its initialize was answered", () => {
  it("takes the rest of the server's stream with it", async () => {
    const closed = Promise.withResolvers<void>();
    await using upstream = await startUpstream((seen, response) => {
      if (seen.message["method"] !== "initialize") return undefined;
      response.once("close", closed.resolve);
      response.writeHead(200, stream);
      response.write(`data: ${resultOf(seen)}\n\n`);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const left = new AbortController();
    const clientInfo = { name: "leaver", version: "1" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const { headers } = new RawClient(holdfast.url);
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
    const answered = await fetch(holdfast.url, { method: "POST", headers, body, signal: left.signal });
    assert.equal(answered.status, 200);
    left.abort();
    await closed.promise;
  });
});
