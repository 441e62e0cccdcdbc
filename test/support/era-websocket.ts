// The era server behind a WebSocket, in this process: of one era alone, able to break every connection and to come back as one of the other era.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { JSONRPCMessage, McpServer, Transport } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { type WebSocket, WebSocketServer } from "ws";
import { buildServer } from "./era-server/tools.ts";
import type { Era } from "./era-servers.ts";

export interface EraWebSocket extends AsyncDisposable {
  readonly url: string;
  /** Open connections. */
  readonly open: number;
  /** Connections so far. */
  readonly opened: number;
  /** Breaks every connection; who comes back meets this era. */
  become(era: Era): void;
}

class SocketTransport implements Transport {
  onmessage?: Transport["onmessage"];
  onclose?: () => void;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  start(): Promise<void> {
    this.#socket.on("message", (data: Buffer) => this.onmessage?.(JSON.parse(data.toString())));
    this.#socket.on("close", () => this.onclose?.());
    return Promise.resolve();
  }

  send(message: JSONRPCMessage): Promise<void> {
    this.#socket.send(JSON.stringify(message));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#socket.close();
    return Promise.resolve();
  }
}

export async function eraWebSocket(first: Era): Promise<EraWebSocket> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  let era = first;
  let opened = 0;
  const built: McpServer[] = [];
  const announce = {
    toolsChanged: () => built.forEach((each) => each.sendToolListChanged()),
    resourceUpdated: (uri: string) => built.forEach((each) => void each.server.sendResourceUpdated({ uri })),
  };
  const build = (): McpServer => {
    const each = buildServer(era, announce);
    built.push(each);
    return each;
  };
  server.on("connection", (socket) => {
    opened += 1;
    const transport = new SocketTransport(socket);
    if (era === "modern") serveStdio(build, { legacy: "reject", transport });
    else void build().connect(transport);
  });
  const breakAll = (): void => {
    built.length = 0;
    for (const client of server.clients) client.terminate();
  };
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get open() {
      return [...server.clients].filter((client) => client.readyState === client.OPEN).length;
    },
    get opened() {
      return opened;
    },
    become(next) {
      era = next;
      breakAll();
    },
    async [Symbol.asyncDispose]() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
