// Signing in to a server by OAuth: oidc-provider as the authorization server, a user agent that walks its forms, and the built hub between.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHub } from "../support/hub.ts";
import { startSignInServer } from "../support/sign-in-server.ts";
import { UserAgent } from "../support/user-agent.ts";
import { toolText, RawClient } from "./recovery-scene.ts";

const timeout = 120_000;

describe("a connector whose server asks for a sign-in", { timeout }, () => {
  it("works once its user has signed in", async () => {
    await using server = await startSignInServer();
    await using hub = await startHub({ args: ["--no-demo"] });
    await hub.addLocal("one", { kind: "http", url: server.url, wire: "streamable-http" });
    await hub.until("one", "needs-sign-in");
    const begun = await hub.api("POST", "/connectors/one/sign-in", {});
    assert.equal(begun.status, 201, begun.text);
    const page = await new UserAgent().signIn(String(begun.body["authorizationUrl"]));
    assert.equal(page.status, 200, page.text);
    console.log(page.text);
    console.log(await hub.until("one", "connected"));
    const client = new RawClient(`${hub.url}/c/one/mcp`);
    await client.initialize();
    assert.equal(toolText(await client.call("whoami", {})), "anna, call 1");
  });
});
