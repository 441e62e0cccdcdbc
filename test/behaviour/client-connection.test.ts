// One connection of a client's carries many exchanges, each in its turn: an upload that was answered early, a request that offers another protocol, a refused upgrade.
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect as connectSocket, type Socket } from "node:net";
import { describe, it } from "node:test";
import { startHoldfast as startInProcess } from "../../src/index.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { connect, type RawClient } from "./recovery-scene.ts";
import { type Seen, serve, startUpstream } from "./recovery-upstream.ts";

/** One POST through an agent; resolves with the status when the whole answer was read. */
function post({ url, headers }: RawClient, agent: Agent, body: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request(url, { method: "POST", agent, headers: { ...headers, "content-length": body.length } });
  sent.setTimeout(10_000, () => sent.destroy(new Error("no answer for ten seconds")));
  sent.once("error", reject);
  sent.once("response", (response: IncomingMessage) => {
    response.resume().once("end", () => resolve(response.statusCode ?? 0));
  });
  sent.end(body);
  return promise;
}

describe("an upload that its server answers before it has read it", () => {
  it("is read to its end, so that the next call on the connection is answered", async () => {
    let initializes = 0;
    const server = createServer((asked, response) => {
      if (Number(asked.headers["content-length"]) > 1_000_000) {
        response.writeHead(413).end("too much");
        return;
      }
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of asked) chunks.push(chunk as Buffer);
        const text = Buffer.concat(chunks).toString();
        const message = (text === "" ? {} : JSON.parse(text)) as Seen["message"];
        if (message["method"] === "initialize") initializes += 1;
        serve({ http: asked.method ?? "", headers: asked.headers, body: text, message, initializes }, response);
      })();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await using resources = new AsyncDisposableStack();
    resources.defer(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const holdfast = resources.use(await startHoldfast(`http://127.0.0.1:${port}/mcp`));
    const client = await connect(holdfast.url);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    resources.defer(() => agent.destroy());
    for (let round = 0; round < 5; round++) {
      const large = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "x", text: "x".repeat(4_500_000) } };
      assert.equal(await post(client, agent, JSON.stringify(large)), 413);
      assert.equal(await post(client, agent, JSON.stringify({ jsonrpc: "2.0", id: 2, method: "ping" })), 200);
    }
  });
});

/** A POST of the client's as its bytes. */
function bytesOf({ headers }: RawClient, port: number, others: Readonly<Record<string, string>>, id: string): string {
  const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: id } });
  const all = { host: `127.0.0.1:${port}`, ...headers, "content-length": String(body.length), ...others };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** Everything that comes on a connection until it holds `count` matches. */
async function readUntil(socket: Socket, pattern: RegExp, count: number): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if ([...text.matchAll(pattern)].length >= count) break;
  }
  return text;
}

const offer = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQAAP__" };

describe("a request that offers another protocol", () => {
  for (const way of ["as JSON", "as a stream that has begun"]) {
    it(`is answered after the one before it, which is answered ${way}`, async () => {
      const asked = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const answer = (id: unknown): string => JSON.stringify({ jsonrpc: "2.0", id, result: {} });
      await using upstream = await startUpstream(async ({ message }, response) => {
        const { id, method } = message;
        if (method !== "tools/call") return undefined;
        if (id === "first" && way !== "as JSON") {
          response.writeHead(200, { "content-type": "text/event-stream" });
          response.write(
            'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n',
          );
        }
        if (id === "first") {
          asked.resolve();
          await go.promise;
        }
        if (response.headersSent) response.end(`data: ${answer(id)}\n\n`);
        else response.writeHead(200, { "content-type": "application/json" }).end(answer(id));
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      const client = await connect(holdfast.url);
      const socket = connectSocket(holdfast.port, "127.0.0.1");
      // An odd header keeps the first one from the short way.
      socket.write(bytesOf(client, holdfast.port, { x_odd: "1" }, "first"));
      await asked.promise;
      socket.write(bytesOf(client, holdfast.port, offer, "second"));
      // The server would have had the second by then, and a ping of another connection's passes it.
      await client.request("ping");
      await client.request("ping");
      go.resolve();
      let text = await readUntil(socket, /"id":"(?:first|second)"/g, 2);
      // What comes behind it on the connection finds nothing left over of it.
      socket.write(bytesOf(client, holdfast.port, {}, "third"));
      text += await readUntil(socket, /"id":"third"/g, 1);
      socket.destroy();
      const ran = upstream.seen.map(({ message }) => message["id"]).filter((id) => typeof id === "string");
      assert.deepEqual(ran, ["first", "second", "third"]);
      assert.ok(text.indexOf('"id":"first"') < text.indexOf('"id":"second"'), text);
      assert.ok(text.lastIndexOf("HTTP/1.1 200") > text.indexOf('"id":"first"'), text);
    });
  }

  it("ends its connection where it asks for that as well", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const socket = connectSocket(holdfast.port, "127.0.0.1");
    socket.write(bytesOf(client, holdfast.port, { ...offer, connection: "Upgrade, close" }, "only"));
    const text = await readUntil(socket, /never/g, 1);
    assert.match(text, /connection: close/i);
    assert.match(text, /"id":"only"/);
  });
});

describe("an upgrade that is refused", () => {
  it("ends its connection, also where the client keeps its own half open", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--token", "t".repeat(32)] });
    const socket = connectSocket({ port: holdfast.port, host: "127.0.0.1", allowHalfOpen: true });
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    socket.write(
      `GET /mcp HTTP/1.1\r\nhost: 127.0.0.1:${holdfast.port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
    );
    socket.resume();
    await once(socket, "end");
    // What is written to a connection that is gone is refused.
    const gone = new Promise((resolve) => socket.once("error", resolve));
    const writing = setInterval(() => socket.write("x"), 50);
    await gone;
    clearInterval(writing);
    socket.destroy();
    assert.equal(await holdfast.stop(), 0);
  });
});

describe("a body that does not come, in front of a server, beside its MCP endpoint", () => {
  it("is given up with 408 after the idle limit", async () => {
    await using upstream = await startUpstream();
    const bridge = await startInProcess({ url: upstream.url, front: true, bodyIdleTimeoutMs: 150 });
    await using _ = { [Symbol.asyncDispose]: () => bridge.close() };
    const socket = connectSocket(bridge.port, "127.0.0.1");
    socket.write(`POST /oauth/token HTTP/1.1\r\nhost: 127.0.0.1:${bridge.port}\r\ncontent-length: 10\r\n\r\n123`);
    const text = await readUntil(socket, /BODY_TIMEOUT/g, 1);
    socket.destroy();
    assert.match(text, /^HTTP\/1\.1 408 /);
    assert.equal(upstream.seen.length, 0);
  });

  for (const [what, head, piece] of [
    ["in pieces of no announced length", "transfer-encoding: chunked", "3\r\n123\r\n"],
    ["that is larger than what is kept", "content-length: 100000", "1".repeat(70_000)],
  ] as const) {
    it(`is given up as well where it flows ${what}, and its request at the server too`, async () => {
      const broken = Promise.withResolvers<void>();
      const upstream = createServer((request) => request.resume().once("close", () => broken.resolve()));
      await once(upstream.listen(0, "127.0.0.1"), "listening");
      const { port } = upstream.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/mcp`;
      const bridge = await startInProcess({ url, front: true, bodyIdleTimeoutMs: 150 });
      await using _ = { [Symbol.asyncDispose]: () => bridge.close() };
      const socket = connectSocket(bridge.port, "127.0.0.1");
      socket.write(`POST /upload HTTP/1.1\r\nhost: 127.0.0.1:${bridge.port}\r\n${head}\r\n\r\n${piece}`);
      const text = await readUntil(socket, /BODY_TIMEOUT/g, 1);
      assert.match(text, /^HTTP\/1\.1 408 /);
      await broken.promise;
      socket.destroy();
      upstream.close();
    });
  }
});

describe("a request that cannot be put on the wire", () => {
  it("is REQUEST_NOT_SENDABLE, and says nothing of the server to anybody else", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url, { args: ["--front"] });
    const client = await connect(holdfast.url);
    const socket = connectSocket(holdfast.port, "127.0.0.1");
    socket.write(
      `POST /echo HTTP/1.1\r\nhost: 127.0.0.1:${holdfast.port}\r\ncontent-length: 9999999999999999\r\n\r\n123`,
    );
    const text = await readUntil(socket, /REQUEST_NOT_SENDABLE/g, 1);
    socket.destroy();
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.equal((await client.request("ping")).error, undefined);
    await holdfast.stop();
    assert.doesNotMatch(holdfast.output(), /server away/);
  });
});
