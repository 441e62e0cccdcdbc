// Who may use the hub: the one-time link and its cookie, tokens, pages of other origins; and what may not be added over REST.
import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { after, before, describe, it } from "node:test";
import { type Hub, startHub } from "../support/hub.ts";
import { open, openSession } from "../support/raw-client.ts";
import { connectWebSocket } from "../support/wire-clients.ts";

const timeout = 60_000;
let hub: Hub;
before(async () => {
  hub = await startHub({ args: ["--require-token"] });
  await hub.until("demo", "connected");
});
after(() => hub[Symbol.asyncDispose]());

const bare = { authorization: undefined };
const code = () => hub.loginUrl().split("#")[1];

describe("the REST interface", { timeout }, () => {
  it("lets in nobody without a credential, and no page of another origin with one", async () => {
    assert.equal((await hub.api("GET", "/connectors", undefined, bare)).status, 401);
    assert.equal((await hub.api("GET", "/connectors", undefined, { authorization: "Bearer wrong-token" })).status, 401);
    for (const origin of ["http://localhost:1", "http://evil.example", "null"])
      assert.equal((await hub.api("GET", "/connectors", undefined, { origin })).status, 403, origin);
  });

  it("exchanges the printed link once for a cookie, which changes nothing but from the page itself", async () => {
    const login = await hub.api("POST", "/login", { code: code() }, bare);
    const set = login.headers.get("set-cookie") ?? "";
    assert.match(set, /^holdfast-\d+=\S+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    assert.equal((await hub.api("POST", "/login", { code: code() }, bare)).body["code"], "LOGIN_CODE_REFUSED");
    const cookie = set.split(";")[0];
    const as = (more: object) => ({ ...bare, cookie, ...more });
    assert.equal((await hub.api("GET", "/whoami", undefined, as({}))).body["by"], "cookie");
    assert.equal(
      (await hub.api("POST", "/connectors/demo/test", undefined, as({}))).body["code"],
      "CROSS_SITE_REFUSED",
    );
    assert.equal((await hub.api("POST", "/connectors/demo/test", undefined, as({ origin: hub.url }))).status, 200);
    assert.equal((await hub.api("GET", "/whoami", undefined, { ...bare, cookie: `${cookie}x` })).status, 401);
  });

  it("waits for a body that stops coming as long as the idle limit, 15 s", async () => {
    const { port } = new URL(hub.url);
    const socket = connectSocket(Number(port), "127.0.0.1");
    const head = `POST /api/v1/login HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json`;
    socket.write(`${head}\r\ncontent-length: 100\r\n\r\n{"code":`);
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.includes("BODY_TIMEOUT")) break;
    }
    assert.match(text, /^HTTP\/1\.1 408 /);
  });

  it("takes no program, no local address and no variable of the hub's", async () => {
    const add = async (server: object) => (await hub.api("POST", "/connectors", { name: "x", server })).body["code"];
    assert.equal(await add({ kind: "stdio", command: "true" }), "STDIO_OVER_API");
    for (const host of ["127.0.0.1", "localhost", "[::1]", "2130706433", "10.0.0.1", "169.254.169.254"])
      assert.equal(await add({ kind: "http", url: `http://${host}:1/mcp` }), "ADDRESS_REFUSED", host);
    assert.equal(await add({ kind: "http", url: `https://example.com/\${HOME}` }), "INVALID_INPUT");
  });
});

describe("a token", { timeout }, () => {
  const ask = async (authorization?: string) => {
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
    const answer = await fetch(`${hub.url}/c/demo/mcp`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params }),
    });
    await answer.text();
    return answer.status;
  };

  it("takes what it has open along when it is revoked: streams, WebSocket connections, and nothing of anybody else's", async () => {
    const [ann, bob] = await Promise.all(
      ["ann", "bob"].map(async (user) => {
        const { body } = await hub.api("POST", "/tokens", { user, label: "x", role: "admin" });
        const headers = { authorization: `Bearer ${String(body["secret"])}` };
        const session = await openSession(`${hub.url}/c/demo/mcp`, { headers });
        const stream = await session.open({ method: "GET", headers: { accept: "text/event-stream" } });
        const news = await open(`${hub.url}/api/v1/events`, { method: "GET", headers });
        const webSocket = await connectWebSocket(`${hub.url.replace("http", "ws")}/c/demo/ws`, { headers });
        return { id: String(body["id"]), stream, webSocket, news };
      }),
    );
    assert.ok(ann !== undefined && bob !== undefined);
    assert.equal((await hub.api("DELETE", `/tokens/${ann.id}`)).status, 204);
    await Promise.all([ann.stream.ended, ann.news.ended, ann.webSocket.closed]);
    assert.match(await bob.webSocket.initialize(), /"result"/);
    assert.equal((await hub.api("DELETE", `/tokens/${bob.id}`)).status, 204);
    await Promise.all([bob.stream.ended, bob.news.ended, bob.webSocket.closed]);
  });

  it("of a user opens the connectors and not the management; revoked, it opens nothing; and no list shows it", async () => {
    assert.equal(await ask(), 401);
    const made = await hub.api("POST", "/tokens", { user: "ann", label: "laptop" });
    const secret = String(made.body["secret"]);
    assert.equal(await ask(`Bearer ${secret}`), 200);
    assert.equal((await hub.api("GET", "/connectors", undefined, { authorization: `Bearer ${secret}` })).status, 403);
    assert.ok(!(await hub.api("GET", "/tokens")).text.includes(secret));
    assert.equal((await hub.api("DELETE", `/tokens/${String(made.body["id"])}`)).status, 204);
    assert.equal(await ask(`Bearer ${secret}`), 401);
    await hub.stop();
    const lines = hub
      .output()
      .split("\n")
      .filter((line) => line.includes('"jsonrpc_method":"initialize"'));
    assert.ok(lines.some((line) => line.includes('"user_id":"ann"')));
    assert.ok(!hub.output().includes(secret));
  });
});
