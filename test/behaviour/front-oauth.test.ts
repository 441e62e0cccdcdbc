// `--front` before a server with OAuth of its own: sign-in, restart and token refresh with real clients, and what nobody may get by a session id.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { callTool, type Front, openSession, post, send, startFront } from "../support/front.ts";
import { oauthClients, SignIn } from "../support/oauth-clients.ts";
import { type OAuthServer, withStream } from "../support/oauth-server.ts";

const countOf = async (server: OAuthServer, method: string) =>
  (await server.journal()).filter((noted) => noted.method === method && noted.status === 200).length;

/** A token of the right shape for this issuer and user that the server never signed. */
function forge(token: string): string {
  const [head = "", payload = ""] = token.split(".");
  return `${head}.${payload}.${Buffer.from("a signature of nobody at all....").toString("base64url")}`;
}

/** A user signed in with a real client, whose session is open until the block ends. */
async function signIn({ url, server }: Front, user: string) {
  const provider = new SignIn(user);
  const [{ connect }] = oauthClients;
  // Its stream comes on its own time; what a test counts afterwards is then the test's doing.
  const client = await withStream(server, user, () => connect(url, provider));
  return {
    provider,
    client,
    token: () => provider.held.access_token,
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

for (const { name, connect } of oauthClients) {
  describe(`${name} before a server with OAuth`, () => {
    it("discovers, registers and signs in through Holdfast, and calls as its user", async () => {
      await using front = await startFront();
      const signIn = new SignIn("anna");
      await using client = await connect(front.url, signIn);
      assert.equal(await client.callTool("whoami", {}), "anna, call 1");
      assert.deepEqual([signIn.signIns, client.errors()], [1, []]);
    });

    it("notices nothing of a restart of the server", async () => {
      await using front = await startFront();
      const signIn = new SignIn("anna");
      await using client = await connect(front.url, signIn);
      await client.callTool("whoami", {});
      const session = client.sessionId();

      await front.server.restart();

      assert.equal(await client.callTool("whoami", {}), "anna, call 1");
      assert.deepEqual([signIn.signIns, client.errors(), client.sessionId()], [1, [], session]);
      assert.equal(await countOf(front.server, "initialize"), 1);
    });

    it("keeps its session when its token is refreshed", async () => {
      await using front = await startFront();
      const signIn = new SignIn("anna");
      await using client = await withStream(front.server, "anna", () => connect(front.url, signIn));
      await client.callTool("whoami", {});
      const [session, token] = [client.sessionId(), signIn.held.access_token];

      await front.server.expireAccessTokens();

      assert.equal(await client.callTool("whoami", {}), "anna, call 2");
      assert.notEqual(signIn.held.access_token, token);
      assert.deepEqual([signIn.signIns, client.errors(), client.sessionId()], [1, [], session]);
      assert.equal(await countOf(front.server, "initialize"), 1);
    });

    it("keeps its session when the server restarts and the token has expired meanwhile", async () => {
      await using front = await startFront();
      const signIn = new SignIn("anna");
      await using client = await withStream(front.server, "anna", () => connect(front.url, signIn));
      await client.callTool("whoami", {});
      await front.server.expireAccessTokens();
      await front.server.restart();

      assert.equal(await client.callTool("whoami", {}), "anna, call 1");
      assert.deepEqual([signIn.signIns, client.errors()], [1, []]);
    });
  });
}

describe("a credential that the server refuses", () => {
  it("gets the server's own 401 and challenge at first contact", async () => {
    await using front = await startFront();
    const through = await post(front.url, {}, callTool("whoami"));
    const direct = await post(front.server.url, {}, callTool("whoami"));
    assert.deepEqual([through.status, through.text], [401, direct.text]);
    assert.equal(through.headers.get("www-authenticate"), direct.headers.get("www-authenticate"));
    assert.match(direct.headers.get("www-authenticate") ?? "", /resource_metadata=/);
  });

  it("gets the server's own 401 for a revoked token, and nothing is sent a second time", async () => {
    await using front = await startFront();
    await using anna = await signIn(front, "anna");
    const { client } = anna;
    const presented = { token: anna.token(), session: client.sessionId() };
    const origin = new URL(front.url).origin;
    const { client_id: id } = anna.provider.clientInformation() as { client_id: string };
    const form = new URLSearchParams({ token: presented.token, client_id: id });
    assert.equal((await fetch(`${origin}/revoke`, { method: "POST", body: form })).status, 200);
    const before = (await front.server.journal()).length;

    const refused = await post(front.url, presented, callTool("whoami"));

    assert.equal(refused.status, 401);
    assert.match(refused.headers.get("www-authenticate") ?? "", /invalid_token.*resource_metadata=/);
    assert.deepEqual(
      (await front.server.journal()).slice(before).map(({ method, status }) => [method, status]),
      [["tools/call", 401]],
    );
  });

  // Some servers look at the token first, and the loss is met by a valid one; others at the session first, and then the restore meets the expired one.
  for (const sessionsFirst of [false, true]) {
    const order = sessionsFirst ? "the session before the token" : "the token before the session";

    it(`gets the server's own 401 after a restart of one that looks at ${order}, and the session waits for a valid one`, async () => {
      await using front = await startFront([], { sessionsFirst });
      await using anna = await signIn(front, "anna");
      const { client } = anna;
      const expired = { token: anna.token(), session: client.sessionId() };
      await front.server.expireAccessTokens();
      await client.callTool("whoami", {});
      await front.server.restart();

      for (let round = 0; round < 8; round++) {
        const refused = await post(front.url, expired, callTool("whoami"));
        assert.equal(refused.status, 401, refused.text);
        assert.match(refused.headers.get("www-authenticate") ?? "", /resource_metadata=/);
      }
      for (const method of ["GET", "DELETE"] as const) {
        const refused = await send(method, front.url, expired);
        assert.equal(refused.status, 401, await refused.text());
      }

      assert.equal(await client.callTool("whoami", {}), "anna, call 1");
      assert.deepEqual(client.errors(), []);
    });

    it(`does not fail a valid one that meets the same loss at a server that looks at ${order}`, async () => {
      await using front = await startFront([], { sessionsFirst });
      await using anna = await signIn(front, "anna");
      const session = anna.client.sessionId();
      const expired = anna.token();
      await front.server.expireAccessTokens();
      await anna.client.callTool("whoami", {});
      const valid = anna.token();
      await front.server.restart();

      const tokens = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? expired : valid));
      const answers = await Promise.all(
        tokens.map((token, index) => post(front.url, { token, session }, callTool("whoami", index + 10))),
      );

      assert.deepEqual(
        answers.map(({ status }) => status),
        tokens.map((token) => (token === valid ? 200 : 401)),
      );
      assert.equal(await countOf(front.server, "tools/call"), 10);
      assert.equal(await countOf(front.server, "initialize"), 1);
    });
  }
});

describe("a session id in other hands", () => {
  it("is as unknown as any other id to another user of the server", async () => {
    await using front = await startFront();
    await using anna = await signIn(front, "anna");
    await using bela = await signIn(front, "bela");
    const annas = anna.client;
    const before = (await front.server.journal()).length;
    for (const message of [callTool("whoami"), { method: "notifications/initialized" }]) {
      const foreign = await post(front.url, { token: bela.token(), session: annas.sessionId() }, message);
      const unknown = await post(front.url, { token: bela.token(), session: "no-such-session" }, message);
      const plain = (text: string) => text.replaceAll(/"requestId":"[^"]*"/g, "");
      assert.deepEqual([foreign.status, plain(foreign.text)], [404, plain(unknown.text)]);
    }
    for (const method of ["GET", "DELETE"] as const) {
      const foreign = await send(method, front.url, { token: bela.token(), session: annas.sessionId() });
      assert.equal(foreign.status, 404);
    }
    assert.equal((await front.server.journal()).length, before);
    assert.match(await annas.callTool("whoami", {}), /^anna/);
  });

  it("serves nobody with a forged token of its user, and comes to no harm", async () => {
    await using front = await startFront();
    await using anna = await signIn(front, "anna");
    const session = await openSession(front.url, { token: anna.token() });
    const owner = { token: anna.token(), session };
    const forged = { token: forge(anna.token()), session };
    const stream = await send("GET", front.url, owner);
    assert.equal(stream.status, 200);
    const events = (stream.body ?? assert.fail("no stream")).pipeThrough(new TextDecoderStream()).getReader();

    for (const message of [callTool("whoami"), { method: "notifications/cancelled", params: { requestId: 2 } }]) {
      assert.equal((await post(front.url, forged, message)).status, 401);
    }
    for (const method of ["GET", "DELETE"] as const) {
      const refused = await send(method, front.url, forged);
      assert.equal(refused.status, 401, `${method} ${refused.status}`);
      assert.match(refused.headers.get("www-authenticate") ?? "", /invalid_token/);
      await refused.text();
    }

    // The stream is still the owner's, and what the session does of its own accord goes on under the owner's credential.
    await post(front.url, owner, callTool("announce"));
    let told = "";
    while (!told.includes("list_changed")) told += (await events.read()).value ?? assert.fail(told);
    for (let round = 0; round < 6; round++) await post(front.url, forged, callTool("whoami"));
    await front.server.restart();
    for (let round = 0; round < 8; round++) {
      assert.equal((await post(front.url, forged, callTool("whoami"))).status, 401);
    }
    const answer = await post(front.url, owner, callTool("whoami"));
    assert.match(answer.text, /anna, call 1/);
    await events.cancel();
  });

  it("opens its stream for the owner alone when many ask at once", async () => {
    await using front = await startFront();
    await using anna = await signIn(front, "anna");
    const session = await openSession(front.url, { token: anna.token() });
    const tokens = Array.from({ length: 12 }, (_, index) => (index % 3 === 1 ? anna.token() : forge(anna.token())));
    const streams = await Promise.all(tokens.map((token) => send("GET", front.url, { token, session })));
    assert.deepEqual(
      streams.map(({ status }) => status),
      tokens.map((token) => (token === anna.token() ? 200 : 401)),
    );
    for (const { body } of streams) await body?.cancel();
  });

  it("is ended by its owner alone, at the server as well", async () => {
    await using front = await startFront();
    await using anna = await signIn(front, "anna");
    const session = await openSession(front.url, { token: anna.token() });
    const before = (await front.server.journal()).length;
    assert.equal((await send("DELETE", front.url, { token: anna.token(), session })).status, 200);
    const ended = (await front.server.journal()).slice(before).filter(({ http }) => http === "DELETE");
    assert.deepEqual(
      ended.map(({ status, user }) => [status, user]),
      [[200, "anna"]],
    );
    assert.equal((await post(front.url, { token: anna.token(), session }, callTool("whoami"))).status, 404);
  });
});
