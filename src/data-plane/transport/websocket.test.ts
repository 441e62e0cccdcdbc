import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { openWebSocket, type WebSocketOptions } from "./websocket.ts";

let server: Server;
let connections = 0;

const wireTo = (others: Partial<WebSocketOptions> = {}) =>
  openWebSocket({
    url: new URL(`ws://localhost:${(server.address() as AddressInfo).port}/`),
    connectTimeoutMs: 5_000,
    maxMessageBytes: 1_000_000,
    keepAliveMs: 10_000,
    tell: () => {},
    ...others,
  });
const events = { message: () => {}, tooLarge: () => {}, closed: () => {} };

describe("a WebSocket wire", () => {
  beforeEach(async () => {
    connections = 0;
    server = createServer();
    server.on("connection", () => {
      connections += 1;
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  it("looks whether its server is there only where it may connect", async () => {
    const refuse: LookupFunction = (_host, _options, callback) =>
      callback(Object.assign(new Error("refused"), { code: "ERR_ADDRESS_REFUSED" }), "", 4);
    const wire = wireTo({ lookup: refuse });
    for (const reply of [await wire.open([], events, undefined), await wire.probe(undefined)]) {
      assert.ok("kind" in reply && reply.kind === "lost");
      assert.equal((reply.cause as NodeJS.ErrnoException).code, "ERR_ADDRESS_REFUSED");
    }
    assert.equal(connections, 0);
  });

  it("reads a refusal that breaks off, and of one that does not end no more than it needs", async () => {
    for (const body of ["cut", "x".repeat(200_000)]) {
      server.removeAllListeners("upgrade");
      server.on("upgrade", (_request, socket) => {
        socket.on("error", () => {});
        socket.write(`HTTP/1.1 503 Service Unavailable\r\ncontent-length: 1000000\r\n\r\n${body}`, () => {
          if (body === "cut") socket.destroy();
        });
      });
      const reply = await wireTo().open([], events, undefined);
      assert.ok("kind" in reply && reply.kind === "reply");
      assert.equal(reply.status, 503);
    }
  });
});
