// `--adopt-sessions`: the client of field report B, which keeps an id that nobody knows and never initializes again. And to whom a session belongs.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { callTool, type Front, openSession, type Presented, post, send, startFront } from "../support/front.ts";
import { SignIn } from "../support/oauth-clients.ts";
import { openScene } from "./recovery-scene.ts";

const dead = "00000000-0000-4000-8000-000000000000";
const adopting = { args: ["--adopt-sessions"] };

/** Signs a user in without any MCP client and without a session. */
async function grantFor({ url }: Front, user: string) {
  const { auth } = await import("@modelcontextprotocol/sdk/client/auth.js");
  const provider = new SignIn(user);
  await auth(provider, { serverUrl: url });
  await auth(provider, { serverUrl: url, authorizationCode: provider.callback.get("code") ?? "" });
  return {
    token: () => provider.held.access_token,
    refresh: () => auth(provider, { serverUrl: url }),
  };
}

const adoptions = (log: readonly Readonly<Record<string, unknown>>[]) =>
  log.filter(({ msg }) => msg === "session adopted").length;

describe("a session id that nobody knows", () => {
  it("gets 404 and no exchange with the server, unless sessions are adopted", async () => {
    await using scene = await openScene();
    assert.equal((await post(scene.holdfast.url, { session: dead }, callTool("count"))).status, 404);
    assert.equal((await scene.state()).requests.length, 0);
  });

  it("becomes the id of a new session in the version that it names, with no optional capabilities", async () => {
    await using scene = await openScene(adopting);
    const { url } = scene.holdfast;
    const presented = { session: dead, headers: { "mcp-protocol-version": "2025-06-18" } };
    assert.match((await post(url, presented, callTool("count"))).text, /"text":"1"/);
    assert.match((await post(url, presented, callTool("count"))).text, /"text":"2"/);
    for (const tool of ["ask", "sample"]) {
      assert.match((await post(url, presented, callTool(tool))).text, /this client does not offer/);
    }
    const { sessions, received } = await scene.state();
    assert.deepEqual(
      sessions.list.map(({ protocolVersion, initialized }) => [protocolVersion, initialized]),
      [["2025-06-18", true]],
    );
    assert.equal(received.initialize, 1);
    await scene.holdfast.stop();
    assert.equal(adoptions(scene.holdfast.log()), 1);
    assert.ok(!scene.holdfast.output().includes(dead));
  });

  it("stays the id of a client that initializes under it, with the same log line", async () => {
    await using scene = await openScene(adopting);
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "kept", version: "1" } };
    const initialize = { jsonrpc: "2.0", id: 1, method: "initialize", params };
    const opened = await post(scene.holdfast.url, { session: dead }, initialize);
    assert.equal(opened.headers.get("mcp-session-id"), dead);
    assert.match((await post(scene.holdfast.url, { session: dead }, callTool("count"))).text, /"text":"1"/);
    await scene.holdfast.stop();
    assert.equal(adoptions(scene.holdfast.log()), 1);
  });

  it("is adopted once by requests that come at once", async () => {
    await using scene = await openScene(adopting);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        post(scene.holdfast.url, { session: dead }, callTool("count", index + 1)),
      ),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    const { received, executions } = await scene.state();
    assert.equal(received.initialize, 1);
    assert.equal(
      Object.values(executions["count"] ?? {}).reduce((sum, times) => sum + times, 0),
      20,
    );
    await scene.holdfast.stop();
    assert.equal(adoptions(scene.holdfast.log()), 1);
  });

  it("goes on over a restart of Holdfast and of the server, and ends with DELETE", async () => {
    await using scene = await openScene(adopting);
    const presented = { session: dead };
    await post(scene.holdfast.url, presented, callTool("count"));
    await scene.holdfast.restart();
    assert.match((await post(scene.holdfast.url, presented, callTool("count"))).text, /"text":"2"/);
    await scene.order({ do: "forget", as: "400-supergateway" });
    assert.match((await post(scene.holdfast.url, presented, callTool("count"))).text, /"text":"3"/);
    assert.equal((await scene.state()).received.initialize, 2);
    assert.equal((await send("DELETE", scene.holdfast.url, presented)).status, 200);
    assert.equal((await scene.state()).sessions.count, 0);
    assert.equal((await send("DELETE", scene.holdfast.url, presented)).status, 404);
  });

  it("opens a stream for a GET as well", async () => {
    await using scene = await openScene(adopting);
    const stream = await send("GET", scene.holdfast.url, { session: dead });
    assert.equal(stream.status, 200);
    await scene.stateWhen(({ sessions }) => sessions.list[0]?.getOpen === true, "the stream is open");
    await stream.body?.cancel();
  });

  it("waits for a server that is away", async () => {
    await using scene = await openScene(adopting);
    await scene.order({ do: "refuse", ms: 700 });
    assert.match((await post(scene.holdfast.url, { session: dead }, callTool("count"))).text, /"text":"1"/);
  });

  it("is one session for each who presents it: nobody meets another's", async () => {
    await using scene = await openScene(adopting);
    const { url } = scene.holdfast;
    const of = (name: string): Presented => ({ session: dead, token: name });
    await post(url, of("anna"), { id: 1, method: "resources/subscribe", params: { uri: "chaos://counter" } });
    await post(url, of("bela"), callTool("count"));
    const both = await scene.state();
    assert.deepEqual(
      both.sessions.list.map(({ subscriptions }) => subscriptions),
      [["chaos://counter"], []],
    );
    assert.equal((await send("DELETE", url, of("bela"))).status, 200);
    await scene.holdfast.restart();
    await post(url, of("anna"), callTool("count"));
    const { sessions, received } = await scene.state();
    assert.deepEqual(
      sessions.list.map(({ id }) => id),
      [both.sessions.list[0]?.id],
    );
    assert.equal(received.initialize, 2);
  });

  it("keeps its own session apart from a living one of the same id", async () => {
    await using scene = await openScene(adopting);
    const { url } = scene.holdfast;
    const session = await openSession(url, { token: "anna" });
    await post(url, { session, token: "bela" }, callTool("count"));
    await post(url, { session, token: "anna" }, callTool("count"));
    const calls = (await scene.state()).requests.filter(({ method }) => method === "tools/call");
    assert.equal(new Set(calls.map((call) => call.session)).size, 2);
  });

  it("gets the server's own 401 in front mode, and is adopted for the credential that the server takes", async () => {
    await using front = await startFront(["--adopt-sessions"]);
    const anna = await grantFor(front, "anna");
    const expired = anna.token();
    await front.server.expireAccessTokens();
    await anna.refresh();
    const tokens = [expired, anna.token(), expired, anna.token(), undefined];
    const answers = await Promise.all(
      tokens.map((token) => post(front.url, { token, session: dead }, callTool("whoami"))),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      [401, 200, 401, 200, 401],
    );
    assert.match(answers[0]?.headers.get("www-authenticate") ?? "", /resource_metadata=/);
    const opened = (await front.server.journal()).filter(
      ({ method, status }) => method === "initialize" && status === 200,
    );
    assert.equal(opened.length, 1);
  });
});

describe("whose a session is, with --front", () => {
  const isKept = async (front: Front, session: string, presented: Presented) =>
    (await post(front.url, { ...presented, session }, callTool("whoami"))).status;

  it("is told by issuer and subject of a JWT, whatever token carries them", async () => {
    await using front = await startFront();
    const anna = await grantFor(front, "anna");
    const session = await openSession(front.url, { token: anna.token() });
    await anna.refresh();
    assert.equal(await isKept(front, session, { token: anna.token() }), 200);
  });

  it("is told by the whole token where it is opaque, so that a refresh starts over", async () => {
    await using front = await startFront([], { tokens: "opaque" });
    const anna = await grantFor(front, "anna");
    const session = await openSession(front.url, { token: anna.token() });
    assert.equal(await isKept(front, session, { token: anna.token() }), 200);
    await anna.refresh();
    assert.equal(await isKept(front, session, { token: anna.token() }), 404);
    assert.notEqual(await openSession(front.url, { token: anna.token() }), session);
  });

  it("is told by the whole credential with --principal authorization", async () => {
    await using front = await startFront(["--principal", "authorization"]);
    const anna = await grantFor(front, "anna");
    const session = await openSession(front.url, { token: anna.token() });
    await anna.refresh();
    assert.equal(await isKept(front, session, { token: anna.token() }), 404);
  });

  it("is told by a header of a trusted proxy, so that opaque tokens may be refreshed", async () => {
    await using front = await startFront(["--principal", "header:X-User", "--trust-proxy", "127.0.0.1"], {
      tokens: "opaque",
    });
    const anna = await grantFor(front, "anna");
    const headers = { "x-user": "anna" };
    const session = await openSession(front.url, { token: anna.token(), headers });
    await anna.refresh();
    assert.equal(await isKept(front, session, { token: anna.token(), headers }), 200);
    assert.equal(await isKept(front, session, { token: anna.token(), headers: { "x-user": "bela" } }), 404);
    assert.equal(await isKept(front, session, { token: anna.token() }), 404);
  });

  it("is told by the credential where the header of a trusted proxy is empty", async () => {
    await using front = await startFront(["--principal", "header:X-User", "--trust-proxy", "127.0.0.1"], {
      tokens: "opaque",
    });
    const [anna, bela] = [await grantFor(front, "anna"), await grantFor(front, "bela")];
    const headers = { "x-user": "" };
    const session = await openSession(front.url, { token: anna.token(), headers });
    assert.equal(await isKept(front, session, { token: anna.token(), headers }), 200);
    assert.equal(await isKept(front, session, { token: bela.token(), headers }), 404);
  });

  it("is not told by that header from anybody else", async () => {
    await using front = await startFront(["--principal", "header:X-User", "--trust-proxy", "10.0.0.0/8"], {
      tokens: "opaque",
    });
    const [anna, bela] = [await grantFor(front, "anna"), await grantFor(front, "bela")];
    const headers = { "x-user": "anna" };
    const session = await openSession(front.url, { token: anna.token(), headers });
    assert.equal(await isKept(front, session, { token: anna.token() }), 200);
    assert.equal(await isKept(front, session, { token: bela.token(), headers }), 404);
  });
});
