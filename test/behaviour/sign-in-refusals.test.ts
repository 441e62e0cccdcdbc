// What a sign-in meets that is not as it should be: each with its own error, and nothing kept of it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { startHub } from "../support/hub.ts";
import { startSignInServer } from "../support/sign-in-server.ts";
import { openSignInStage, type SignInStage } from "../support/signed-in.ts";
import { UserAgent } from "../support/user-agent.ts";

const timeout = 120_000;
type Json = Readonly<Record<string, unknown>>;

async function refusalOf({ hub }: SignInStage, wish: Json = {}): Promise<string> {
  const { status, body, text } = await hub.api("POST", "/connectors/one/sign-in", wish);
  assert.ok(status >= 400, text);
  return String(body["code"]);
}

/** The address to which the authorization server sends the browser back, before anybody goes there. */
async function answerOf(stage: SignInStage): Promise<URL> {
  const agent = new UserAgent();
  const back = new URL(new URL(await stage.begin()).searchParams.get("redirect_uri") ?? "");
  return new URL((await agent.signIn(await stage.begin(), "anna", back.origin)).url);
}

/** Metadata in which one member is missing. */
const without = (member: string) => (document: Json) =>
  Object.fromEntries(Object.entries(document).filter(([name]) => name !== member));

const codeOn = (text: string) => /\(([A-Z_]+)\)<\/p>/.exec(text)?.[1];
const open = async (url: URL) => {
  const page = await new UserAgent().open(url.href);
  return [page.status, codeOn(page.text)];
};

describe("metadata that cannot be trusted", { timeout }, () => {
  it("of another server is refused", async () => {
    await using stage = await openSignInStage({ resource: (it) => ({ ...it, resource: "https://example.com/mcp" }) });
    assert.equal(await refusalOf(stage), "RESOURCE_MISMATCH");
  });

  it("of a path beside the server's own is refused, of one above it is taken", async () => {
    const at = (path: string) => ({
      resource: (it: Json) => ({ ...it, resource: String(it["resource"]).replace("/mcp", path) }),
    });
    await using beside = await openSignInStage(at("/mc"));
    assert.equal(await refusalOf(beside), "RESOURCE_MISMATCH");
    await using above = await openSignInStage(at(""));
    assert.ok((await above.begin()).startsWith("http://127.0.0.1:"));
  });

  it("of an authorization server that says it is another one is refused", async () => {
    await using stage = await openSignInStage({ metadata: (it) => ({ ...it, issuer: "https://example.com" }) });
    assert.equal(await refusalOf(stage), "ISSUER_MISMATCH");
  });

  it("without PKCE is refused", async () => {
    await using plain = await openSignInStage({
      metadata: (it) => ({ ...it, code_challenge_methods_supported: ["plain"] }),
    });
    assert.equal(await refusalOf(plain), "PKCE_NOT_SUPPORTED");
    await using silent = await openSignInStage({ metadata: without("code_challenge_methods_supported") });
    assert.equal(await refusalOf(silent), "PKCE_NOT_SUPPORTED");
  });

  it("without a token endpoint, or over plain http elsewhere, is refused", async () => {
    await using lacking = await openSignInStage({ metadata: without("token_endpoint") });
    assert.equal(await refusalOf(lacking), "AUTHORIZATION_SERVER_UNUSABLE");
    await using plain = await openSignInStage({
      metadata: (it) => ({ ...it, authorization_endpoint: "http://example.com/auth" }),
    });
    assert.equal(await refusalOf(plain), "SIGN_IN_ADDRESS_REFUSED");
    await using script = await openSignInStage({
      metadata: (it) => ({ ...it, authorization_endpoint: "javascript:alert(1)" }),
    });
    assert.equal(await refusalOf(script), "SIGN_IN_ADDRESS_REFUSED");
  });

  it("that is larger than 256 KiB is refused, and at that size taken", async () => {
    const padded = (bytes: number) => ({
      metadata: (it: Json) => {
        const bare = JSON.stringify({ ...it, padding: "" }).length;
        return { ...it, padding: "x".repeat(bytes - bare) };
      },
    });
    await using full = await openSignInStage(padded(256 * 1024));
    assert.ok((await full.begin()).startsWith("http://127.0.0.1:"));
    await using over = await openSignInStage(padded(256 * 1024 + 1));
    assert.equal(await refusalOf(over), "AUTHORIZATION_SERVER_UNUSABLE");
  });

  it("that leads a connector of REST to this machine is refused, also where its server is allowed", async () => {
    await using server = await startSignInServer({
      resource: (it) => ({ ...it, authorization_servers: ["http://127.0.0.2:9"] }),
    });
    await using hub = await startHub({ args: ["--no-demo", "--allow-private-addresses", "127.0.0.1/32"] });
    await hub.api("POST", "/connectors", { name: "one", server: { kind: "http", url: server.url } });
    await hub.until("one", "needs-sign-in");
    const { body } = await hub.api("POST", "/connectors/one/sign-in", {});
    assert.equal(body["code"], "SIGN_IN_ADDRESS_REFUSED", JSON.stringify(body));
  });

  it("that leads nowhere says that the authorization server cannot be reached", async () => {
    await using stage = await openSignInStage({
      resource: (it) => ({ ...it, authorization_servers: ["http://127.0.0.1:9"] }),
    });
    assert.equal(await refusalOf(stage), "AUTHORIZATION_SERVER_UNREACHABLE");
  });

  it("is looked for where a challenge does not name it, at the path's own place", async () => {
    await using stage = await openSignInStage({ bareChallenge: true });
    assert.equal((await stage.signIn()).status, 200);
    await stage.hub.until("one", "connected");
  });

  it("is not there: the server has no sign-in to offer", async () => {
    await using stage = await openSignInStage({ publishesNothing: true });
    assert.equal(await refusalOf(stage), "SIGN_IN_NOT_OFFERED");
  });
});

describe("the client that asks", { timeout }, () => {
  it("is what the user was given, where no program may register", async () => {
    const given = { clientId: "holdfast-by-hand", clientSecret: "s3cret-by-hand" };
    const keyOf = (issuer: string) => createHash("sha256").update(issuer).digest("base64url").slice(0, 16);
    const client = (issuer: string) => ({
      client_id: given.clientId,
      client_secret: given.clientSecret,
      redirect_uris: [`http://127.0.0.1/oauth/upstream/callback/${keyOf(issuer)}`],
      grant_types: ["authorization_code", "refresh_token"],
      application_type: "native",
    });
    await using stage = await openSignInStage({
      metadata: without("registration_endpoint"),
      configuration: (issuer) => ({ clients: [client(issuer)] }),
    });
    const { body } = await stage.hub.api("POST", "/connectors/one/sign-in", {});
    assert.equal(body["code"], "CLIENT_ID_NEEDED");
    assert.match(String(body["detail"]), /http:\/\/127\.0\.0\.1:\d+\/oauth\/upstream\/callback\/[\w-]{16}/);
    const page = await stage.signIn(given);
    assert.equal(page.status, 200, page.text);
    const view = await stage.hub.until("one", "connected");
    assert.ok(!JSON.stringify(view).includes(given.clientSecret));
    // Kept with the sign-in: the next one needs it no more.
    assert.equal((await stage.signIn()).status, 200);
  });

  it("is its own document, where the page is reached over https and the authorization server reads such", async () => {
    await using stage = await openSignInStage({
      metadata: (it) => ({ ...it, client_id_metadata_document_supported: true }),
    });
    const { hub } = stage;
    const code = hub.loginUrl().split("#")[1];
    const entered = await hub.api("POST", "/login", { code }, { authorization: undefined });
    const cookie = entered.headers.getSetCookie()[0]?.split(";")[0];
    const base = hub.url.replace("http:", "https:");
    const begun = await hub.api(
      "POST",
      "/connectors/one/sign-in",
      {},
      { authorization: undefined, cookie, origin: base },
    );
    const asked = new URL(String(begun.body["authorizationUrl"])).searchParams;
    const id = asked.get("client_id") ?? "";
    assert.ok(id.startsWith(`${base}/oauth/client-metadata/`), id);
    assert.match(begun.headers.getSetCookie()[0] ?? "", /; Secure/);
    const document = (await (await fetch(id.replace("https:", "http:"))).json()) as Json;
    assert.equal(document["client_id"], id);
    assert.deepEqual(document["redirect_uris"], [asked.get("redirect_uri")]);
    assert.equal(document["token_endpoint_auth_method"], "none");
    assert.equal(document["application_type"], "native");
    assert.equal(stage.server.asked.includes("POST /reg"), false);
  });

  it("is refused by name where the authorization server will not register it", async () => {
    await using stage = await openSignInStage({
      metadata: (it) => ({ ...it, registration_endpoint: String(it["token_endpoint"]).replace("/token", "/nothing") }),
    });
    assert.equal(await refusalOf(stage), "CLIENT_REGISTRATION_REFUSED");
  });

  it("registers once, and not again for the next sign-in", async () => {
    await using stage = await openSignInStage();
    const ids: (string | null)[] = [];
    for (let round = 0; round < 2; round += 1) {
      const link = await stage.begin();
      ids.push(new URL(link).searchParams.get("client_id"));
      await new UserAgent().signIn(link);
    }
    assert.equal(ids[0], ids[1]);
    assert.equal(stage.server.asked.filter((one) => one === "POST /reg").length, 1);
  });
});

describe("the way back", { timeout }, () => {
  it("serves once", async () => {
    await using stage = await openSignInStage();
    const back = await answerOf(stage);
    assert.deepEqual(await open(back), [200, undefined]);
    assert.deepEqual(await open(back), [400, "SIGN_IN_UNKNOWN"]);
  });

  it("is refused with another state, at another server's address, and with another issuer's word", async () => {
    await using stage = await openSignInStage();
    const [state, path, issuer] = [await answerOf(stage), await answerOf(stage), await answerOf(stage)];
    state.searchParams.set("state", "another");
    assert.deepEqual(await open(state), [400, "SIGN_IN_UNKNOWN"]);
    path.pathname = `${path.pathname.slice(0, -16)}${"a".repeat(16)}`;
    assert.deepEqual(await open(path), [400, "SIGN_IN_UNKNOWN"]);
    issuer.searchParams.set("iss", "https://example.com");
    assert.deepEqual(await open(issuer), [502, "ISSUER_MISMATCH"]);
    assert.equal(stage.server.tokenRequests.length, 0);
  });

  it("is refused without the issuer's word, where its server promises one", async () => {
    await using stage = await openSignInStage();
    const back = await answerOf(stage);
    back.searchParams.delete("iss");
    assert.deepEqual(await open(back), [502, "ISSUER_MISMATCH"]);
  });

  it("tells of a user who did not allow it, and of a code that is worth nothing", async () => {
    await using stage = await openSignInStage();
    const [denied, wrong] = [await answerOf(stage), await answerOf(stage)];
    denied.searchParams.delete("code");
    denied.searchParams.set("error", "access_denied");
    assert.deepEqual(await open(denied), [403, "SIGN_IN_REFUSED"]);
    wrong.searchParams.set("code", "wrong");
    assert.deepEqual(await open(wrong), [403, "SIGN_IN_REFUSED"]);
  });

  it("keeps nothing where the connector was removed meanwhile", async () => {
    await using stage = await openSignInStage();
    const back = await answerOf(stage);
    const tag = (await stage.hub.api("GET", "/connectors/one")).headers.get("etag") ?? "";
    await stage.hub.api("DELETE", "/connectors/one", undefined, { "if-match": tag });
    assert.deepEqual(await open(back), [400, "SIGN_IN_UNKNOWN"]);
  });

  it("is the browser's own in which the page began it", async () => {
    await using stage = await openSignInStage();
    const { hub } = stage;
    const code = hub.loginUrl().split("#")[1];
    const entered = await hub.api("POST", "/login", { code }, { authorization: undefined });
    const cookie = entered.headers
      .getSetCookie()
      .map((one) => one.split(";")[0])
      .join("; ");
    const from = { authorization: undefined, cookie, origin: hub.url };
    const begun = await hub.api("POST", "/connectors/one/sign-in", {}, from);
    assert.equal(begun.status, 201, begun.text);
    const [bound = ""] = begun.headers.getSetCookie();
    assert.match(bound, /^holdfast-sign-in-[\w-]+=[\w-]+; Path=\/oauth\/upstream\/callback; HttpOnly; SameSite=Lax/);
    const link = String(begun.body["authorizationUrl"]);
    const stranger = await new UserAgent().signIn(link);
    assert.equal(codeOn(stranger.text), "SIGN_IN_UNKNOWN");
    const owner = new UserAgent();
    owner.keep(new URL(hub.url).host, [bound]);
    assert.equal((await owner.signIn(link)).status, 200);
    const foreign = await hub.api("POST", "/connectors/one/sign-in", {}, { ...from, origin: "http://127.0.0.1:1" });
    assert.equal(foreign.body["code"], "CROSS_SITE_REFUSED");
  });
});

describe("a connector that cannot be signed in to", { timeout }, () => {
  it("says why: a program, and a header of the user's own", async () => {
    await using stage = await openSignInStage();
    const { hub, server } = stage;
    await hub.addLocal("program", {
      kind: "stdio",
      command: process.execPath,
      args: ["-e", ""],
      env: {},
      share: false,
    });
    const header = { headers: { authorization: "Bearer mine" } };
    await hub.addLocal("headed", { kind: "http", url: server.url, wire: "streamable-http" }, header);
    const code = async (name: string) => (await hub.api("POST", `/connectors/${name}/sign-in`, {})).body["code"];
    assert.equal(await code("program"), "SIGN_IN_NOT_FOR_PROGRAMS");
    assert.equal(await code("headed"), "SIGN_IN_HEADER_CONFLICT");
    assert.equal(await code("nobody"), "CONNECTOR_UNKNOWN");
  });
});
