// What only HTTP+SSE clients meet: the endpoint event, posting, whose stream it is, and streams that break and come back.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { answers, openSse } from "../support/wire-clients.ts";
import { eventually } from "./recovery-scene.ts";
import { serve, startSlowToOpen, startUpstream } from "./recovery-upstream.ts";

const timeout = 60_000;
const sseUrl = (port: number) => `http://127.0.0.1:${port}/sse`;
const json = { "content-type": "application/json" };
const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** Answers a tools/call when it is told to. */
async function slowUpstream() {
  const held: (() => void)[] = [];
  const upstream = await startUpstream((seen, response) => {
    if (seen.message["method"] !== "tools/call") return undefined;
    held.push(() => serve(seen, response));
    return true;
  });
  return {
    upstream,
    answer: async () => {
      await eventually(() => held.length > 0 || undefined, "a call at the server");
      for (const send of held.splice(0)) send();
    },
  };
}

describe("an HTTP+SSE client", { timeout }, () => {
  it("is given a URL of its own to post to, relative to the stream's, and 202 for each message", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await openSse(sseUrl(holdfast.port));
    assert.match(client.endpoint, /^\/message\?sessionId=[\w-]{32}$/);
    const accepted = await client.post('{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}');
    assert.equal(accepted.status, 202);
    assert.match(await client.when((text) => answers(text, 7)), /"serverInfo"/);
  });

  it("is refused more while over 64 MB of its messages wait for their answers", async () => {
    await using upstream = await startSlowToOpen();
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await openSse(sseUrl(holdfast.port));
    const ofOneMegabyte = (id: number, method: string) => {
      const empty = JSON.stringify({ jsonrpc: "2.0", id, method, params: { pad: "" } });
      return empty.replace('""', `"${"x".repeat(1024 * 1024 - empty.length)}"`);
    };
    const post = async (id: number, method = "ping") => (await client.post(ofOneMegabyte(id, method))).status;
    assert.equal(await post(0, "initialize"), 202);
    // The last of these comes at 64 MB, and the next one over it.
    for (let id = 1; id <= 64; id++) assert.equal(await post(id), 202, `message ${id}`);
    const refused = await client.post(ofOneMegabyte(65, "ping"));
    assert.match(await refused.text(), /TOO_MANY_OPEN_REQUESTS/);
    upstream.open();
    for (let id = 0; id <= 64; id++) assert.match(await client.when((text) => answers(text, id)), /"result"/);
    assert.equal(await post(66), 202);
  });

  it("is counted as waiting only as long as it does", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await openSse(sseUrl(holdfast.port));
    await client.post('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}');
    await client.when((text) => answers(text, 0));
    for (let id = 1; id <= 20; id++) {
      await client.post(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
      await client.when((text) => answers(text, id));
    }
    const metrics = await (await fetch(new URL("/metrics", holdfast.url))).text();
    const [, waiting] = /^holdfast_requests_in_flight (\d+)$/m.exec(metrics) ?? [];
    // The stream, this question, and what the session keeps open.
    assert.ok(Number(waiting) <= 4, metrics);
    assert.match(metrics, /^holdfast_requests_total\{outcome="answered"\} 2[0-9]$/m);
  });

  it("learns from the status what is wrong with a POST", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--max-body", "1000"] });
    await using client = await openSse(sseUrl(holdfast.port));
    const message = new URL("/message", holdfast.url).href;
    const post = (url: string, body = ping, headers: Record<string, string> = json) =>
      fetch(url, { method: "POST", body, headers });
    for (const [response, status, code] of [
      [post(message), 400, "MESSAGE_ENDPOINT_INCOMPLETE"],
      [post(`${message}?sessionId=${"x".repeat(32)}`), 404, "UNKNOWN_SESSION"],
      [post(`${message}?sessionId=`), 404, "UNKNOWN_SESSION"],
      [client.post(ping, { "content-type": "text/plain" }), 415, "CONTENT_TYPE_NOT_JSON"],
      [client.post("{"), 400, "MALFORMED_JSON"],
      [client.post("{}"), 400, "NOT_JSON_RPC"],
      [client.post('[{"jsonrpc":"2.0","id":1,"method":"initialize"}]'), 400, "INITIALIZE_IN_BATCH"],
      [client.post(`{"jsonrpc":"2.0","id":1,"method":"ping","params":"${"x".repeat(1_000)}"}`), 413, "BODY_TOO_LARGE"],
      // What makes a client of newer revisions fall back to this transport.
      [post(sseUrl(holdfast.port)), 405, "METHOD_NOT_ALLOWED"],
      [fetch(`${message}?sessionId=x`), 405, "METHOD_NOT_ALLOWED"],
    ] as const) {
      const refused = await response;
      assert.equal(refused.status, status, code);
      assert.match(await refused.text(), new RegExp(`"code":"${code}"`));
    }
  });

  it("cannot be spoken for with another credential", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await openSse(sseUrl(holdfast.port), { headers: { authorization: "Bearer anna" } });
    await client.initialize();
    for (const authorization of ["Bearer bela", ""]) {
      const headers = authorization === "" ? json : { ...json, authorization };
      const foreign = await fetch(new URL(client.endpoint, holdfast.url), { method: "POST", body: ping, headers });
      assert.equal(foreign.status, 404);
      await foreign.text();
    }
    const lastEventId = client.lastEventId();
    await using thief = await openSse(sseUrl(holdfast.port), {
      lastEventId,
      headers: { authorization: "Bearer bela" },
    });
    assert.notEqual(thief.endpoint, client.endpoint);
    assert.match(await client.ask(1, "ping"), /"result"/);
  });

  it("goes on with its session after its stream broke, and gets what it missed, once", async () => {
    const { upstream, answer } = await slowUpstream();
    await using _ = upstream;
    await using holdfast = await startHoldfast(upstream.url);
    await using before = await openSse(sseUrl(holdfast.port));
    await before.initialize();
    await before.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "slow" } });
    await before.ask(2, "ping");
    const heard = before.lastEventId();
    await before.ask(3, "ping");
    before.drop();
    await before.ended;
    await answer();
    await using after = await openSse(sseUrl(holdfast.port), { lastEventId: heard });
    assert.equal(after.endpoint, before.endpoint);
    await after.when((text) => answers(text, 1));
    assert.match(await after.ask(4, "ping"), /"result"/);
    assert.equal(
      after.texts.filter((text) => answers(text, 3)).length,
      1,
      "written into the dead connection, so again",
    );
    assert.equal(after.texts.filter((text) => answers(text, 2)).length, 0, "it had that one");
    assert.equal(after.texts.filter((text) => answers(text, 1)).length, 1);
    assert.equal(upstream.names().filter((name) => name === "initialize").length, 1);
  });

  it("goes on with its session after Holdfast was killed, whichever comes first: its stream or its next message", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const client = await openSse(sseUrl(holdfast.port));
    await client.initialize();
    await client.ask(1, "ping");
    const heard = client.lastEventId();
    await holdfast.restart();
    const early = client.post('{"jsonrpc":"2.0","id":2,"method":"ping"}');
    await using again = await openSse(sseUrl(holdfast.port), { lastEventId: heard });
    assert.equal(again.endpoint, client.endpoint);
    assert.equal((await early).status, 202);
    await again.when((text) => answers(text, 2));
    assert.match(await again.ask(3, "ping"), /"result"/);
    await holdfast.restart();
    await using third = await openSse(sseUrl(holdfast.port), { lastEventId: again.lastEventId() });
    assert.match(await third.ask(4, "ping"), /"result"/);
    assert.equal(upstream.names().filter((name) => name === "initialize").length, 1);
  });

  it("that posts without its stream and does not open it again is told so within seconds, and nothing runs", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const client = await openSse(sseUrl(holdfast.port));
    await client.initialize();
    await client.ask(1, "ping");
    client.drop();
    await client.ended;
    // Before the end of the stream has come to Holdfast, which takes another way than the message, nobody could know of it.
    await eventually(() => (/"http_method":"GET"/.test(holdfast.output()) ? true : undefined), "the stream's end");
    const refused = await client.post('{"jsonrpc":"2.0","id":2,"method":"tools/call"}');
    assert.equal(refused.status, 404);
    assert.match(await refused.text(), /UNKNOWN_SESSION/);
    assert.ok(!upstream.names().includes("tools/call"));
  });

  it("that does not come back within --reconnect-grace has its session ended at the server, and starts anew", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--reconnect-grace", "0.3"] });
    const client = await openSse(sseUrl(holdfast.port));
    await client.initialize();
    await client.ask(1, "ping");
    const lastEventId = client.lastEventId();
    client.drop();
    await eventually(() => upstream.names().includes("DELETE") || undefined, "DELETE");
    assert.equal((await client.post(ping)).status, 404);
    await using later = await openSse(sseUrl(holdfast.port), { lastEventId });
    assert.notEqual(later.endpoint, client.endpoint);
    assert.match(await later.initialize(), /"protocolVersion"/);
  });

  it("may be one of --max-sessions; the next one is told of the limit", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--max-sessions", "2"] });
    await using one = await openSse(sseUrl(holdfast.port));
    await using two = await openSse(sseUrl(holdfast.port));
    await Promise.all([one.initialize(), two.initialize()]);
    const third = await fetch(sseUrl(holdfast.port));
    assert.equal(third.status, 503);
    assert.match(await third.text(), /TOO_MANY_SESSIONS/);
  });

  it("gets the rest of an answer whose stream the server closed to be asked again", async () => {
    const primed = "id: e1\nretry: 10\ndata: \n\n";
    const rest = 'id: e2\ndata: {"jsonrpc":"2.0","id":1,"result":{"whole":true}}\n\n';
    await using upstream = await startUpstream(({ http, headers, message }, response) => {
      const isResumed = http === "GET" && headers["last-event-id"] === "e1";
      if (message["method"] !== "tools/call" && !isResumed) return undefined;
      response.writeHead(200, { "content-type": "text/event-stream" }).end(isResumed ? rest : primed);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await openSse(sseUrl(holdfast.port));
    await client.initialize();
    assert.match(await client.ask(1, "tools/call", { name: "slow" }), /"whole":true/);
  });
});
