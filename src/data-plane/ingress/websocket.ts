// WebSocket clients: one text frame is one message, and the connection is the session. Admission has been checked before.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import { ProxyError, toJsonRpcError } from "../../errors/index.ts";
import { MessageClient, type MessageEndpoint } from "./message-client.ts";
import { Drains, type MessageWire, mostHeldBytes } from "./message-wire.ts";

/** Subprotocol of the SDK's own WebSocket transport. */
const subprotocol = "mcp";
/** In keep-alive times. A connection that has not answered a ping by the next one is dead. */
const pingEvery = 2;
/** Unsent bytes beyond which the server is asked to pause. */
const bufferedBytes = 1024 * 1024;
/** RFC 6455 section 7.4.1. */
const goingAway = 1001;
const unsupportedData = 1003;

export interface WebSocketEndpointOptions extends MessageEndpoint {
  readonly credential: (request: IncomingMessage) => string | undefined;
  readonly keepAliveMs: number;
}

export class WebSocketEndpoint {
  readonly #options: WebSocketEndpointOptions;
  /** Loaded when the first client comes: most endpoints never see one. */
  #server: Promise<WebSocketServer> | undefined;
  #isClosed = false;
  readonly #clients = new Map<WebSocket, MessageClient>();
  /** Sessions that are being ended at the server. */
  readonly #ends = new Set<Promise<void>>();

  constructor(options: WebSocketEndpointOptions) {
    this.#options = options;
  }

  /** Takes a connection whose upgrade was admitted. What is wrong with the handshake itself is answered here. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server ??= openServer(this.#options.limits.maxBodyBytes);
    void this.#server.then((server) => {
      if (this.#isClosed) socket.destroy();
      else server.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket, request));
    });
  }

  /** Closes each connection when what its client waits for has been answered. */
  finish(): void {
    for (const client of this.#clients.values()) client.finish();
  }

  /** Closes all connections and ends their sessions, which nobody could find again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [webSocket, client] of this.#clients) {
      webSocket.terminate();
      this.#end(webSocket, client);
    }
    await Promise.all(this.#ends);
  }

  #end(webSocket: WebSocket, client: MessageClient): void {
    if (!this.#clients.delete(webSocket)) return;
    const end = client.close().finally(() => this.#ends.delete(end));
    this.#ends.add(end);
  }

  #serve(webSocket: WebSocket, request: IncomingMessage): void {
    const { sessions, credential } = this.#options;
    const client = new MessageClient(
      this.#options,
      new WebSocketWire(webSocket),
      sessions.principal(credential(request)),
    );
    this.#clients.set(webSocket, client);
    webSocket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) return webSocket.close(unsupportedData, "messages are text frames");
      try {
        client.receive(data);
      } catch (error) {
        webSocket.send(toJsonRpcError(ProxyError.from(error), undefined));
      }
    });
    // A frame that is too large or broken: the connection is closed with the code that says so.
    webSocket.on("error", () => undefined);
    webSocket.on("close", () => this.#end(webSocket, client));
    keepAlive(webSocket, this.#options.keepAliveMs * pingEvery);
  }
}

async function openServer(maxPayload: number): Promise<WebSocketServer> {
  const ws = await import("ws");
  return new ws.WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
}

class WebSocketWire implements MessageWire {
  readonly name = "WS";
  readonly #webSocket: WebSocket;
  readonly #drains = new Drains();

  constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    webSocket.on("close", () => this.#drains.release());
  }

  get gone(): boolean {
    return this.#webSocket.readyState !== this.#webSocket.OPEN;
  }

  send(json: Buffer): boolean {
    if (this.gone) return true;
    this.#webSocket.send(json, { binary: false }, () => {
      if (this.#webSocket.bufferedAmount <= bufferedBytes) this.#drains.release();
    });
    return this.#webSocket.bufferedAmount <= bufferedBytes;
  }

  onDrain(listener: () => void): void {
    if (this.gone || this.#webSocket.bufferedAmount <= bufferedBytes) listener();
    else this.#drains.add(listener);
  }

  holds(bytes: number): void {
    if (bytes > mostHeldBytes) this.#webSocket.pause();
    else if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  end(): void {
    this.#webSocket.close(goingAway);
  }
}

function keepAlive(webSocket: WebSocket, pingMs: number): void {
  let isAlive = true;
  webSocket.on("pong", () => (isAlive = true));
  const timer = setInterval(() => {
    // Its answer would not be read.
    if (webSocket.isPaused) isAlive = true;
    if (!isAlive) return webSocket.terminate();
    isAlive = false;
    webSocket.ping();
  }, pingMs).unref();
  webSocket.on("close", () => clearInterval(timer));
}
