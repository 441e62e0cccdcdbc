// `--front` before servers whose clients are pages, keep cookies, or use more than one endpoint: what the server would have said is said for it as well.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { connect, eventually, RawClient } from "./recovery-scene.ts";
import { type Script, type Seen, sendJson, serve, startUpstream } from "./recovery-upstream.ts";

const timeout = 30_000;
const origin = "http://localhost:5173";
const page = { headers: { origin } };
const front = (url: string, ...args: readonly string[]): Promise<Holdfast> =>
  startHoldfast(url, { args: ["--front", "--stream-open-after", "0.3", ...args] });

/** As the `cors` package lets one origin in. */
function letIn({ headers }: Seen, response: ServerResponse): void {
  if (headers.origin === undefined) return;
  response.setHeader("access-control-allow-origin", headers.origin);
  response.setHeader("access-control-expose-headers", "mcp-session-id");
  response.setHeader("vary", "Origin");
}

function readable({ headers }: { readonly headers: Headers }): readonly (string | null)[] {
  return ["access-control-allow-origin", "access-control-expose-headers", "vary"].map((name) => headers.get(name));
}

const words = [origin, "mcp-session-id", "Origin"];

describe("a page that the server lets in", { timeout, concurrency: true }, () => {
  it("may read what Holdfast answers in the server's place", async () => {
    const slow = Promise.withResolvers<() => void>();
    await using upstream = await startUpstream((seen, response) => {
      letIn(seen, response);
      if (seen.message["method"] !== "tools/call") return undefined;
      slow.resolve(() => serve(seen, response));
      return true;
    });
    await using holdfast = await front(upstream.url);
    const client = await connect(holdfast.url, page);
    const stream = await fetch(client.url, { headers: { ...client.headers, accept: "text/event-stream" } });
    assert.deepEqual(readable(stream), words);
    await stream.body?.cancel();
    const late = await fetch(client.url, {
      method: "POST",
      headers: client.headers,
      body: '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"slow"}}',
    });
    assert.equal(late.headers.get("content-type"), "text/event-stream");
    assert.deepEqual(readable(late), words);
    (await slow.promise)();
    assert.match(await late.text(), /"result"/);
    const stranger = new RawClient(holdfast.url, { origin, "mcp-session-id": "unknown-id" });
    const unknown = await stranger.request("ping");
    assert.deepEqual([unknown.status, ...readable(unknown)], [404, ...words]);
    const ended = await fetch(client.url, { method: "DELETE", headers: client.headers });
    assert.deepEqual([ended.status, ...readable(ended)], [200, ...words]);
  });

  it("is no other page, and nobody who is none is told of it", async () => {
    await using upstream = await startUpstream((seen, response) => {
      if (seen.headers.origin === origin) letIn(seen, response);
      return undefined;
    });
    await using holdfast = await front(upstream.url);
    await connect(holdfast.url, page);
    for (const headers of [{ origin: "http://localhost:6174" }, {}]) {
      const stranger = new RawClient(holdfast.url, { ...headers, "mcp-session-id": "unknown-id" });
      const unknown = await stranger.request("ping");
      assert.deepEqual([unknown.status, ...readable(unknown)], [404, null, null, null]);
    }
  });
});

describe("another endpoint of the same origin", { timeout }, () => {
  it("keeps its own sessions, as through any reverse proxy", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await front(upstream.url);
    const client = await connect(holdfast.url.replace(/\/mcp$/, "/admin/mcp"));
    assert.equal(client.sessionId, "s1");
    assert.deepEqual((await client.request("tools/list")).result, {});
    assert.equal(upstream.seen.at(-1)?.headers["mcp-session-id"], "s1");
  });
});

describe("a client's own cookie", { timeout, concurrency: true }, () => {
  const cookies: Script = (seen, response) => {
    if (seen.message["method"] === "initialize")
      response.setHeader("set-cookie", [`app=anonymous${seen.initializes}; Path=/`, `lb=${seen.initializes}`]);
    return undefined;
  };

  it("reaches the server as the client has it, and beside it what the client keeps not", async () => {
    await using upstream = await startUpstream(cookies);
    await using holdfast = await front(upstream.url);
    const client = await connect(holdfast.url);
    const sent = async (cookie?: string) => {
      if (cookie === undefined) delete client.headers["cookie"];
      else client.headers["cookie"] = cookie;
      await client.request("ping");
      return upstream.seen.at(-1)?.headers.cookie;
    };
    assert.equal(await sent("app=alice"), "lb=1; app=alice");
    assert.equal(await sent("app=rotated; lb=7"), "app=rotated; lb=7");
    assert.equal(await sent(), "app=anonymous1; lb=1");
    upstream.forget("s1");
    assert.equal(await sent("app=rotated; lb=7"), "app=anonymous2; lb=2");
    assert.equal(await sent("app=again; lb=7"), "lb=2; app=again");
  });
});

describe("in front of a server that is away", { timeout, concurrency: true }, () => {
  it("DELETE waits for it and ends the session", async () => {
    let isAway = false;
    await using upstream = await startUpstream((_seen, response) => (isAway ? sendJson(response, 503, {}) : undefined));
    await using holdfast = await front(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("ping");
    isAway = true;
    const ended = fetch(client.url, { method: "DELETE", headers: client.headers });
    await eventually(() => upstream.seen.filter(({ http }) => http === "OPTIONS").length > 1 || undefined, "a probe");
    isAway = false;
    assert.equal((await ended).status, 200);
    assert.equal(upstream.names().at(-1), "DELETE");
  });
});
