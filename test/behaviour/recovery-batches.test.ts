// Batches of 2025-03-26 are recovered as what they are made of: what they leave in a session, what they cancel, what of them may be sent again.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { connect, eventually, type Message, RawClient } from "./recovery-scene.ts";
import { type Script, sendJson, startUpstream } from "./recovery-upstream.ts";

const timeout = 30_000;
const version = { protocolVersion: "2025-03-26" };
const request = (id: number, method: string, params: object = {}) => ({ jsonrpc: "2.0", id, method, params });
const say = (method: string, params: object = {}) => ({ jsonrpc: "2.0", method, params });

/** Answers each request of a batch with an empty result; `meets` may take the batch first. */
const batches =
  (meets: Script = () => undefined): Script =>
  async (seen, response) => {
    const batch: unknown = seen.message;
    if (!Array.isArray(batch)) return undefined;
    if ((await meets(seen, response)) === true) return true;
    const asked = (batch as Message[]).filter(({ id }) => id !== undefined);
    if (asked.length === 0) {
      response.writeHead(202).end();
      return true;
    }
    return sendJson(
      response,
      200,
      asked.map(({ id }) => ({ jsonrpc: "2.0", id, result: {} })),
    );
  };

/** A client that has initialized and not said so yet. */
async function openSilently(url: string, protocolVersion: string): Promise<RawClient> {
  const client = new RawClient(url);
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: "silent", version: "1" } };
  const { headers } = await client.request("initialize", params);
  client.headers["mcp-session-id"] = headers.get("mcp-session-id") ?? "";
  return client;
}

describe("a batch", { timeout, concurrency: true }, () => {
  it("leaves a log level, subscriptions and the word that the client is initialized, which are put back", async () => {
    await using upstream = await startUpstream(batches());
    await using holdfast = await startHoldfast(upstream.url);
    const client = await openSilently(holdfast.url, version.protocolVersion);
    const level = request(1, "logging/setLevel", { level: "warning" });
    const subscribe = request(2, "resources/subscribe", { uri: "test://one" });
    const answer = await client.post([say("notifications/initialized"), level, subscribe]);
    assert.equal(answer.messages.length, 2, answer.text);
    upstream.forget("s1");
    const since = upstream.seen.length;
    await client.request("ping");
    const back = upstream.names(since).slice(1);
    assert.deepEqual(back.toSorted(), [
      "initialize",
      "logging/setLevel",
      "notifications/initialized",
      "ping",
      "resources/subscribe",
    ]);
  });

  it("of what may be repeated is asked again when its answer breaks off, and of anything else is not", async () => {
    let cuts = 0;
    await using upstream = await startUpstream(
      batches((_seen, response) => {
        cuts += 1;
        if (cuts % 2 === 1) response.destroy();
        return cuts % 2 === 1;
      }),
    );
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url, version);
    const again = await client.post([request(1, "ping"), request(2, "tools/list")]);
    assert.deepEqual(
      again.messages.map(({ result }) => result),
      [{}, {}],
    );
    const unknown = await client.post([request(3, "ping"), request(4, "tools/call", { name: "any" })]);
    assert.match(unknown.text, /OUTCOME_UNKNOWN/);
    assert.equal(cuts, 3);
  });

  it("with a cursor of the lost session is not sent to the new one", async () => {
    await using upstream = await startUpstream(batches());
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url, version);
    await client.request("ping");
    upstream.forget("s1");
    const answer = await client.post([request(1, "ping"), request(2, "tools/list", { cursor: "of s1" })]);
    assert.match(answer.text, /CURSOR_LOST/);
  });

  it("cancels calls that wait for the server", async () => {
    let isAway = false;
    const serveBatch = batches();
    await using upstream = await startUpstream((seen, response) =>
      isAway ? sendJson(response, 502, {}) : serveBatch(seen, response),
    );
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url, version);
    isAway = true;
    const probes = () => upstream.seen.filter(({ http }) => http === "OPTIONS").length;
    // Of the first it is open whether it ran; the second one meets a server that is known to be away.
    await client.call("first", {}, 1);
    const waiting = client.call("second", {}, 2);
    await eventually(() => probes() > 0 || undefined, "a call that waits");
    const told = client.post([say("notifications/cancelled", { requestId: 2 })]);
    await eventually(() => probes() > 3 || undefined, "some time");
    const since = upstream.seen.length;
    isAway = false;
    assert.match((await waiting).text, /REQUEST_CANCELLED/);
    assert.equal((await told).status, 202);
    assert.ok(!upstream.names(since).includes("tools/call"));
  });
});

describe("a client that does not say that it is initialized", { timeout }, () => {
  it("and acts so is taken for it, so that a restored server is told", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const client = await openSilently(holdfast.url, "2025-11-25");
    await client.request("ping");
    await client.request("tools/list");
    upstream.forget("s1");
    const since = upstream.seen.length;
    await client.request("ping");
    assert.deepEqual(upstream.names(since).slice(1).toSorted(), ["initialize", "notifications/initialized", "ping"]);
  });
});
