// How long anything is waited for: never beyond the recovery window, never for a session that is over, and no longer than it is of use.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { openSession } from "../support/raw-client.ts";
import { connect, errorCode, eventually, type RawClient } from "./recovery-scene.ts";
import { refuseSession, sendJson, serve, startUpstream } from "./recovery-upstream.ts";
import { call } from "./streams-scene.ts";

const timeout = 60_000;
const window = (seconds: number) => ({ args: ["--recovery-window", String(seconds)] });

async function listen(client: RawClient): Promise<Response> {
  return fetch(client.url, { headers: { ...client.headers, accept: "text/event-stream" } });
}

async function codeOf(response: Response): Promise<unknown> {
  return (JSON.parse(await response.text()) as { error: { data: { code: unknown } } }).error.data.code;
}

function end(client: RawClient): Promise<Response> {
  return fetch(client.url, { method: "DELETE", headers: client.headers });
}

describe("a client's GET stream", { timeout, concurrency: true }, () => {
  for (const status of [502, 504]) {
    it(`is refused when the window is over, and the server not asked without end, where a gateway answers ${status}`, async () => {
      await using upstream = await startUpstream(({ http }, response) =>
        http === "GET" ? sendJson(response, status, {}) : undefined,
      );
      await using holdfast = await startHoldfast(upstream.url, window(1));
      const client = await connect(holdfast.url);
      const answer = await listen(client);
      assert.equal(answer.status, 503);
      assert.equal(await codeOf(answer), "UPSTREAM_UNAVAILABLE");
      const asked = upstream.names().filter((name) => name === "GET").length;
      assert.ok(asked < 20, `${asked} GETs`);
    });
  }

  it("is not told that its session is gone where the ping that would tell meets a 502", async () => {
    let isLost = false;
    let pings = 0;
    await using upstream = await startUpstream(({ http, headers, message }, response) => {
      if (!isLost || headers["mcp-session-id"] !== "s1" || http === "OPTIONS") return undefined;
      if (message["method"] !== "ping") return refuseSession(response);
      pings += 1;
      return pings === 1 ? sendJson(response, 502, {}) : refuseSession(response);
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const before = await listen(client);
    await before.body?.cancel();
    // A new process has no stream of its own, and knows that the session had one.
    await holdfast.stop();
    await holdfast.restart();
    isLost = true;
    const after = await listen(client);
    assert.equal(after.status, 200);
    assert.equal(upstream.names().filter((name) => name === "initialize").length, 2);
    await after.body?.cancel();
  });

  it("does not wait for the server of a session that was ended", async () => {
    await using upstream = await startUpstream(({ http }, response) =>
      http === "GET" || http === "OPTIONS" ? sendJson(response, 502, {}) : undefined,
    );
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const waiting = listen(client);
    await eventually(() => upstream.names().includes("GET") || undefined, "the GET at the server");
    await end(client);
    assert.equal(await codeOf(await waiting), "SESSION_CLOSED");
  });
});

describe("a call", { timeout, concurrency: true }, () => {
  it("does not begin to wait for a server when its session has been ended already", async () => {
    const running = Promise.withResolvers<ServerResponse>();
    await using upstream = await startUpstream(({ http, message }, response) => {
      if (http === "OPTIONS") return sendJson(response, 502, {});
      if (message["method"] !== "tools/list") return undefined;
      running.resolve(response);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const waiting = client.request("tools/list");
    const response = await running.promise;
    await end(client);
    response.destroy();
    assert.equal(errorCode(await waiting), "SESSION_CLOSED");
  });

  it("that comes while a restored server has not heard of it waits one window and not two", async () => {
    await using upstream = await startUpstream(({ http, message, initializes }, response) => {
      if (http === "OPTIONS") return sendJson(response, 502, {});
      if (initializes < 2 || (initializes === 2 && message["method"] === "initialize")) return undefined;
      return sendJson(response, 502, {});
    });
    await using holdfast = await startHoldfast(upstream.url, window(1.5));
    const client = await connect(holdfast.url);
    await client.request("ping");
    upstream.forget("s1");
    const first = client.request("tools/list");
    await eventually(() => upstream.names().includes("tools/list") || undefined, "the list at the server");
    const second = await client.request("tools/list");
    assert.ok(second.elapsedMs < 2_900, `${second.elapsedMs} ms`);
    assert.equal(errorCode(second), "UPSTREAM_UNAVAILABLE", second.text);
    await first;
  });
});

describe("an initialize that a server swallows", { timeout, concurrency: true }, () => {
  it("is sent once more, the session goes on with the second, and what the first opens after all is ended", async () => {
    const swallowed = Promise.withResolvers<() => void>();
    const ended: unknown[] = [];
    await using upstream = await startUpstream((seen, response) => {
      if (seen.http === "DELETE") ended.push(seen.headers["mcp-session-id"]);
      if (seen.message["method"] !== "initialize" || seen.initializes !== 2) return undefined;
      swallowed.resolve(() => serve(seen, response));
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url, window(6));
    const client = await connect(holdfast.url);
    await client.request("ping");
    upstream.forget("s1");
    const answer = await client.request("tools/list");
    assert.deepEqual(answer.result, {}, answer.text);
    assert.ok(answer.elapsedMs < 4_000, `${answer.elapsedMs} ms`);
    assert.equal(upstream.names().filter((name) => name === "initialize").length, 3);
    assert.deepEqual(ended, []);
    (await swallowed.promise)();
    await eventually(() => ended.length > 0 || undefined, "the end of the first");
    assert.deepEqual(ended, ["s2"]);
  });
});

describe("a step of a restore", { timeout, concurrency: true }, () => {
  it("that the server refuses itself with 503 is done with at the first try", async () => {
    await using upstream = await startUpstream(({ message: { id, method } }, response) => {
      if (method !== "resources/subscribe" || id === 800) return undefined;
      return sendJson(response, 503, {
        jsonrpc: "2.0",
        id,
        error: { code: -32000, message: "Too many subscriptions" },
      });
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("resources/subscribe", { uri: "test://one" }, 800);
    upstream.forget("s1");
    assert.deepEqual((await client.call("any")).result, {});
    assert.equal(upstream.names().filter((name) => name === "resources/subscribe").length, 2);
  });

  it("that a gateway refuses for good holds up the calls for a part of the window", async () => {
    await using upstream = await startUpstream(({ message: { id, method } }, response) =>
      method === "resources/subscribe" && id !== 800 ? sendJson(response, 503, {}) : undefined,
    );
    await using holdfast = await startHoldfast(upstream.url, window(3));
    const client = await connect(holdfast.url);
    await client.request("resources/subscribe", { uri: "test://one" }, 800);
    upstream.forget("s1");
    assert.deepEqual((await client.call("any")).result, {});
    assert.equal(upstream.names().filter((name) => name === "initialize").length, 2);
  });

  it("that the server takes and never answers is not taken for a loss", async () => {
    const gaveUp = Promise.withResolvers<void>();
    await using upstream = await startUpstream(({ message, initializes }, response) => {
      if (message["method"] !== "notifications/initialized" || initializes < 2) return undefined;
      void once(response, "close").then(() => gaveUp.resolve());
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    upstream.forget("s1");
    assert.deepEqual((await client.call("any")).result, {});
    await gaveUp.promise;
    const since = upstream.seen.length;
    assert.deepEqual((await client.call("any")).result, {});
    assert.deepEqual(upstream.names(since), ["tools/call"]);
  });
});

describe("a call that takes so long that its client would be given a stream", { timeout, concurrency: true }, () => {
  const early = ["--stream-open-after", "0.1"];

  it("ends with its answer or an error in the stream when its session turns out to be lost under --recovery strict", async () => {
    const held: ServerResponse[] = [];
    await using upstream = await startUpstream(({ message }, response) => {
      if (message["method"] !== "tools/call") return undefined;
      held.push(response);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url, { args: ["--recovery", "strict", ...early] });
    const session = await openSession(holdfast.url);
    const [running, refused] = await Promise.all([1, 2].map((id) => session.open({ body: call(id) })));
    assert.ok(running !== undefined && refused !== undefined);
    await Promise.all([running.until("\n\n"), refused.until("\n\n")]);
    const isOf = (id: number) =>
      upstream.seen.filter(({ message }) => message["method"] === "tools/call")[0]?.message["id"] === id;
    const [first, second] = isOf(1) ? held : held.toReversed();
    assert.ok(first !== undefined && second !== undefined);
    refuseSession(second);
    await refused.ended;
    assert.match(refused.text(), /"code":"SESSION_LOST"/);
    // The server had forgotten the session, and not what it was doing.
    sendJson(first, 200, { jsonrpc: "2.0", id: 1, result: { late: true } });
    await running.ended;
    assert.match(running.text(), /"late":true/);
    assert.equal((await session.post(call(3))).status, 404);
  });

  it("ends with an error in the stream when its session is ended while it waits for the server", async () => {
    await using upstream = await startUpstream(({ http, message }, response) =>
      http === "OPTIONS" || message["method"] === "tools/list" ? sendJson(response, 502, {}) : undefined,
    );
    await using holdfast = await startHoldfast(upstream.url, { args: early });
    const session = await openSession(holdfast.url);
    const waiting = await session.open({ body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
    await waiting.until("\n\n");
    await session.send({ method: "DELETE" });
    await waiting.ended;
    assert.match(waiting.text(), /"code":"SESSION_CLOSED"/);
  });

  it("brings the server's own 401, in front of it, however long the server was away before", async () => {
    let isAway = true;
    await using upstream = await startUpstream(({ http, message }, response) => {
      const { method } = message;
      if (http !== "OPTIONS" && method !== "tools/call" && method !== "ping") return undefined;
      if (isAway) return sendJson(response, 502, {});
      if (method === "ping") return undefined;
      return sendJson(
        response,
        401,
        { error: "invalid_token" },
        { "www-authenticate": 'Bearer error="invalid_token"' },
      );
    });
    await using holdfast = await startHoldfast(upstream.url, { args: ["--front", "--stream-open-after", "0.7"] });
    const session = await openSession(holdfast.url, { headers: { authorization: "Bearer expires-soon" } });
    // The second one meets a server that is known to be away; of the first it is open whether it ran.
    await session.post(call(1));
    const waiting = session.post(call(2));
    const probes = () => upstream.seen.filter(({ http }) => http === "OPTIONS").length;
    await eventually(() => probes() >= 7 || undefined, "a wait that is longer than a stream would take");
    isAway = false;
    const { status, headers, text } = await waiting;
    assert.deepEqual([status, headers["www-authenticate"]], [401, 'Bearer error="invalid_token"'], text);
  });

  it("is told that a credential was refused, and that it did not run, where the server's 401 comes late", async () => {
    const held = Promise.withResolvers<ServerResponse>();
    await using upstream = await startUpstream(({ message }, response) => {
      if (message["method"] !== "tools/call") return undefined;
      held.resolve(response);
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url, { args: ["--front", ...early] });
    const session = await openSession(holdfast.url);
    const open = await session.open({ body: call(1) });
    await open.until("\n\n");
    sendJson(await held.promise, 401, { error: "invalid_token" }, { "www-authenticate": "Bearer" });
    await open.ended;
    assert.match(open.text(), /"code":"AUTHORIZATION_REQUIRED","executed":"no"/);
  });
});

describe("an answer to the server", { timeout }, () => {
  it("does not wait while somebody asks whether the session is still there: the server may wait for it", async () => {
    let isAway = false;
    const pinged = Promise.withResolvers<() => void>();
    await using upstream = await startUpstream((seen, response) => {
      const { method } = seen.message;
      if (method === "ping") {
        pinged.resolve(() => serve(seen, response));
        return true;
      }
      return isAway ? sendJson(response, 502, {}) : undefined;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    isAway = true;
    const waiting = client.request("tools/list");
    await eventually(() => upstream.names().includes("tools/list") || undefined, "the list at the server");
    isAway = false;
    const answerPing = await pinged.promise;
    const told = await client.post({ jsonrpc: "2.0", id: 5, result: {} });
    assert.equal(told.status, 202, told.text);
    assert.equal(upstream.names().at(-1), "response");
    answerPing();
    assert.deepEqual((await waiting).result, {});
  });
});
