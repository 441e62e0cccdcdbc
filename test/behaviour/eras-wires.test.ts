// Modern clients of legacy servers that are reached over whole-message wires.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { WebSocketServer } from "ws";
import { eraServerProgram } from "../support/era-servers.ts";
import { ask, said } from "../support/modern-client.ts";
import { stdioBridge } from "../support/stdio-bridge.ts";
import { supergateway } from "../support/wire-upstreams.ts";

const timeout = 60_000;

describe("a modern client", { timeout }, () => {
  const echo = async (url: string): Promise<string> =>
    said(await ask(url, "tools/call", { params: { name: "echo", arguments: { text: "there" } } }));

  it("is served by a legacy stdio server, with its first request and on a shared process", async () => {
    for (const share of [false, true]) {
      await using bridge = await stdioBridge([], { share });
      assert.equal(await echo(bridge.url), "there");
    }
  });

  it("is served by a modern stdio server, on a process apart from the one that legacy sessions share", async () => {
    const args = [eraServerProgram, "--era", "legacy", "--stdio"];
    await using bridge = await stdioBridge([], { args, share: true });
    const session = await bridge.session();
    assert.equal(await session.call("echo", { text: "old" }), "legacy: old");
    assert.equal(await echo(bridge.url), "legacy: there");
    assert.equal(await session.call("echo", { text: "on" }), "legacy: on");
  });

  it("is served by a legacy server over HTTP+SSE that is found by itself", async () => {
    await using upstream = await supergateway("sse");
    await using bridge = await stdioBridge([], { url: upstream.url });
    assert.equal(await echo(bridge.url), "there");
    assert.equal(await echo(bridge.url), "there");
    // Its stream was the session.
    await upstream.restart();
    assert.equal(await echo(bridge.url), "there");
  });

  it("is served by a legacy server over WebSocket", async () => {
    await using server = await webSocketServer();
    await using bridge = await stdioBridge([], { url: server.url });
    assert.equal(await echo(bridge.url), "there");
    assert.equal(await echo(bridge.url), "there");
  });

  it("that is the official one, pinned to its revision, calls a legacy stdio server", async () => {
    await using bridge = await stdioBridge();
    const client = new Client(
      { name: "pinned", version: "1" },
      { versionNegotiation: { mode: { pin: "2026-07-28" } } },
    );
    await client.connect(new StreamableHTTPClientTransport(new URL(bridge.url)));
    const { tools } = await client.listTools();
    assert.ok(tools.some(({ name }) => name === "echo"));
    assert.match(JSON.stringify(await client.callTool({ name: "echo", arguments: { text: "hi" } })), /"text":"hi"/);
    await client.close();
  });
});

/** Not supergateway: it makes numbers of all ids, whatever they were. */
async function webSocketServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const serverInfo = { name: "socket", version: "1" };
  server.on("connection", (socket) =>
    socket.on("message", (data: Buffer) => {
      const { id, method, params } = JSON.parse(data.toString());
      if (id === undefined) return;
      const opened = { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo };
      const called = { content: [{ type: "text", text: params?.arguments?.text }] };
      const result = method === "initialize" ? opened : method === "tools/call" ? called : { tools: [] };
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, result }));
    }),
  );
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
