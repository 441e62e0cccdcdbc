// What only WebSocket clients meet: the handshake, frames that are no messages, the limits of a connection, and its end.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startHoldfast } from "../support/holdfast.ts";
import { answers, connectWebSocket, initializeParams, refusedUpgrade } from "../support/wire-clients.ts";
import { eventually } from "./recovery-scene.ts";
import { serve, startSlowToOpen, startUpstream } from "./recovery-upstream.ts";

const timeout = 60_000;
const megabyte = 1024 * 1024;
const webSocketUrl = (port: number, path = "/ws") => `ws://127.0.0.1:${port}${path}`;

describe("a WebSocket client", { timeout }, () => {
  it("connects at /ws and at /mcp, with the subprotocol mcp or without one, and nowhere else", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    for (const [path, protocols, expected] of [
      ["/ws", ["mcp"], "mcp"],
      ["/mcp", ["mcp"], "mcp"],
      ["/ws", [], ""],
    ] as const) {
      await using client = await connectWebSocket(webSocketUrl(holdfast.port, path), { protocols });
      assert.equal(client.protocol, expected);
      assert.match(await client.initialize(), /"protocolVersion"/);
    }
    const [status, body] = await refusedUpgrade(webSocketUrl(holdfast.port, "/elsewhere"), {});
    assert.equal(status, 404);
    assert.match(body, /PATH_NOT_FOUND/);
    const plain = await fetch(`http://127.0.0.1:${holdfast.port}/ws`);
    assert.equal(plain.status, 426);
    assert.match(await plain.text(), /WEBSOCKET_ONLY/);
  });

  it("is answered when a text is no message, and closed with 1003 for a binary frame", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await connectWebSocket(webSocketUrl(holdfast.port));
    await client.send("{nonsense");
    assert.match(await client.when((text) => text.includes("-32700")), /"id":null.*MALFORMED_JSON/);
    await client.send('{"jsonrpc":"2.0"}');
    assert.match(await client.when((text) => text.includes("-32600")), /"id":null.*NOT_JSON_RPC/);
    await client.initialize();
    client.socket.send(Buffer.from("binary"));
    assert.equal(await client.closed, 1003);
  });

  it("may send a message of --max-body bytes, and is closed with 1009 for one more", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--max-body", "1000"] });
    await using client = await connectWebSocket(webSocketUrl(holdfast.port));
    await client.initialize();
    const text = (length: number) => {
      const frame = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", params: { pad: "" } });
      return frame.replace('""', `"${"x".repeat(length - frame.length)}"`);
    };
    await client.send(text(1_000));
    assert.match(await client.when((answer) => answers(answer, 1)), /"result"/);
    await client.send(text(1_001));
    assert.equal(await client.closed, 1009);
  });

  it("may have 1,000 requests open; the next one is refused, and an answer of the client's still passes", async () => {
    const held: (() => void)[] = [];
    await using upstream = await startUpstream((seen, response) => {
      if (seen.message["method"] !== "tools/call") return undefined;
      held.push(() => serve(seen, response));
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await connectWebSocket(webSocketUrl(holdfast.port));
    await client.initialize();
    await client.ask("ready", "ping");
    const call = (id: number) => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "hold" } });
    await Promise.all(Array.from({ length: 1_000 }, (_, id) => client.send(call(id))));
    await client.send(call(1_000));
    assert.match(await client.when((text) => answers(text, 1_000)), /"code":"TOO_MANY_OPEN_REQUESTS"/);
    await client.send({ jsonrpc: "2.0", id: "q", result: {} });
    await eventually(() => held.length === 1_000 || undefined, "1,000 calls at the server", 20_000);
    for (const answer of held) answer();
    await client.when((text) => answers(text, 999));
    assert.match(await client.ask(1_001, "ping"), /"result"/);
    assert.ok(upstream.names().includes("response"));
  });

  it("is not read any further while 64 MB of its messages wait for their answers", async () => {
    await using upstream = await startSlowToOpen();
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await connectWebSocket(webSocketUrl(holdfast.port));
    await client.send({ jsonrpc: "2.0", id: "init", method: "initialize", params: initializeParams });
    const count = 150;
    let taken = 0;
    const ping = (id: number) => ({ jsonrpc: "2.0", id, method: "ping", params: { pad: "x".repeat(megabyte) } });
    const sent = Array.from({ length: count }, (_, id) => client.send(ping(id)).then(() => (taken += 1)));
    await eventually(() => taken >= 64 || undefined, "64 MB taken", 20_000);
    // Full are all buffers once nothing more is taken for a while.
    for (let before = -1; before !== taken; ) {
      before = taken;
      await wait(400);
    }
    assert.ok(taken < 100, `${taken} MB were taken`);
    upstream.open();
    await Promise.all(sent);
    for (let id = 0; id < count; id++) assert.match(await client.when((text) => answers(text, id)), /"result"/);
  });

  it("ends its session at the server when it closes", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connectWebSocket(webSocketUrl(holdfast.port));
    await client.initialize();
    await client.ask(1, "ping");
    client.socket.close();
    await eventually(() => upstream.names().includes("DELETE") || undefined, "DELETE");
    const ended = upstream.seen.find(({ http }) => http === "DELETE");
    assert.equal(ended?.headers["mcp-session-id"], "s1");
  });

  it("starts over on the same connection with another initialize", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await connectWebSocket(webSocketUrl(holdfast.port));
    await client.initialize();
    await client.send({
      jsonrpc: "2.0",
      id: "second",
      method: "initialize",
      params: { protocolVersion: "2025-06-18" },
    });
    await client.when((text) => answers(text, "second"));
    await client.ask(2, "ping");
    assert.equal(
      upstream.seen.findLast(({ message }) => message["method"] === "ping")?.headers["mcp-session-id"],
      "s2",
    );
    assert.equal(upstream.seen.find(({ http }) => http === "DELETE")?.headers["mcp-session-id"], "s1");
  });

  it("is closed with 1001 when Holdfast stops", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    await using client = await connectWebSocket(webSocketUrl(holdfast.port));
    await client.initialize();
    await client.ask(1, "ping");
    assert.equal(await holdfast.stop(), 0);
    assert.equal(await client.closed, 1001);
    assert.ok(upstream.names().includes("DELETE"), "its session is ended, as nobody could come back for it");
  });
});

describe("an HTTP client that offers another protocol than WebSocket", { timeout }, () => {
  // Java's HttpClient offers HTTP/2 on each request to an http URL.
  it("is served in HTTP/1.1, as if it had not offered it", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18" },
    });
    const socket = connect(holdfast.port, "127.0.0.1");
    const request = (text: string) =>
      `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
    await once(socket, "connect");
    for (const sent of [1, 2]) {
      socket.write(request(body));
      await eventually(() => answer.split('"protocolVersion"').length > sent || undefined, "an answer");
    }
    assert.equal(answer.match(/HTTP\/1\.1 200 OK/g)?.length, 2, answer);
    socket.destroy();
  });
});
