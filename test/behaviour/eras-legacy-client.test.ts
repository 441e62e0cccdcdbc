// A legacy client in front of a modern server: it gets a session, its server's questions, logs and changes, as if the server were of its own era.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { EmptyResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { askedClient } from "../support/asked-client.ts";
import { clients } from "../support/clients.ts";
import { type EraServer, eraServer } from "../support/era-servers.ts";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";

describe("a legacy client of a modern server", () => {
  let server: EraServer;
  let holdfast: Holdfast;

  before(async () => {
    server = await eraServer("modern");
    holdfast = await startHoldfast(server.url);
  });

  after(async () => {
    await holdfast[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it("is told what server/discover says, in the revision that it asked for", async () => {
    await using session = await askedClient(holdfast.url);
    assert.deepEqual(session.client.getServerVersion(), { name: "era-server", version: "1.0.0" });
    assert.equal(session.client.getInstructions(), "Be kind.");
    assert.equal(session.client.getServerCapabilities()?.resources?.subscribe, true);
    assert.equal(session.transport.protocolVersion, "2025-11-25");
    assert.ok(session.transport.sessionId !== undefined);
  });

  it("is asked what the server needs to know, and its answer reaches the call that waits", async () => {
    await using session = await askedClient(holdfast.url);
    assert.equal(await session.call("ask_name"), "Hello, user 1!");
    assert.deepEqual(session.asked, ["Who are you?"]);
  });

  it("is asked three things at once, of three kinds", async () => {
    await using session = await askedClient(holdfast.url);
    assert.equal(await session.call("ask_all"), 'user 1, {"type":"text","text":"said"}, file:///root');
  });

  it("is asked again in a second round, and the server gets back the state it gave", async () => {
    await using session = await askedClient(holdfast.url);
    assert.equal(await session.call("ask_twice"), "user 1 user 2");
    assert.deepEqual(session.asked, ["First name?", "Last name?"]);
  });

  for (const action of ["decline", "cancel"] as const) {
    it(`may ${action}, and the server hears it`, async () => {
      await using session = await askedClient(holdfast.url, () => ({ action }));
      assert.equal(await session.call("ask_name"), `You chose ${action}.`);
    });
  }

  it("cancels where it fails to ask its user", async () => {
    await using session = await askedClient(holdfast.url, () => Promise.reject(new Error("no window")));
    assert.equal(await session.call("ask_name"), "You chose cancel.");
  });

  it("gets progress at once, and logs only after it set a level", async () => {
    await using session = await askedClient(holdfast.url);
    const told: number[] = [];
    const onprogress = ({ progress }: { readonly progress: number }): void => void told.push(progress);
    await session.client.callTool({ name: "tell", arguments: {} }, undefined, { onprogress });
    assert.deepEqual([told, session.logs], [[1], []]);
    await session.client.setLoggingLevel("info");
    await session.call("tell");
    assert.deepEqual(session.logs, ["half way"]);
    await assert.rejects(
      session.client.request({ method: "logging/setLevel", params: { level: "loud" } }, EmptyResultSchema),
      /-32602/,
    );
  });

  it("gets lists, resources, prompts and completions, and a list as structured content under `result`", async () => {
    await using session = await askedClient(holdfast.url);
    const { tools } = await session.client.listTools();
    assert.ok(tools.some(({ name }) => name === "region"));
    // This client checks the content against the schema that it was given.
    const { structuredContent } = await session.client.callTool({ name: "list", arguments: {} });
    assert.deepEqual(structuredContent, { result: [1, 2, 3] });
    const { contents } = await session.client.readResource({ uri: "test://watched" });
    assert.deepEqual(contents, [{ uri: "test://watched", text: "watched" }]);
    const { messages } = await session.client.getPrompt({ name: "greet", arguments: { who: "all" } });
    assert.deepEqual(messages, [{ role: "user", content: { type: "text", text: "Greet all." } }]);
  });

  it("gets the error codes of its own era", async () => {
    await using session = await askedClient(holdfast.url);
    await assert.rejects(session.client.readResource({ uri: "test://none" }), { code: -32002 });
    // HTTP 404 at the server, which in this client's era would have meant the session.
    await assert.rejects(session.client.request({ method: "acme/none" }, EmptyResultSchema), { code: -32601 });
    assert.deepEqual(await session.client.ping(), {});
  });

  it("has its arguments in the headers that the tool asks for, also when it never listed the tools", async () => {
    await using session = await askedClient(holdfast.url);
    assert.equal(await session.call("region", { region: "größe", size: 7 }), "Region größe");
    assert.match(await session.call("seen"), /^POST tools\/call region =\?base64\?Z3LDtsOfZQ==\?=$/m);
  });

  it("stops a call by notifications/cancelled", async () => {
    await using session = await askedClient(holdfast.url);
    const stop = new AbortController();
    const call = session.client.callTool({ name: "wait", arguments: { ms: 60_000, mark: "stopped" } }, undefined, {
      signal: stop.signal,
    });
    const failed = assert.rejects(call);
    while (!(await session.call("seen")).includes("began stopped"));
    stop.abort();
    await failed;
    while (!(await session.call("seen")).includes("cancelled stopped"));
  });

  it("does not stop a call by going away", async () => {
    const gone = await askedClient(holdfast.url);
    const call = gone.call("wait", { ms: 400, mark: "left" }).catch(() => undefined);
    await using session = await askedClient(holdfast.url);
    while (!(await session.call("seen")).includes("began left"));
    await gone[Symbol.asyncDispose]();
    await call;
    while (!(await session.call("seen")).includes("ended left"));
  });

  it("is told of changed tools and of the resource that it subscribed to", async () => {
    await using session = await askedClient(holdfast.url);
    await session.client.subscribeResource({ uri: "test://watched" });
    await session.call("change");
    await Promise.all([session.changed("tools"), session.changed("test://watched")]);
    await session.client.unsubscribeResource({ uri: "test://watched" });
  });

  it("ends its session when it says so", async () => {
    await using session = await askedClient(holdfast.url);
    const sessionId = session.transport.sessionId ?? "";
    await session.transport.terminateSession();
    const headers = {
      "mcp-session-id": sessionId,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    const { status } = await fetch(holdfast.url, { method: "POST", headers, body });
    assert.equal(status, 404);
  });

  for (const { name, connect } of clients) {
    it(`may be ${name}`, async () => {
      await using session = await connect(holdfast.url);
      assert.equal(await session.callTool("echo", { text: "hi" }), "modern: hi");
    });
  }
});
