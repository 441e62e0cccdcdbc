// Servers that speak HTTP+SSE (2024-11-05) or WebSocket: found or named, each through a loss. Faults that real ones cannot show are scripted.
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { WebSocketServer } from "ws";
import { startHoldfast } from "../../src/index.ts";
import { eventData, openSession } from "../support/raw-client.ts";
import { type CallingSession, callBody, calling, type StdioBridge, stdioBridge } from "../support/stdio-bridge.ts";
import type { Upstream } from "../support/upstreams.ts";
import { everythingOverSse, supergateway } from "../support/wire-upstreams.ts";

const bridgeTo = (url: string, options: { readonly wire?: "http-sse" } = {}): Promise<StdioBridge> =>
  stdioBridge([], { ...options, url });

const reals: readonly (readonly [string, () => Promise<Upstream>, RegExp | undefined])[] = [
  ["server-everything on HTTP+SSE", everythingOverSse, /server speaks HTTP\+SSE/],
  ["supergateway on HTTP+SSE", () => supergateway("sse"), /server speaks HTTP\+SSE/],
  ["supergateway on WebSocket", () => supergateway("ws"), undefined],
];

for (const [name, start, found] of reals) {
  describe(name, () => {
    it("is reached by its URL alone, and a call after its restart is answered on the same session", async () => {
      await using server = await start();
      await using bridge = await bridgeTo(server.url);
      // supergateway gives the answers to other ids than numbers the id NaN (WebSocket, 4.0.0).
      const session = await bridge.session({ firstId: 0 });
      const echo = (text: string) => session.call("echo", { text, message: text });
      assert.match(await echo("one"), /one$/);
      await server.restart();
      assert.match(await echo("two"), /two$/);
      await bridge.close();
      if (found !== undefined) assert.match(bridge.log(), found);
      assert.match(bridge.log(), /session restored/);
    });
  });
}

for (const wire of ["sse", "ws"] as const) {
  describe(`the scripted server behind supergateway on ${wire}`, () => {
    it("passes progress and an answer of 5 MB, and a question with its answer", async () => {
      await using server = await supergateway(wire);
      await using bridge = await bridgeTo(server.url);
      const session = await bridge.session({ firstId: 0, capabilities: { elicitation: {} } });
      const progress = await session.post(callBody(1, "progress", { steps: 2 }, { progressToken: "t" }));
      assert.equal(eventData(progress.text).length, 3);
      assert.equal((await session.call("big", { bytes: 5_000_000 })).length, 5_000_000);
      // Over WebSocket supergateway 4.0.0 changes the id of a client's answer, so that no question is ever answered.
      if (wire === "ws") return;
      const asking = await session.open({ body: callBody(2, "ask") });
      const id = /"id":(\d+)/.exec(await asking.until("elicitation/create"))?.[1];
      await session.post(`{"jsonrpc":"2.0","id":${id},"result":{"action":"decline"}}`);
      await asking.until(/decline[^]*"id":2|"id":2[^]*decline/);
    });
  });
}

interface SseScript {
  readonly url: string;
  readonly posts: string[];
  /** The open event streams. */
  readonly streams: ServerResponse[];
  close(): Promise<void>;
}

const result = '{"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"scripted","version":"1"}}';

/** An HTTP+SSE server that names this endpoint and answers initialize and ping; other requests stay open. */
async function sseServer(endpoint: string | undefined): Promise<SseScript> {
  const posts: string[] = [];
  const streams: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.method === "GET") {
      streams.push(response.writeHead(200, { "content-type": "text/event-stream" }));
      response.write(endpoint === undefined ? ": nothing\n\n" : `event: endpoint\ndata: ${endpoint}\n\n`);
      return;
    }
    if (request.method !== "POST" || !request.url?.startsWith("/messages"))
      return void response.writeHead(405).end("no");
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const message: { id?: number; method?: string } = JSON.parse(Buffer.concat(chunks).toString());
      posts.push(message.method ?? "-");
      response.writeHead(202).end("Accepted");
      const known = message.method === "initialize" ? result : message.method === "ping" ? "{}" : undefined;
      if (known === undefined) return;
      const id = JSON.stringify(message.id);
      streams.at(-1)?.write(`event: message\ndata: {"jsonrpc":"2.0",\ndata: "id":${id},"result":${known}}\n\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`,
    posts,
    streams,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function withSse(endpoint: string | undefined, run: (server: SseScript) => Promise<void>): Promise<void> {
  const server = await sseServer(endpoint);
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

const initialize =
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}';

describe("an HTTP+SSE server", () => {
  it("is sent nothing when it names a message endpoint on another origin", () =>
    withSse("http://localhost:1/messages", async (server) => {
      await using bridge = await bridgeTo(server.url);
      const answer = await fetch(bridge.url, {
        method: "POST",
        body: initialize,
        headers: { "content-type": "application/json" },
      });
      assert.match(await answer.text(), /"code":1428,.*SSE_ENDPOINT_REFUSED/);
      assert.deepEqual(server.posts, []);
    }));

  it("which names no endpoint is told apart from one that is away", () =>
    withSse(undefined, async (server) => {
      await using bridge = await bridgeTo(server.url, { wire: "http-sse" });
      const answer = await fetch(bridge.url, {
        method: "POST",
        body: initialize,
        headers: { "content-type": "application/json" },
      });
      assert.match(await answer.text(), /"code":1429,.*SSE_ENDPOINT_MISSING/);
    }));

  it("loses its session with its stream: the call under way is of unknown outcome, the next one is answered", () =>
    withSse("/messages?id=1", async (server) => {
      await using bridge = await bridgeTo(server.url, { wire: "http-sse" });
      const session = await bridge.session();
      const call = session.call("never");
      while (!server.posts.includes("tools/call")) await new Promise((resolve) => setTimeout(resolve, 5));
      server.streams.at(-1)?.end();
      assert.match(await call, /OUTCOME_UNKNOWN/);
      assert.equal(
        (await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).text,
        '{"jsonrpc":"2.0",\n"id":1,"result":{}}',
      );
      assert.equal(server.posts.filter((method) => method === "initialize").length, 2);
    }));
});

describe("a URL whose wire is not named", () => {
  it("is not asked for HTTP+SSE by a server that refuses initialize with a JSON-RPC error", async () => {
    const methods: string[] = [];
    const server = createServer((request, response) => {
      methods.push(request.method ?? "");
      response.writeHead(400, { "content-type": "application/json" });
      response.end('{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no such version"}}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await using bridge = await bridgeTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
    const answer = await fetch(bridge.url, {
      method: "POST",
      body: initialize,
      headers: { "content-type": "application/json" },
    });
    assert.match(await answer.text(), /no such version/);
    assert.ok(!methods.includes("GET"), methods.join());
    server.close();
  });

  it("is looked at again after a loss: a server that came back with Streamable HTTP is served without a word", async () => {
    let speaksHttp = false;
    const streams: ServerResponse[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        if (request.method === "GET" && !speaksHttp) {
          streams.push(response.writeHead(200, { "content-type": "text/event-stream" }));
          return void response.write("event: endpoint\ndata: /messages\n\n");
        }
        const isOld = request.url === "/messages" && !speaksHttp;
        if (request.method !== "POST" || (request.url !== "/mcp" && !isOld) || (request.url === "/mcp" && !speaksHttp))
          return void response.writeHead(405).end();
        const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as { id?: unknown; method: string };
        const text = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${method === "initialize" ? result : "{}"}}`;
        if (id === undefined) return void response.writeHead(202).end();
        if (speaksHttp)
          return void response.writeHead(200, { "content-type": "application/json", "mcp-session-id": "s" }).end(text);
        response.writeHead(202).end();
        streams.at(-1)?.write(`event: message\ndata: ${text}\n\n`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await using bridge = await bridgeTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
    const session = await bridge.session();
    speaksHttp = true;
    for (const stream of streams) stream.end();
    const answer = await session.post('{"jsonrpc":"2.0","id":5,"method":"ping"}');
    assert.equal(answer.text, '{"jsonrpc":"2.0","id":5,"result":{}}');
    await bridge.close();
    assert.match(bridge.log(), /server speaks HTTP\+SSE[^]*server speaks Streamable HTTP/);
    server.closeAllConnections();
    server.close();
  });
});

describe("a WebSocket server", () => {
  const listening = async (
    maxBytes: number,
    run: (session: CallingSession, server: WebSocketServer) => Promise<void>,
  ) => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (socket) =>
      socket.on("message", (data: Buffer) => {
        const { id, method, params } = JSON.parse(data.toString()) as {
          id?: unknown;
          method: string;
          params?: { name: string };
        };
        if (id === undefined) return;
        if (method === undefined) return socket.send(`{"jsonrpc":"2.0","id":1,"result":{"heard":${data.toString()}}}`);
        if (params?.name === "ask") return socket.send('{"jsonrpc":"2.0","id":7,"method":"roots/list"}');
        const answer = method === "initialize" ? result : `{"text":"${"x".repeat(Number(params?.name ?? 0))}"}`;
        socket.send(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${answer}}`);
      }),
    );
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const bridge = await startHoldfast({ url: `ws://127.0.0.1:${port}/`, maxMessageBytes: maxBytes, quiet: true });
    try {
      await run(calling(await openSession(bridge.url)), server);
    } finally {
      await bridge.close();
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    }
  };

  it("fails one message beyond the limit alone, and passes one of just that size", () =>
    listening(10_000, async (session) => {
      const call = (size: number) => session.post(callBody("size", String(size)));
      const frame = (await call(0)).body.length;
      assert.equal((await call(10_000 - frame)).body.length, 10_000);
      assert.match((await call(10_001 - frame)).text, /"id":"size","error":\{"code":1427/);
      assert.equal((await call(1)).body.length, frame + 1);
    }));

  it("asks the client a question on the stream of its call, and gets the answer as it was written", () =>
    listening(10_000, async (session) => {
      const asking = await session.open({ body: callBody(1, "ask") });
      await asking.until('"id":7,"method":"roots/list"');
      await session.post('{"jsonrpc":"2.0", "id":7,"result":{"roots":[]}}');
      await asking.until('"result":{"heard":{"jsonrpc":"2.0", "id":7,"result":{"roots":[]}}}');
    }));

  it("loses its session with its connection, and the next call is answered on a new one", () =>
    listening(10_000, async (session, server) => {
      await session.post(callBody(1, "1"));
      for (const socket of server.clients) socket.terminate();
      assert.match((await session.post(callBody(2, "1"))).text, /"id":2,"result"/);
    }));

  it("which refuses the handshake is reported with its own status", async () => {
    const server = createServer((_request, response) => response.writeHead(401).end("who are you"));
    server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bridge = await startHoldfast({
      url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
      quiet: true,
    });
    const answer = await fetch(bridge.url, {
      method: "POST",
      body: initialize,
      headers: { "content-type": "application/json" },
    });
    assert.match(await answer.text(), /AUTHORIZATION_REQUIRED/);
    await bridge.close();
    server.close();
  });
});
