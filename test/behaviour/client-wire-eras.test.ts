// Modern clients on the wires of whole messages: each message speaks for itself until an `initialize` comes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { type Era, startEraServer } from "../support/era-server.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { type Message, modernBody } from "../support/modern-client.ts";
import { temporaryDirectory } from "../support/process.ts";
import { gone } from "../support/stdio-bridge.ts";
import { startStdio } from "../support/stdio-client.ts";
import { stdioServer } from "../support/stdio-eras.ts";
import { answers, connectWebSocket, openSse, type WireClient } from "../support/wire-clients.ts";

const timeout = 60_000;
const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const accepted = { action: "accept" as const, content: { ok: true, name: "Ada" } };

/** The official client, which tries out on a process of its own what `holdfast stdio` speaks, and then speaks it. */
async function autoClient(args: readonly string[]): Promise<Client & AsyncDisposable> {
  const client = new Client(
    { name: "holdfast-tests", version: "1.0.0" },
    { capabilities: { elicitation: {} }, versionNegotiation: { mode: "auto" } },
  );
  client.setRequestHandler("elicitation/create", () => accepted);
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [program, "stdio", ...args], stderr: "ignore" }),
  );
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

describe("the official client 2.4 in its auto mode, over stdio", { timeout }, () => {
  for (const era of ["legacy", "modern"] as const satisfies readonly Era[]) {
    it(`calls a ${era} HTTP server and is asked by it`, async () => {
      await using server = await startEraServer(era);
      await using client = await autoClient([server.url]);
      assert.equal(client.getNegotiatedProtocolVersion(), "2026-07-28");
      assert.match(JSON.stringify(await client.callTool({ name: "echo", arguments: { said: "one" } })), /one/);
      assert.match(JSON.stringify(await client.callTool({ name: "confirm", arguments: {} })), /confirmed/);
      await server.restart();
      assert.match(JSON.stringify(await client.callTool({ name: "echo", arguments: { said: "two" } })), /two/);
    });
  }

  for (const kind of ["exits-before-initialize", "modern"] as const) {
    it(`calls a stdio server (${kind}), is asked by it, and leaves none of its processes behind`, async () => {
      await using directory = await temporaryDirectory();
      const pidFile = join(directory.path, "pids");
      await using client = await autoClient(["--", ...stdioServer(kind, pidFile)]);
      assert.equal(client.getNegotiatedProtocolVersion(), "2026-07-28");
      assert.match(JSON.stringify(await client.callTool({ name: "echo", arguments: { text: "one" } })), /one/);
      const asked = await client.callTool({ name: kind === "modern" ? "ask_name" : "ask", arguments: {} });
      assert.match(JSON.stringify(asked), /Ada/);
      const ended = await client.listen({ toolsListChanged: true });
      await ended.close();
      assert.equal(await ended.closed, "local");
      // The client leaves although it listens.
      const open = await client.listen({ toolsListChanged: true });
      assert.equal(open.honoredFilter.toolsListChanged, true);
      await client.close();
      for (const pid of readFileSync(pidFile, "utf8").trim().split("\n")) await gone(Number(pid));
    });
  }

  it("calls the reference server, which is a legacy one", async () => {
    const script = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));
    await using client = await autoClient(["--", process.execPath, script, "stdio"]);
    const answer = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    assert.match(JSON.stringify(answer), /Echo: hello/);
    const prompt = await client.getPrompt({ name: "simple-prompt" });
    assert.ok(prompt.messages.length > 0);
  });
});

const parse = (text: string): Message => JSON.parse(text);

async function modern(client: WireClient, method: string, options: Parameters<typeof modernBody>[1]): Promise<Message> {
  await client.send(modernBody(method, options));
  return parse(await client.when((text) => answers(text, options?.id)));
}

const wires: Readonly<Record<string, (url: string, port: number) => Promise<WireClient>>> = {
  stdio: (url) => Promise.resolve(startStdio(["stdio", url])),
  WebSocket: (_url, port) => connectWebSocket(`ws://127.0.0.1:${port}/mcp`),
  "HTTP+SSE": (_url, port) => openSse(`http://127.0.0.1:${port}/sse`),
};

for (const [name, connect] of Object.entries(wires)) {
  describe(`a modern client over ${name}`, { timeout }, () => {
    for (const era of ["legacy", "modern"] as const satisfies readonly Era[]) {
      it(`calls a ${era} server, cancels by message, subscribes, and may still open a session`, async () => {
        await using server = await startEraServer(era);
        await using holdfast = await startHoldfast(server.url);
        await using client = await connect(server.url, holdfast.port);
        const discovered = await modern(client, "server/discover", { id: "who" });
        assert.ok(discovered.result.supportedVersions.includes("2026-07-28"));
        const echo = await modern(client, "tools/call", { id: 1, params: { name: "echo", arguments: { said: 1 } } });
        assert.match(JSON.stringify(echo.result), /"1"/);
        await client.send(modernBody("tools/call", { id: "w", params: { name: "wait", arguments: {} } }));
        await server.until(() => server.atWork > 0);
        await client.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "w" } });
        await server.until(() => server.cancelled > 0);
        const notifications = { toolsListChanged: true };
        await client.send(modernBody("subscriptions/listen", { id: "sub", params: { notifications } }));
        await client.when((text) => text.includes("subscriptions/acknowledged"));
        server.announce.toolsChanged();
        await client.when((text) => /tools\/list_changed.*"sub"/.test(text));
        assert.ok(!client.texts.some((text) => answers(text, "w")));
        assert.match(await client.initialize(), /"protocolVersion":"2025-06-18"/);
        assert.match(await client.ask(9, "tools/call", { name: "echo", arguments: { said: 9 } }), /"9"/);
      });
    }
  });
}

describe("a modern client over stdio", { timeout }, () => {
  it("has its arguments mirrored in the headers that a modern HTTP server asks for", async () => {
    await using server = await startEraServer("modern");
    await using client = startStdio(["stdio", server.url]);
    await modern(client, "tools/call", { id: 1, params: { name: "placed", arguments: { region: "eu" } } });
    const [seen] = server.seenOf("tools/call");
    assert.equal(seen?.headers["mcp-name"], "placed");
    assert.equal(seen?.headers["mcp-param-region"], "eu");
  });

  it("is told apart in the log from a legacy one, whose session is LM from its first line on", async () => {
    await using server = await startEraServer("modern");
    await using client = startStdio(["stdio", server.url, "--log-format", "json"]);
    await client.initialize();
    await client.ask(1, "tools/list");
    client.endInput();
    assert.equal(await client.exited, 0);
    for (const method of ["initialize", "tools/list"])
      assert.match(client.errors(), new RegExp(`"jsonrpc_method":"${method}".*"era_pair":"LM"`));
  });

  it("lets its process end, although it is subscribed, and says MM and ML in the log", async () => {
    for (const [era, pair] of [
      ["modern", "MM"],
      ["legacy", "ML"],
    ] as const) {
      await using server = await startEraServer(era);
      await using client = startStdio(["stdio", server.url, "--log-format", "json"]);
      await modern(client, "tools/call", { id: 1, params: { name: "echo", arguments: { said: 1 } } });
      const params = { notifications: { toolsListChanged: true } };
      await client.send(modernBody("subscriptions/listen", { id: "sub", params }));
      await client.when((text) => text.includes("subscriptions/acknowledged"));
      client.endInput();
      assert.equal(await client.exited, 0);
      assert.match(client.errors(), new RegExp(`"jsonrpc_method":"tools/call".*"era_pair":"${pair}"`));
      if (era === "legacy") assert.equal(server.seen.at(-1)?.httpMethod, "DELETE");
    }
  });
});
