// Signing in to a server by OAuth: oidc-provider as the authorization server, a user agent that walks its forms, and the built hub between.
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { filesWith, openSignedInStage, openSignInStage, type SignInStage } from "../support/signed-in.ts";
import { UserAgent } from "../support/user-agent.ts";
import { errorCode, eventually, RawClient, toolText } from "./recovery-scene.ts";

const timeout = 120_000;
type Json = Readonly<Record<string, unknown>>;

async function connect(stage: SignInStage): Promise<RawClient> {
  const client = new RawClient(stage.endpoint);
  await client.initialize();
  return client;
}

const refreshes = ({ server }: SignInStage) => server.tokenRequests.filter(({ grant }) => grant === "refresh_token");
const troubleOf = (view: Json) => (view["signIn"] as { trouble?: Json } | undefined)?.trouble;

/** How many credentials a store holds. */
function credentialRows(dataDir: string): number {
  using database = new DatabaseSync(join(dataDir, "holdfast.db"), { readOnly: true });
  return Number(database.prepare("select count(*) as rows from credential").get()?.["rows"]);
}

describe("a connector whose server asks for a sign-in", { timeout }, () => {
  it("tells its clients so with what to do, and works once its user has signed in", async () => {
    await using stage = await openSignInStage();
    const early = new RawClient(stage.endpoint);
    const refused = await early.initialize();
    assert.equal(errorCode(refused), "AUTHORIZATION_REQUIRED");
    assert.match(refused.text, new RegExp(`holdfast login one, or ${stage.hub.url}/connectors/one`));
    const page = await stage.signIn();
    assert.equal(page.status, 200, page.text);
    assert.match(page.text, /<h1>Signed in<\/h1>/);
    const view = await stage.hub.until("one", "connected");
    const signIn = view["signIn"] as Json;
    assert.equal(signIn["issuer"], stage.server.issuer);
    assert.equal(signIn["subject"], "anna@example.com");
    assert.ok(Date.parse(String(signIn["expiresAt"])) > Date.now());
    assert.equal(toolText(await (await connect(stage)).call("whoami", {})), "anna, call 1");
  });

  it("asks for the server's own resource with PKCE, and shows the state to nobody else", async () => {
    await using stage = await openSignInStage();
    const { searchParams: asked } = new URL(await stage.begin());
    assert.equal(asked.get("resource"), stage.server.url);
    assert.equal(asked.get("code_challenge_method"), "S256");
    assert.match(asked.get("redirect_uri") ?? "", /^http:\/\/127\.0\.0\.1:\d+\/oauth\/upstream\/callback\/[\w-]{16}$/);
    assert.ok((asked.get("state") ?? "").length >= 32);
  });

  it("stays signed in after the hub was killed", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    await stage.hub.restart();
    await stage.hub.until("one", "connected");
    assert.equal(toolText(await client.call("whoami", {})), "anna, call 1");
    assert.equal(stage.server.tokenRequests.length, 1, "signed in once, renewed never");
  });

  it("lets 100 calls that meet an expired token wait for one renewal, and runs each of them once", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    stage.server.expire();
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.call("whoami", {})));
    const numbers = answers.map((answer) => Number(/call (\d+)$/.exec(toolText(answer) ?? "")?.[1]));
    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    assert.deepEqual(refreshes(stage), [{ grant: "refresh_token", status: 200 }]);
  });

  it("is renewed again and again with refresh tokens that each serve once", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    for (let round = 1; round <= 3; round += 1) {
      stage.server.expire();
      assert.equal(toolText(await client.call("whoami", {})), `anna, call ${round}`);
      if (round === 2) await stage.hub.restart();
    }
    assert.deepEqual(
      refreshes(stage).map(({ status }) => status),
      [200, 200, 200],
    );
  });

  it("is renewed before the token expires, so that the server never refuses one", async () => {
    await using stage = await openSignedInStage({ lifeSeconds: 6 });
    const client = await connect(stage);
    const before = stage.server.refusals;
    const endMs = Date.now() + 11_000;
    for (let calls = 1; Date.now() < endMs; calls += 1)
      assert.equal(toolText(await client.call("whoami", {})), `anna, call ${calls}`);
    assert.equal(stage.server.refusals, before);
    assert.ok(refreshes(stage).length >= 2, JSON.stringify(stage.server.tokenRequests));
  });
});

describe("a server behind HTTP+SSE that asks for a sign-in", { timeout }, () => {
  it("is signed in to, and its messages carry the renewed token though the event stream is older", async () => {
    await using stage = await openSignedInStage({ wire: "http-sse", path: "/sse" });
    const client = await connect(stage);
    assert.equal(toolText(await client.call("whoami", {})), "anna, call 1");
    stage.server.expire();
    assert.equal(toolText(await client.call("whoami", {})), "anna, call 2");
    assert.deepEqual(refreshes(stage), [{ grant: "refresh_token", status: 200 }]);
  });
});

describe("a WebSocket server that asks for a sign-in", { timeout }, () => {
  it("is found by its well-known place, and a new connection carries the renewed token", async () => {
    await using stage = await openSignedInStage({ wire: "websocket" });
    assert.equal(toolText(await (await connect(stage)).call("whoami", {})), "anna, call 1");
    stage.server.expire();
    assert.equal(toolText(await (await connect(stage)).call("whoami", {})), "anna, call 1");
    assert.deepEqual(refreshes(stage), [{ grant: "refresh_token", status: 200 }]);
  });
});

describe("a sign-in that is over", { timeout }, () => {
  it("is said so where the authorization server refuses to renew it, is not asked for again, and is mended by the next one", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    stage.server.revokeAll();
    const refused = await client.call("whoami", {});
    assert.equal(errorCode(refused), "SIGN_IN_OVER", refused.text);
    assert.match(refused.text, /invalid_grant.*holdfast login one/);
    const view = await stage.hub.until("one", "needs-sign-in");
    assert.equal(troubleOf(view)?.["code"], "SIGN_IN_OVER");
    assert.equal((view["status"] as Json)["errorCode"], "SIGN_IN_OVER");
    assert.equal(errorCode(await client.call("whoami", {})), "SIGN_IN_OVER");
    await stage.hub.restart();
    await stage.hub.until("one", "needs-sign-in");
    assert.equal(errorCode(await client.call("whoami", {})), "SIGN_IN_OVER");
    assert.equal(refreshes(stage).length, 1);
    await stage.signIn();
    await stage.hub.until("one", "connected");
    assert.equal(toolText(await client.call("whoami", {})), "anna, call 1");
  });

  it("is said so where the server refuses the renewed token as well, without a loop", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    stage.server.refuseAll(true);
    assert.equal(errorCode(await client.call("whoami", {})), "SIGN_IN_OVER");
    assert.equal(errorCode(await client.call("whoami", {})), "SIGN_IN_OVER");
    assert.equal(refreshes(stage).length, 1);
    await stage.hub.until("one", "needs-sign-in");
    stage.server.refuseAll(false);
    await stage.hub.api("POST", "/connectors/one/test");
    assert.equal(toolText(await client.call("whoami", {})), "anna, call 1");
  });

  it("is kept where the authorization server only fails for the moment", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    stage.server.expire();
    stage.server.hold.status = 503;
    assert.equal(errorCode(await client.call("whoami", {})), "CREDENTIAL_NOT_RENEWED");
    stage.server.hold.status = undefined;
    await eventually(
      async () => (errorCode(await client.call("whoami", {})) === undefined ? true : undefined),
      "renewed after all",
    );
  });

  it("says that an earlier run may have used it up, where the hub was killed between the renewal's answer and the store", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    stage.server.expire();
    stage.server.hold.before = new Promise(() => {});
    const cut = client.call("whoami", {}).catch(() => undefined);
    await eventually(() => refreshes(stage)[0], "the authorization server has renewed it");
    await stage.hub.kill();
    await cut;
    stage.server.hold.before = undefined;
    await stage.hub.restart();
    const refused = await client.call("whoami", {});
    assert.equal(errorCode(refused), "SIGN_IN_OVER", refused.text);
    assert.match(refused.text, /An earlier run ended while it was renewing the credential/);
    await stage.signIn();
    await stage.hub.until("one", "connected");
  });
});

describe("a server that wants more rights", { timeout }, () => {
  it("is told of as such, and the next sign-in asks for them beside the ones it has", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    stage.server.wants.scope = "tools:write";
    const refused = await client.call("whoami", {});
    assert.equal(errorCode(refused), "SCOPE_REQUIRED", refused.text);
    assert.match(refused.text, /tools:write/);
    const status = (await stage.hub.until("one", "needs-sign-in"))["status"] as Json;
    assert.match(String(status["summary"]), /tools:write/);
    const scope = new URL(await stage.begin()).searchParams.get("scope") ?? "";
    assert.deepEqual(
      ["tools:read", "tools:write"].map((one) => scope.split(" ").includes(one)),
      [true, true],
      scope,
    );
    await stage.signIn();
    await stage.hub.until("one", "connected");
    assert.equal(toolText(await client.call("whoami", {})), "anna, call 1");
  });
});

describe("signing out", { timeout }, () => {
  it("forgets the credential and has it revoked, and a renewal that comes late brings nothing back", async () => {
    await using stage = await openSignedInStage();
    const client = await connect(stage);
    stage.server.expire();
    const released = Promise.withResolvers<void>();
    stage.server.hold.before = released.promise;
    const late = client.call("whoami", {});
    await eventually(() => refreshes(stage)[0], "a renewal is under way");
    const out = await stage.hub.api("DELETE", "/connectors/one/sign-in");
    assert.deepEqual(out.body, { signedOut: true, revoked: true });
    stage.server.hold.before = undefined;
    released.resolve();
    assert.equal(errorCode(await late), "AUTHORIZATION_REQUIRED");
    const view = await stage.hub.until("one", "needs-sign-in");
    assert.equal(view["signIn"], undefined);
    assert.equal(credentialRows(stage.hub.dataDir), 0);
    assert.ok(stage.server.asked.includes("POST /token/revocation"));
    const again = await stage.hub.api("DELETE", "/connectors/one/sign-in");
    assert.deepEqual(again.body, { signedOut: false, revoked: false });
  });

  it("comes with a removal: the connector that is added again starts from nothing", async () => {
    await using stage = await openSignedInStage();
    const tag = (await stage.hub.api("GET", "/connectors/one")).headers.get("etag") ?? "";
    await stage.hub.api("DELETE", "/connectors/one", undefined, { "if-match": tag });
    assert.equal(credentialRows(stage.hub.dataDir), 0);
    await eventually(() => stage.server.asked.find((one) => one === "POST /token/revocation"), "revoked");
    await stage.hub.addLocal("one", { kind: "http", url: stage.server.url, wire: "streamable-http" });
    assert.equal((await stage.hub.until("one", "needs-sign-in"))["signIn"], undefined);
  });

  it("comes with another address: the credential goes to no other server", async () => {
    await using stage = await openSignedInStage();
    await using other = await openSignInStage();
    const before = other.server.seen.size;
    await stage.hub.edit("one", { kind: "http", url: other.server.url, wire: "streamable-http" });
    assert.equal((await stage.hub.until("one", "needs-sign-in"))["signIn"], undefined);
    assert.equal(credentialRows(stage.hub.dataDir), 0);
    assert.equal(other.server.seen.size, before);
  });

  it("is not what a disconnect is: after the next connect the sign-in is there", async () => {
    await using stage = await openSignedInStage();
    await stage.hub.api("POST", "/connectors/one/disconnect");
    assert.equal(((await stage.get())["signIn"] as Json)["subject"], "anna@example.com");
    await stage.hub.restart();
    assert.equal(((await stage.get())["signIn"] as Json)["subject"], "anna@example.com");
    await stage.hub.api("POST", "/connectors/one/connect");
    await stage.hub.until("one", "connected");
    assert.equal(toolText(await (await connect(stage)).call("whoami", {})), "anna, call 1");
  });
});

describe("the tokens of a sign-in", { timeout }, () => {
  it("stand in no file, log line, answer, metric or body that is kept, and leave no byte after a sign-out", async () => {
    await using stage = await openSignedInStage();
    const { hub, server } = stage;
    await hub.api("PATCH", "/connectors/one/inspector", { keepBodies: true });
    const client = await connect(stage);
    await client.call("whoami", {});
    server.expire();
    await client.call("whoami", {});
    server.refuseAll(true);
    await client.call("whoami", {});
    server.refuseAll(false);
    const words = [...server.seen, ...server.issued];
    assert.ok(words.length >= 4, `${words.length} words`);
    const said = [
      hub.output(),
      await (await fetch(`${hub.url}/metrics`)).text(),
      ...(await Promise.all(
        ["/connectors", "/connectors/one", "/connectors/one/exchanges", "/connectors/one/sessions", "/settings"].map(
          async (path) => (await hub.api("GET", path)).text,
        ),
      )),
    ];
    for (const word of words) for (const text of said) assert.ok(!text.includes(word), text.slice(0, 200));
    assert.deepEqual(filesWith(hub.dataDir, words), []);
    const sealed = sealedOf(hub.dataDir);
    await hub.api("DELETE", "/connectors/one/sign-in");
    assert.deepEqual(filesWith(hub.dataDir, [sealed]), []);
  });

  it("are of nobody who only found the way back", async () => {
    await using stage = await openSignInStage();
    const link = new URL(await stage.begin());
    const back = new URL(link.searchParams.get("redirect_uri") ?? "");
    back.searchParams.set("state", "x".repeat(32));
    back.searchParams.set("code", "stolen");
    const page = await new UserAgent().open(back.href);
    assert.equal(page.status, 400);
    assert.match(page.text, /SIGN_IN_UNKNOWN/);
    assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    assert.ok(!page.text.includes("stolen"));
  });
});

/** The stored credential's bytes, as they would be found in a file. */
function sealedOf(dataDir: string): string {
  using database = new DatabaseSync(join(dataDir, "holdfast.db"), { readOnly: true });
  const bytes = database.prepare("select sealed from credential").get()?.["sealed"];
  assert.ok(bytes instanceof Uint8Array);
  return Buffer.from(bytes).subarray(20, 60).toString("latin1");
}
