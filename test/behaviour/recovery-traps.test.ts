// Answers that look like a lost session and are none: they reach the client as they are, and no session is opened for them.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import {
  connect,
  errorCode,
  type Message,
  openScene,
  RawClient,
  type Scene,
  toolText,
  upstreamAnswer,
} from "./recovery-scene.ts";
import { refuseSession, sendJson, startUpstream } from "./recovery-upstream.ts";

const rpcError = (code: number, message: string, id: unknown = "$id") => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});
const toolError = {
  jsonrpc: "2.0",
  id: "$id",
  result: { content: [{ type: "text", text: "Session not found" }], isError: true },
};

interface Trap {
  readonly what: string;
  readonly answer: { readonly status: number; readonly body: string | Message; readonly contentType?: string };
}

const traps: readonly Trap[] = [
  { what: "the words inside a failed tool's result", answer: { status: 200, body: toolError } },
  {
    what: "the words inside an error of the tool's own",
    answer: { status: 200, body: rpcError(-32603, "browser session not found") },
  },
  {
    what: "a suspicious error inside a 200 while ping says the session lives",
    answer: { status: 200, body: rpcError(-32001, "Session not found") },
  },
  {
    what: "an error to nobody inside a 200 while ping says the session lives",
    answer: { status: 200, body: rpcError(-32600, "Invalid Request", null) },
  },
  { what: "404 for an unknown method", answer: { status: 404, body: rpcError(-32601, "Method not found") } },
  {
    what: "404 that fails our request for a reason of its own",
    answer: { status: 404, body: rpcError(-32002, "Resource not found") },
  },
  {
    what: "400 for bad parameters, whatever they are called",
    answer: { status: 400, body: rpcError(-32602, "Invalid session ID in params") },
  },
  { what: "400 for an unreadable message", answer: { status: 400, body: rpcError(-32700, "Parse error", null) } },
  { what: "400 with other words", answer: { status: 400, body: "no such account" } },
  { what: "403", answer: { status: 403, body: "session user mismatch" } },
  { what: "405", answer: { status: 405, body: "Method not allowed" } },
  { what: "406", answer: { status: 406, body: rpcError(-32000, "Not Acceptable", null) } },
  { what: "413", answer: { status: 413, body: "too large" } },
  { what: "415", answer: { status: 415, body: rpcError(-32000, "Unsupported Media Type", null) } },
  { what: "422 with other words", answer: { status: 422, body: "Unprocessable" } },
  { what: "500 with the words inside", answer: { status: 500, body: "while closing: session not found in cache" } },
];

describe("an answer that only resembles a lost session", () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene();
  });
  after(async () => scene[Symbol.asyncDispose]());

  for (const { what, answer } of traps) {
    it(`reaches the client as it is: ${what}`, async () => {
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: "in use" });
      const { received } = await scene.state();
      await scene.order({ do: "answer", methods: ["tools/call"], ...answer });
      const got = await client.call("count", { key: what }, 77);
      assert.equal(got.status, answer.status);
      const sent = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body).replace('"$id"', "77");
      assert.equal(got.text, sent);
      assert.equal(toolText(await client.call("echo", { text: "still here" })), "still here");
      const now = await scene.state();
      assert.equal(now.received.initialize, received.initialize);
      assert.equal(now.executions["count"]?.[what], undefined);
    });
  }

  it("is AUTHORIZATION_REQUIRED where the server answers 401 with a challenge, words or not", async () => {
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    const { received } = await scene.state();
    const headers = { "www-authenticate": 'Bearer realm="secret-realm"' };
    await scene.order({ do: "answer", status: 401, headers, body: "Unauthorized: Session not found" });
    const got = await client.call("echo", { text: "x" });
    assert.equal(errorCode(got), "AUTHORIZATION_REQUIRED", got.text);
    assert.equal(got.headers.get("www-authenticate"), null);
    assert.equal((await scene.state()).received.initialize, received.initialize);
  });

  for (const status of [404, 405, 400]) {
    it(`leaves the session alone where the first GET is answered ${status}`, async () => {
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: "in use" });
      const { received, sessions } = await scene.state();
      await scene.order({ do: "answer", status, methods: ["GET"], body: "Cannot GET /mcp" });
      const listener = await client.listen();
      assert.equal(listener.status, status);
      assert.equal(listener.text, "Cannot GET /mcp");
      assert.equal(toolText(await client.call("echo", { text: "still here" })), "still here");
      const now = await scene.state();
      assert.equal(now.received.initialize, received.initialize);
      assert.equal(now.sessions.count, sessions.count);
    });
  }

  it("ends the client's stream, and nothing else, where a reopened GET is refused for good", async () => {
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    const listener = await client.listen();
    const { received } = await scene.state();
    await scene.order({ do: "get", offered: false });
    await scene.order({ do: "close-get" });
    await listener.ended;
    await scene.order({ do: "get", offered: true });
    assert.equal(toolText(await client.call("echo", { text: "still here" })), "still here");
    assert.equal((await scene.state()).received.initialize, received.initialize);
  });
});

describe("a server that sends a call elsewhere", () => {
  it("is UPSTREAM_MOVED, without the place, which is not for the client", async () => {
    await using upstream = await startUpstream(({ message }, response) => {
      if (message["method"] !== "tools/call") return undefined;
      response.writeHead(302, { location: "https://elsewhere.example/secret" }).end();
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const got = await client.call("any");
    assert.equal(errorCode(got), "UPSTREAM_MOVED", got.text);
    assert.equal(upstreamAnswer(got)["status"], 302);
    assert.doesNotMatch(got.text, /secret/);
  });
});

describe("a URL at which there is no MCP server", () => {
  it("is UPSTREAM_NOT_FOUND at the first connect, after one initialize", async () => {
    await using upstream = await startUpstream((_, response) => {
      response.writeHead(404, { "content-type": "text/html" }).end("<pre>Cannot POST /mcp</pre>");
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = new RawClient(holdfast.url);
    const got = await client.initialize();
    assert.equal(errorCode(got), "UPSTREAM_NOT_FOUND", got.text);
    assert.equal(got.headers.get("mcp-session-id"), null);
    const { status, body } = upstreamAnswer(got);
    assert.equal(status, 404);
    assert.match(String(body), /Cannot POST/);
    // The GET looks for a server of HTTP+SSE, as the specification's backward compatibility asks.
    assert.deepEqual(upstream.names(), ["initialize", "GET"]);
  });

  it("is reported without the path and the query, which may be all that keeps strangers out", async () => {
    await using upstream = await startUpstream((_, response) => {
      const page = "<pre>Cannot POST /canary-path-1/mcp?key=canary-query-1</pre> canary-path-1 canary-query-1";
      response.writeHead(404, { "content-type": "text/html" }).end(page);
      return true;
    });
    const secret = new URL("/canary-path-1/mcp?key=canary-query-1", upstream.url);
    await using holdfast = await startHoldfast(secret.href);
    const got = await new RawClient(holdfast.url).initialize();
    assert.equal(errorCode(got), "UPSTREAM_NOT_FOUND", got.text);
    assert.match(String(upstreamAnswer(got)["body"]), /Cannot POST/);
    assert.doesNotMatch(got.text, /canary/);
  });

  it("is UPSTREAM_NOT_FOUND after a loss whose fresh initialize is 404 too, asked once per call", async () => {
    let gone = false;
    await using upstream = await startUpstream((_, response) => {
      if (!gone) return undefined;
      response.writeHead(404, { "content-type": "text/html" }).end("<pre>Cannot POST /mcp</pre>");
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("ping");
    gone = true;
    for (const initializes of [2, 3]) {
      const got = await client.call("any");
      assert.equal(errorCode(got), "UPSTREAM_NOT_FOUND", got.text);
      assert.equal(upstream.names().filter((name) => name === "initialize").length, initializes);
    }
    assert.equal(upstream.names().filter((name) => name === "tools/call").length, 1);
    gone = false;
    assert.equal((await client.request("ping")).status, 200);
  });
});

describe("what is asked of the server to be sure of a loss", () => {
  it("never carries the dead id: initialize goes without any, and without a protocol version", async () => {
    await using upstream = await startUpstream(({ message, headers }, response) => {
      if (message["method"] === "tools/call" && headers["mcp-session-id"] === "s1") return refuseSession(response);
      return undefined;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("ping");
    assert.deepEqual((await client.call("any")).result, {});
    const since = upstream.seen.slice(upstream.seen.findIndex(({ message }) => message["method"] === "tools/call") + 1);
    assert.ok(since.every(({ headers }) => headers["mcp-session-id"] !== "s1"));
    const fresh = since.find(({ message }) => message["method"] === "initialize");
    assert.equal(fresh?.headers["mcp-session-id"], undefined);
    assert.equal(fresh?.headers["mcp-protocol-version"], undefined);
  });

  it("opens no session for a request that was sent without an id, on a server that gives none", async () => {
    await using upstream = await startUpstream(({ message: { id, method } }, response) => {
      if (method === "initialize")
        return sendJson(response, 200, {
          jsonrpc: "2.0",
          id,
          result: { protocolVersion: "2025-11-25", capabilities: {} },
        });
      return method === "tools/call" ? refuseSession(response) : undefined;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const got = await client.call("any");
    assert.equal(got.status, 404);
    assert.equal(got.error?.code, -32001);
    assert.equal(upstream.names().filter((name) => name === "initialize").length, 1);
  });
});

describe("a client whose own initialize a server no longer takes", () => {
  it("keeps nobody else's session from being restored", async () => {
    const names = (message: Message) => (message["params"] as Message)["clientInfo"] as Message;
    await using upstream = await startUpstream(({ message, initializes }, response) => {
      if (message["method"] !== "initialize" || initializes <= 2 || names(message)["version"] !== "old")
        return undefined;
      const error = { code: -32602, message: "This client is too old" };
      return sendJson(response, 400, { jsonrpc: "2.0", id: message["id"], error });
    });
    await using holdfast = await startHoldfast(upstream.url);
    const old = new RawClient(holdfast.url);
    await old.initialize({ clientVersion: "old" });
    const healthy = await connect(holdfast.url);
    await old.request("ping");
    await healthy.request("ping");
    upstream.forget("s1", "s2");
    for (let calls = 0; calls < 8; calls++) assert.notEqual((await old.request("tools/list")).error, undefined);
    const answer = await healthy.request("tools/list");
    assert.equal(answer.error, undefined, answer.text);
  });
});
