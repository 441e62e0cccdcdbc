// `--front` and a client that goes over to WebSocket: the handshake is the server's matter, and what follows passes both ways byte for byte.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import { startHoldfast } from "../support/holdfast.ts";
import { lastingPort, startChild } from "../support/process.ts";
import { textOf } from "../support/tool-result.ts";
import { eventually } from "./recovery-scene.ts";

const sdkServer = fileURLToPath(new URL("../fixtures/sdk-server.ts", import.meta.url));
const switched = "HTTP/1.1 101 Of Course\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Own: \xe9\r\n\r\n";

const handshake = (path: string, ...headers: string[]): string =>
  ["GET", path, "HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"].join(" ") +
  [...headers, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "\r\n"].join("\r\n");

/** A server of bytes: each connection gives what was read up to the end of the head, and goes on as the test wants. */
async function byteServer(port = 0) {
  const sockets: { readonly socket: Socket; readonly head: string }[] = [];
  const server = createServer((socket) => {
    let read = Buffer.alloc(0);
    socket.on("error", () => {});
    const look = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", look).pause();
      if (end + 4 < read.length) socket.unshift(read.subarray(end + 4));
      sockets.push({ socket, head: read.subarray(0, end).toString("latin1") });
    };
    socket.on("data", look);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    next: (at = 0) => eventually(() => sockets[at], "a handshake at the server"),
    [Symbol.asyncDispose]: async () => {
      for (const { socket } of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function openTo(port: number, text: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(text, "latin1");
  return socket;
}

/** Reads so many bytes. */
async function take(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let left = bytes; left > 0; ) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      await once(socket, "readable", { signal: AbortSignal.timeout(10_000) });
      continue;
    }
    chunks.push(chunk.subarray(0, left));
    if (chunk.length > left) socket.unshift(chunk.subarray(left));
    left -= chunk.length;
  }
  return Buffer.concat(chunks);
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1");
}

const hashOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const front = (url: string, ...args: string[]) => startHoldfast(url, { args: ["--front", ...args] });

describe("a WebSocket through --front", { timeout: 60_000, concurrency: true }, () => {
  it("serves the SDK's client from the SDK's server", async () => {
    const port = await lastingPort();
    await using server = await startChild(process.execPath, [sdkServer, "websocket", String(port)]);
    await server.waitForLine(/listening/);
    await using holdfast = await front(`http://127.0.0.1:${port}/mcp`);
    const client = new Client({ name: "front", version: "1" });
    await client.connect(new WebSocketClientTransport(new URL(`ws://127.0.0.1:${holdfast.port}/any/ws?x=1`)));
    assert.equal(textOf(await client.callTool({ name: "echo", arguments: { message: "one" } })), "Echo: one");
    await client.close();
  });

  it("passes the handshake as any request, and from then on every byte, both ways at once and from the first", async () => {
    await using server = await byteServer();
    await using holdfast = await front(server.url);
    const ask = handshake(
      "/ws?a=%2F",
      "Authorization: Bearer x",
      "Sec-WebSocket-Protocol: mcp, other",
      "X-Real-IP: 1.2.3.4",
    );
    const client = await openTo(holdfast.port, `${ask}early`);
    const { socket, head } = await server.next();
    assert.match(head, /^GET \/ws\?a=%2F HTTP\/1\.1\r\n/);
    for (const line of [
      "Authorization: Bearer x",
      "Sec-WebSocket-Protocol: mcp, other",
      "upgrade: websocket",
      "x-forwarded-for: 127.0.0.1",
    ])
      assert.match(head, new RegExp(`\r\n${line}(\r\n|$)`, "i"));
    assert.doesNotMatch(head, /1\.2\.3\.4/);
    socket.write(`${switched}first`, "latin1");
    assert.equal((await take(client, switched.length + 5)).toString("latin1"), `${switched}first`);
    assert.equal((await take(socket, 5)).toString(), "early");
    const [up, down] = [randomBytes(5_000_000), randomBytes(5_000_000)];
    client.write(up);
    socket.write(down);
    const [gotUp, gotDown] = await Promise.all([take(socket, up.length), take(client, down.length)]);
    assert.deepEqual([hashOf(gotUp), hashOf(gotDown)], [hashOf(up), hashOf(down)]);
    // The end of either side is the other's, behind what was said last.
    socket.end("last");
    assert.equal(await readAll(client), "last");
    await holdfast.stop();
    const line = holdfast.log().find(({ status }) => status === 101);
    assert.equal(line?.["error_code"], "-");
  });

  it("ends at the server when its client breaks off", async () => {
    await using server = await byteServer();
    await using holdfast = await front(server.url);
    const client = await openTo(holdfast.port, handshake("/ws"));
    const { socket } = await server.next();
    socket.write(switched, "latin1");
    await take(client, switched.length);
    const closed = once(socket.resume(), "close", { signal: AbortSignal.timeout(10_000) });
    client.resetAndDestroy();
    await closed;
  });

  it("has the server pause for a client that does not read", async () => {
    await using server = await byteServer();
    await using holdfast = await front(server.url);
    const client = await openTo(holdfast.port, handshake("/ws"));
    const { socket } = await server.next();
    socket.write(switched, "latin1");
    await take(client, switched.length);
    const piece = Buffer.alloc(1_000_000);
    let isFull = false;
    for (let sent = 0; sent < 200 && !isFull; sent++) {
      if (socket.write(piece)) continue;
      isFull = await once(socket, "drain", { signal: AbortSignal.timeout(1_000) }).then(
        () => false,
        () => true,
      );
    }
    assert.ok(isFull, "200 MB were taken for a client that reads none of them");
    client.destroy();
  });

  it("is refused in the server's own words, which end the connection", async () => {
    await using server = await byteServer();
    await using holdfast = await front(server.url);
    const client = await openTo(holdfast.port, handshake("/ws"));
    const { socket } = await server.next();
    socket.end(
      "HTTP/1.1 401 Who Are You\r\nWWW-Authenticate: Bearer x=1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n",
    );
    assert.equal(
      await readAll(client),
      "HTTP/1.1 401 Who Are You\r\nWWW-Authenticate: Bearer x=1\r\nconnection: close\r\n\r\nno!",
    );
    await holdfast.stop();
    assert.ok(holdfast.log().some(({ status, error_code }) => status === 401 && error_code === "-"));
  });

  it("waits for a server that is away, and says so when the recovery window has passed", async () => {
    const port = await lastingPort();
    await using holdfast = await front(`http://127.0.0.1:${port}/mcp`, "--recovery-window", "3");
    const waiting = await openTo(holdfast.port, handshake("/ws"));
    await eventually(() => waiting.bytesWritten > 0 || undefined, "the handshake sent");
    {
      await using server = await byteServer(port);
      const { socket } = await server.next();
      socket.write(switched, "latin1");
      assert.equal((await take(waiting, switched.length)).toString("latin1"), switched);
    }
    const late = await openTo(holdfast.port, handshake("/ws"));
    assert.match(await readAll(late), /^HTTP\/1\.1 502 [^]*UPSTREAM_REFUSED_CONNECTION/);
  });

  it("is given up when the server has not answered the handshake within the recovery window", async () => {
    await using server = await byteServer();
    await using holdfast = await front(server.url, "--recovery-window", "1");
    const client = await openTo(holdfast.port, handshake("/ws"));
    const { socket } = await server.next();
    const closed = once(socket.resume(), "close", { signal: AbortSignal.timeout(10_000) });
    assert.match(await readAll(client), /^HTTP\/1\.1 502 [^]*OUTCOME_UNKNOWN/);
    await closed;
  });

  it("counts against --max-sessions: the last one passes, one more is refused, and each that ends makes room", async () => {
    await using server = await byteServer();
    await using holdfast = await front(server.url, "--max-sessions", "2");
    const clients: Socket[] = [];
    const openOne = async (at: number) => {
      const client = await openTo(holdfast.port, handshake("/ws"));
      const { socket } = await server.next(at);
      socket.write(switched, "latin1");
      await take(client, switched.length);
      clients.push(client);
    };
    await openOne(0);
    await openOne(1);
    const refused = await openTo(holdfast.port, handshake("/ws"));
    assert.match(await readAll(refused), /^HTTP\/1\.1 503 [^]*TOO_MANY_SESSIONS/);
    const { socket } = await server.next(0);
    const closed = once(socket.resume(), "close", { signal: AbortSignal.timeout(10_000) });
    clients[0]?.destroy();
    await closed;
    await openOne(2);
    for (const client of clients) client.destroy();
  });

  it("is not opened by a request that is no GET, nor at the MCP endpoint by a page of another origin", async () => {
    await using server = await byteServer();
    await using holdfast = await front(server.url);
    const foreign = await openTo(holdfast.port, handshake("/mcp", "Origin: http://evil.example"));
    assert.match(await readAll(foreign), /^HTTP\/1\.1 403 /);
    const post = await openTo(holdfast.port, handshake("/ws", "Content-Length: 0").replace("GET", "POST"));
    const { socket, head } = await server.next();
    assert.match(head, /^POST /);
    assert.doesNotMatch(head, /upgrade: websocket/i);
    socket.end("HTTP/1.1 204 No\r\n\r\n");
    post.destroy();
  });
});
