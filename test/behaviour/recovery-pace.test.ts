// Trouble that lasts is met again and again, and each time more slowly: a server that answers OPTIONS and nothing else must not be overrun by those who wait for it.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startHoldfast } from "../support/holdfast.ts";
import { connect, errorCode, eventually } from "./recovery-scene.ts";
import { type Seen, sendJson, startUpstream, type Upstream } from "./recovery-upstream.ts";

/** A client, a server that answers everything at first, and from the order on as `trouble` says; OPTIONS it answers always. */
async function startTroubled(trouble: (seen: Seen, response: ServerResponse) => true | undefined) {
  await using resources = new AsyncDisposableStack();
  const state = { troubled: false };
  const upstream = await startUpstream((seen, response) => {
    if (seen.http === "OPTIONS") {
      response.writeHead(204).end();
      return true;
    }
    return state.troubled ? trouble(seen, response) : undefined;
  });
  resources.use(upstream);
  const holdfast = resources.use(await startHoldfast(upstream.url, { args: ["--recovery-window", "3"] }));
  const client = await connect(holdfast.url);
  await client.request("ping");
  const owned = resources.move();
  return { upstream, client, state, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const busy = (response: ServerResponse): true =>
  sendJson(response, 503, { jsonrpc: "2.0", id: null, error: { code: -32000, message: "Session limit reached" } });
const reset = (response: ServerResponse): true => {
  response.destroy();
  return true;
};
const count = ({ seen }: Upstream, what: (one: Seen) => boolean): number => seen.filter(what).length;
/** A doubling pause of 40 ms at first lets 3 s see seven tries. */
const mostTries = 10;

describe("a server whose OPTIONS are answered while nothing else is", () => {
  for (const [name, refuse] of Object.entries({ "refused as too many": busy, "broken off": reset })) {
    it(`is asked a few times for a new session where initialize is ${name}`, async () => {
      await using troubled = await startTroubled(({ message }, response) =>
        message["method"] === "initialize" ? refuse(response) : undefined,
      );
      const { upstream, client, state } = troubled;
      state.troubled = true;
      upstream.forget("s1");
      const answer = await client.request("tools/list");
      assert.notEqual(answer.error, undefined, answer.text);
      const initializes = upstream.names().filter((one) => one === "initialize").length;
      assert.ok(initializes > 3 && initializes <= 1 + mostTries, `${initializes} initializes`);
      const asked = count(upstream, ({ http }) => http === "OPTIONS");
      assert.ok(asked <= mostTries, `${asked} OPTIONS`);
    });
  }

  it("gives the waiting call its answer once it takes new sessions again", async () => {
    await using troubled = await startTroubled(({ message }, response) =>
      message["method"] === "initialize" ? busy(response) : undefined,
    );
    const { upstream, client, state } = troubled;
    state.troubled = true;
    upstream.forget("s1");
    const waiting = client.request("tools/list");
    await eventually(
      () => (upstream.names().filter((one) => one === "initialize").length > 4 ? true : undefined),
      "three tries",
    );
    state.troubled = false;
    assert.equal((await waiting).error, undefined);
  });

  it("is asked a few times whether it still holds a session", async () => {
    await using troubled = await startTroubled(({ http }, response) => {
      if (http !== "POST") return undefined;
      response.writeHead(503).end();
      return true;
    });
    const { upstream, client, state } = troubled;
    const before = upstream.names().length;
    state.troubled = true;
    assert.equal(errorCode(await client.request("tools/list")), "UPSTREAM_UNAVAILABLE");
    const asked = upstream.names(before).length;
    assert.ok(asked <= mostTries, `${asked} POSTs`);
  });

  it("is asked a few times for a stream, and no more when the client has left", async () => {
    await using troubled = await startTroubled(({ http }, response) => (http === "GET" ? reset(response) : undefined));
    const { upstream, client, state } = troubled;
    state.troubled = true;
    const left = new AbortController();
    const listening = fetch(client.url, { headers: client.headers, signal: left.signal }).catch(() => undefined);
    await eventually(() => (count(upstream, ({ http }) => http === "GET") > 3 ? true : undefined), "three tries");
    left.abort();
    await listening;
    // What comes after the client is nothing that could be awaited.
    await wait(1_500);
    const asked = count(upstream, ({ http }) => http === "GET");
    assert.ok(asked <= 6, `${asked} GETs`);
  });
});

describe("a server that ends each stream as soon as it is open", () => {
  it("is asked for another more and more slowly", async () => {
    await using troubled = await startTroubled(({ http }, response) => {
      if (http !== "GET") return undefined;
      response.writeHead(200, { "content-type": "text/event-stream" }).end();
      return true;
    });
    const { upstream, client, state } = troubled;
    state.troubled = true;
    const listener = await client.listen();
    await wait(2_000);
    const asked = count(upstream, ({ http }) => http === "GET");
    assert.ok(asked > 1 && asked <= mostTries, `${asked} GETs`);
    listener.close();
  });
});

describe("a server that closes its answer's stream and wants to be asked again after weeks", () => {
  it("is not asked at once", async () => {
    await using troubled = await startTroubled(({ message }, response) => {
      if (message["method"] !== "tools/call") return undefined;
      response.writeHead(200, { "content-type": "text/event-stream" }).end("id: 1\nretry: 3000000000\ndata:\n\n");
      return true;
    });
    const { upstream, client, state } = troubled;
    state.troubled = true;
    const left = new AbortController();
    const params = { name: "any", arguments: {} };
    const calling = client.request("tools/call", params, client.nextId(), left.signal).catch(() => undefined);
    await eventually(() => (upstream.names().includes("tools/call") ? true : undefined), "the call");
    await wait(1_000);
    const asked = count(upstream, ({ http }) => http === "GET");
    assert.ok(asked <= 1, `${asked} GETs`);
    left.abort();
    await calling;
  });
});

describe("a reopened stream that is refused with words of a lost session, on a session that works", () => {
  it("costs that session nothing", async () => {
    let streams = 0;
    await using troubled = await startTroubled(({ http }, response) => {
      if (http !== "GET") return undefined;
      streams += 1;
      if (streams > 1)
        return sendJson(response, 404, {
          jsonrpc: "2.0",
          id: null,
          error: { code: -32001, message: "Session not found" },
        });
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": open\n\n", () => setTimeout(() => response.end(), 50));
      return true;
    });
    const { upstream, client, state } = troubled;
    state.troubled = true;
    const listener = await client.listen();
    await eventually(() => (streams > 1 ? true : undefined), "a stream that was opened again");
    for (let calls = 0; calls < 20; calls++) assert.equal((await client.request("tools/list")).error, undefined);
    assert.equal(upstream.names().filter((one) => one === "initialize").length, 1);
    listener.close();
  });
});
