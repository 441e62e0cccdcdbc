// Wires on which nothing is said for long: proxies in between are given something, and a peer that is gone without a word is noticed, on either side.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { startHoldfast } from "../support/holdfast.ts";
import { open, openSession } from "../support/raw-client.ts";
import { callBody, calling } from "../support/stdio-bridge.ts";
import { connectWebSocket, initializeParams } from "../support/wire-clients.ts";
import { eventually } from "./recovery-scene.ts";
import { startUpstream } from "./recovery-upstream.ts";

const timeout = 60_000;
const args = ["--keep-alive", "0.2"];
/** Twice the keep-alive time: how often a WebSocket is pinged. */
const pingMs = 400;

async function times(emitter: WebSocket, event: "ping", count: number): Promise<void> {
  for (let heard = 0; heard < count; heard += 1) await once(emitter, event);
}

describe("the stream of an HTTP+SSE client on which nothing is said", { timeout }, () => {
  it("is given a comment in each keep-alive time", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args });
    const headers = { accept: "text/event-stream" };
    const begunMs = performance.now();
    const stream = await open(`http://127.0.0.1:${holdfast.port}/sse`, { method: "GET", headers });
    await stream.until(/event: endpoint\n[^]*(: keep-alive\n\n){3}$/);
    assert.ok(performance.now() - begunMs >= 3 * 200 - 50, "not more often");
    stream.leave();
  });
});

describe("a WebSocket client", { timeout }, () => {
  it("that answers no ping by the next one is dead: its connection and its session end", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args });
    const socket = new WebSocket(`ws://127.0.0.1:${holdfast.port}/ws`, ["mcp"], { autoPong: false });
    await once(socket, "open");
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params: initializeParams }));
    await once(socket, "message");
    const closed = once(socket, "close");
    await once(socket, "ping");
    const pingedMs = performance.now();
    assert.equal((await closed)[0], 1006);
    assert.ok(performance.now() - pingedMs >= pingMs - 50, "it had the time until the next ping");
    await eventually(() => upstream.names().includes("DELETE") || undefined, "the session is ended");
  });

  it("that answers them stays, though it says nothing", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args });
    await using client = await connectWebSocket(`ws://127.0.0.1:${holdfast.port}/ws`);
    await client.initialize();
    await times(client.socket, "ping", 4);
    assert.match(await client.ask(1, "ping"), /"result"/);
  });
});

/** Its connections, oldest first; the tool "hold" is never answered. */
async function webSocketServer(autoPong: boolean) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", autoPong });
  await once(server, "listening");
  const connections: WebSocket[] = [];
  const held: unknown[] = [];
  server.on("connection", (socket) => {
    connections.push(socket);
    socket.on("message", (data: Buffer) => {
      const { id, method, params } = JSON.parse(data.toString());
      if (id === undefined) return;
      if (params?.name === "hold") return void held.push(id);
      const serverInfo = { name: "socket", version: "1" };
      const opened = { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo };
      const result = method === "initialize" ? opened : { content: [{ type: "text", text: `${connections.length}` }] };
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, result }));
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    connections,
    held,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("a WebSocket server", { timeout }, () => {
  it("that answers no ping by the next one is dead: its call has an unknown outcome, and the next one a new connection", async () => {
    await using server = await webSocketServer(false);
    await using holdfast = await startHoldfast(server.url, { args });
    const session = calling(await openSession(holdfast.url));
    const call = session.post(callBody(1, "hold"));
    await eventually(() => server.held.length > 0 || undefined, "the call at the server");
    assert.match((await call).text, /"code":"OUTCOME_UNKNOWN"/);
    const [first] = server.connections;
    await eventually(() => first?.readyState === WebSocket.CLOSED || undefined, "its connection closed");
    assert.equal(await session.call("any"), "2");
  });

  it("that answers them keeps its connection, though it says nothing", async () => {
    await using server = await webSocketServer(true);
    await using holdfast = await startHoldfast(server.url, { args });
    const session = calling(await openSession(holdfast.url));
    const [first] = server.connections;
    assert.ok(first !== undefined);
    await times(first, "ping", 4);
    assert.equal(await session.call("any"), "1");
  });
});
