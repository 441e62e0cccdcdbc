// The wire to a server behind a WebSocket (subprotocol "mcp"): one text frame, one message. The connection is the session: its end is the session's.
import type { IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { scanEnvelope } from "../../protocol/index.ts";
import { wholeReply } from "./push-body.ts";
import type { Reply } from "./reply.ts";
import { eachMessage, type Tell, type Wire, type WireEvents, type WireOpener } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

/** In keep-alive times. */
const pingEvery = 2;
const closeGraceMs = 1_000;
/** Bytes on their way out beyond which the next message waits. */
const roomBytes = 1024 * 1024;
/** A frame cannot be skipped: up to this many times the limit it is read and fails alone, beyond that the connection ends. */
const overlongFactor = 4;
const refusalBytes = 64 * 1024;

export interface WebSocketOptions {
  readonly url: URL;
  readonly connectTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly keepAliveMs: number;
  readonly tell: Tell;
  /** Resolves names where the connector's addresses are restricted. */
  readonly lookup?: LookupFunction | undefined;
}

export function openWebSocket(options: WebSocketOptions): WireOpener {
  const { url } = options;
  const open = new Set<SocketWire>();
  const connectAs: WireOpener["open"] = (headers, events, signal) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url, ["mcp"], {
        headers: handshakeHeaders(headers),
        handshakeTimeout: options.connectTimeoutMs,
        maxPayload: options.maxMessageBytes * overlongFactor,
        perMessageDeflate: false,
        ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
      });
      signal?.addEventListener("abort", () => socket.terminate(), { once: true });
      socket.once("error", (cause) => resolve({ kind: "lost", sent: "nothing", cause }));
      socket.once("unexpected-response", (request, response) => {
        readRefusal(response, (refusal) => {
          resolve(refusal);
          request.destroy();
        });
      });
      socket.once("open", () => {
        const wire = new SocketWire(socket, options, events);
        open.add(wire);
        socket.once("close", () => open.delete(wire));
        resolve(wire);
      });
    });
  return {
    name: "WebSocket",
    origin: url.origin,
    open: connectAs,
    probe: (signal) =>
      new Promise((resolve) => {
        const port = url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : Number(url.port);
        const socket = connect({
          host: url.hostname.replaceAll(/[[\]]/g, ""),
          port,
          timeout: options.connectTimeoutMs,
          ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
        });
        const lose = (cause: Error): void => {
          resolve({ kind: "lost", sent: "nothing", cause });
          socket.destroy();
        };
        signal?.addEventListener("abort", () => lose(new Error("gave up")), { once: true });
        socket.once("timeout", () => lose(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })));
        socket.once("error", lose);
        socket.once("connect", () => {
          resolve(wholeReply(204, "", ""));
          socket.destroy();
        });
      }),
    async close() {
      await Promise.all([...open].map((wire) => wire.close()));
    },
  };
}

/** As much of a refused handshake as is needed, also where it breaks off: its status is there all the same. */
function readRefusal(response: IncomingMessage, then: (reply: Reply) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const done = (): void => {
    const type = response.headers["content-type"] ?? "text/plain";
    const body = Buffer.concat(chunks).subarray(0, refusalBytes);
    then(wholeReply(refusedStatus(response.statusCode), type, body, challengeOf(response.headers)));
  };
  response.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= refusalBytes) done();
  });
  response.once("error", () => {}).once("close", done);
}

class SocketWire implements Wire {
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;
  #isAlive = true;

  constructor(socket: WebSocket, { maxMessageBytes, keepAliveMs, tell }: WebSocketOptions, events: WireEvents) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const scanned = scanEnvelope(data);
      if (scanned.shape !== "single" && scanned.shape !== "batch") {
        tell("warn", "server's frame is no MCP", { reason: scanned.reason });
      } else if (data.length <= maxMessageBytes) {
        try {
          eachMessage(data, scanned, (text, envelope) => events.message(text, envelope));
        } catch (cause) {
          tell("warn", "server's message could not be carried", { reason: String(cause) });
          socket.terminate();
        }
      } else if (scanned.shape === "single") events.tooLarge(scanned.envelope);
    });
    const pinging = setInterval(() => this.#ping(), keepAliveMs * pingEvery).unref();
    socket.on("pong", () => {
      this.#isAlive = true;
    });
    // What went wrong is told by the close that follows.
    socket.on("error", () => {});
    this.#closed = new Promise((resolve) => {
      socket.once("close", (code) => {
        clearInterval(pinging);
        events.closed(new WireFault("UPSTREAM_CLOSED", `The connection was closed with code ${code}.`));
        resolve();
      });
    });
  }

  get unsentBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(text: Buffer): Promise<undefined> | undefined {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return undefined;
    if (socket.bufferedAmount < roomBytes) {
      socket.send(text, { binary: false });
      return undefined;
    }
    return new Promise((resolve) => socket.send(text, { binary: false }, () => resolve(undefined)));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState === socket.CLOSED) return this.#closed;
    // A paused connection would not read the other side's goodbye.
    socket.resume();
    socket.close(1000);
    const timer = setTimeout(() => socket.terminate(), closeGraceMs);
    return this.#closed.finally(() => clearTimeout(timer));
  }

  /** A peer that is gone without a word is noticed by its silence. */
  #ping(): void {
    if (!this.#isAlive && !this.#socket.isPaused) return this.#socket.terminate();
    this.#isAlive = false;
    this.#socket.ping();
  }
}

/** A server that answers 200 where it should have switched protocols has no MCP endpoint there. */
function refusedStatus(status: number | undefined): number {
  return status === undefined || status < 400 ? 404 : status;
}

function challengeOf(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const challenge = headers["www-authenticate"];
  return typeof challenge === "string" ? { "www-authenticate": challenge } : {};
}

const ofAnExchange: ReadonlySet<string> = new Set(["accept", "content-type", "content-length", "host"]);

function handshakeHeaders(headers: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    if (!ofAnExchange.has(name.toLowerCase())) kept[name] = value;
  }
  return kept;
}
