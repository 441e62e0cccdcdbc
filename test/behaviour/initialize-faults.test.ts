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

describe("an initialize request", () => {
  const padded = (bytes: number) => {
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "", version: "1" } };
    const empty = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
    return empty.replace('"name":""', `"name":"${"x".repeat(bytes - empty.length)}"`);
  };

  it("of one MiB is kept, and sent again when its session is lost", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const client = new RawClient(holdfast.url);
    const opened = await client.post(padded(1024 * 1024));
    assert.equal(opened.status, 200, opened.text);
    client.headers["mcp-session-id"] = opened.headers.get("mcp-session-id") ?? "";
    await client.notify("notifications/initialized");
    upstream.forget("s1");
    assert.deepEqual((await client.request("tools/list")).result, {});
  });

  it("of one byte more is refused with the reason, and opens nothing at the server", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const refused = await new RawClient(holdfast.url).post(padded(1024 * 1024 + 1));
    assert.deepEqual([refused.status, errorCode(refused)], [413, "BODY_TOO_LARGE"]);
    assert.match(refused.error?.message ?? "", /may have 1 MiB/);
    assert.deepEqual(upstream.names(), []);
  });

  it("waits for a server behind a gateway that answers OPTIONS for it", async () => {
    let isAway = true;
    await using upstream = await startUpstream(({ http }, response) => {
      if (http === "OPTIONS") {
        response.writeHead(204).end();
        return true;
      }
      if (!isAway) return undefined;
      response.writeHead(502, { "content-type": "text/html" }).end("<h1>502 Bad Gateway</h1>");
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const connecting = connect(holdfast.url);
    while (upstream.names().length < 4) await new Promise((resolve) => setTimeout(resolve, 10));
    isAway = false;
    assert.deepEqual((await (await connecting).request("tools/list")).result, {});
  });

  it("of a restore waits for a server that counts how many are opened at a time", async () => {
    let tooMany = 3;
    await using upstream = await startUpstream(({ message, initializes }, response) => {
      if (message["method"] !== "initialize" || initializes === 1 || tooMany === 0) return undefined;
      tooMany -= 1;
      response.writeHead(429, { "retry-after": "1", "content-type": "text/plain" }).end("Too many requests");
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("ping");
    upstream.forget("s1");
    assert.deepEqual((await client.request("tools/list")).result, {});
    // It is there, and whoever has a session goes on.
    assert.equal(await holdfast.stop(), 0);
    assert.ok(!holdfast.output().includes("server away"));
  });
});
