// A server on a port of its own, Node's or one that writes bytes, and a transport to it: what is sent over that, and what came of it. Knows nothing of MCP.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { openTransport, type Reply, type Transport, type WireRequest } from "../../src/data-plane/transport/index.ts";

/** An answer that says its length. */
export const length = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

interface Place extends AsyncDisposable {
  readonly transport: Transport;
  /** Connections that the server was given, in their order. */
  readonly sockets: readonly Socket[];
  /** What came on all of them, in its order. */
  text(): string;
}

/** `take`: called with each piece of each connection, and the number of the connection. */
export async function raw(take: (socket: Socket, text: string, number: number) => void): Promise<Place> {
  const sockets: Socket[] = [];
  let all = "";
  const server = createServer((socket) => {
    const number = sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (piece: Buffer) => {
      all += piece.toString("latin1");
      take(socket, piece.toString("latin1"), number);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const transport = transportTo((server.address() as AddressInfo).port);
  return {
    transport,
    sockets,
    text: () => all,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

export async function real(
  listener: RequestListener,
  keepAliveTimeout?: number,
): Promise<Place & { readonly server: HttpServer }> {
  const sockets: Socket[] = [];
  const server = createHttpServer(keepAliveTimeout === undefined ? {} : { keepAliveTimeout }, listener);
  server.on("connection", (socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const transport = transportTo((server.address() as AddressInfo).port);
  return {
    server,
    transport,
    sockets,
    text: () => "",
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      server.close();
      server.closeAllConnections();
    },
  };
}

export function transportTo(port: number, path = "/mcp"): Transport {
  const url = new URL(`http://127.0.0.1:${port}${path}`);
  const server = { kind: "http", url, wire: "streamable-http" } as const;
  return openTransport(server, { connectTimeoutMs: 5_000, followRedirects: false });
}

export const post = (
  body: Uint8Array | Readable = Buffer.from("{}"),
  headers: readonly string[] = [],
): WireRequest => ({
  method: "POST",
  headers: [...headers],
  body,
});

interface Whole {
  readonly text: string;
  readonly cut: Error | undefined;
}

export function whole(reply: Reply): Promise<Whole> {
  assert.ok(reply.kind === "reply", JSON.stringify(reply));
  const { body } = reply;
  return new Promise((resolve) => {
    let text = "";
    body.pipe({
      data: (chunk) => {
        text += chunk.toString("latin1");
        return true;
      },
      end: () => resolve({ text, cut: undefined }),
      cut: (cut) => resolve({ text, cut }),
    });
  });
}

export async function lost(sending: Promise<Reply>): Promise<Extract<Reply, { kind: "lost" }>> {
  const reply = await sending;
  assert.equal(reply.kind, "lost");
  return reply;
}

export async function codeOf(sending: Promise<Reply>): Promise<string> {
  const { sent, cause } = await lost(sending);
  return `${sent} ${(cause as NodeJS.ErrnoException).code}`;
}
