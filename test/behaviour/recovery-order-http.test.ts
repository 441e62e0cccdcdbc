// Those who wait are sent over HTTP in the order in which they came, whatever they waited for. Their client is on one pipe, so that there is an order, and
// each request has a connection of its own: a server may look at what comes on a new one later than at what was sent on another after it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type StdioClient, startStdio } from "../support/stdio-client.ts";
import { answers } from "../support/wire-clients.ts";
import { eventually } from "./recovery-scene.ts";
import { type Script, type Seen, sendJson, serve, startUpstream, type Upstream } from "./recovery-upstream.ts";

const timeout = 60_000;
const count = 60;
const ids = Array.from({ length: count }, (_, index) => 100 + index);
const [earlier, later] = [ids.slice(0, count / 2), ids.slice(count / 2)];

const alone: Script = (_seen, response) => void response.setHeader("connection", "close");

async function openClient(upstream: Upstream): Promise<StdioClient> {
  const client = startStdio(["stdio", upstream.url]);
  await client.initialize();
  await eventually(() => asked(upstream, "notifications/initialized") === 1 || undefined, "initialized at the server");
  return client;
}

async function send(client: StdioClient, method: string, some: readonly number[]): Promise<void> {
  await client.send(some.map((id) => JSON.stringify({ jsonrpc: "2.0", id, method, params: {} })).join("\n"));
}

/** Resolves when everything that was sent before has been read. */
async function read(client: StdioClient): Promise<void> {
  const answer = client.when((text) => text.includes("-32700"));
  await client.send("no JSON");
  await answer;
}

async function answered(client: StdioClient): Promise<void> {
  await Promise.all(ids.map((id) => client.when((text) => answers(text, id))));
  for (const id of ids) assert.match(client.output(), new RegExp(`"id":${id},"result"`));
}

/** The ids of the client's calls, as they came. */
function calls(seen: readonly Seen[], since = 0): readonly unknown[] {
  const come = seen.slice(since).map(({ message }) => message["id"]);
  return come.filter((id) => typeof id === "number" && ids.includes(id));
}

function asked({ seen }: Upstream, name: string): number {
  return seen.filter(({ http, message }) => http === name || message["method"] === name).length;
}

describe("calls that wait for a server over HTTP", { timeout, concurrency: true }, () => {
  it("reach the new session in the order in which their client sent them", async () => {
    const opened = Promise.withResolvers<void>();
    await using upstream = await startUpstream(async ({ message, initializes }, response) => {
      response.setHeader("connection", "close");
      if (message["method"] === "initialize" && initializes > 1) await opened.promise;
      return undefined;
    });
    await using client = await openClient(upstream);
    upstream.forget("s1");
    await send(client, "tools/call", earlier);
    const refused = () => asked(upstream, "initialize") === 2 && calls(upstream.seen).length === earlier.length;
    await eventually(() => refused() || undefined, "the earlier ones at the server, and the second initialize");
    const since = upstream.seen.length;
    await send(client, "tools/call", later);
    await read(client);
    opened.resolve();
    await answered(client);
    assert.deepEqual(calls(upstream.seen, since), ids);
    assert.equal(asked(upstream, "initialize"), 2);
  });

  it("reach it in that order when it listens again", async () => {
    const first = await startUpstream(alone);
    await using client = await openClient(first);
    await first[Symbol.asyncDispose]();
    await send(client, "tools/call", earlier);
    await eventually(() => client.errors().includes("server away") || undefined, "the line that tells of it");
    await send(client, "tools/call", later);
    await read(client);
    await using upstream = await startUpstream(alone, Number(new URL(first.url).port));
    await answered(client);
    assert.deepEqual(calls(upstream.seen), ids);
  });

  for (const outcome of ["lives", "is lost"] as const)
    it(`reach it in that order behind a gateway that had answered some of them 502, where the session ${outcome}`, async () => {
      let isAway = false;
      await using upstream = await startUpstream((seen, response) => {
        response.setHeader("connection", "close");
        if (isAway) return sendJson(response, 502, {});
        serve(seen, response);
        return true;
      });
      await using client = await openClient(upstream);
      isAway = true;
      await send(client, "resources/read", earlier);
      await eventually(() => asked(upstream, "OPTIONS") > 1 || undefined, "somebody who looks for the server");
      assert.ok(calls(upstream.seen).length > 1);
      await send(client, "tools/call", later);
      await read(client);
      if (outcome === "is lost") upstream.forget("s1");
      const since = upstream.seen.length;
      isAway = false;
      await answered(client);
      assert.deepEqual(calls(upstream.seen, since), ids);
      assert.equal(asked(upstream, "ping"), 1);
      assert.equal(asked(upstream, "initialize"), outcome === "lives" ? 1 : 2);
    });
});
