// A server for random schedules: small, fast, and with a memory of every session it issued and every call it ran. Judges nothing.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Issued {
  readonly id: string;
  /** The server forgot it: its id is refused from then on. */
  forgotten: boolean;
  /** Its end was asked for by DELETE. */
  ended: boolean;
}

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly arguments?: { readonly key?: string; readonly ms?: number } };
}

const refusals = {
  404: { jsonrpc: "2.0", error: { code: -32001, message: "Session not found" }, id: null },
  400: { jsonrpc: "2.0", error: { code: -32000, message: "Bad Request: No valid session ID provided" }, id: null },
} as const;

/** What a trusted connector may believe of the one tool. */
const tools = [{ name: "run", inputSchema: { type: "object" }, annotations: { idempotentHint: true } }];

export type Refusal = keyof typeof refusals;

export class ScriptedServer implements AsyncDisposable {
  readonly issued: Issued[] = [];
  /** How often each call ran. */
  readonly executed = new Map<string, number>();
  /** How a lost session is refused. */
  refusal: Refusal = 404;
  /** So many new sessions are forgotten as soon as they are given out. */
  forgetNext = 0;
  /** Before initialize and what follows it are answered. */
  slowMs = 0;
  /** Initializes that have come and are not answered yet. */
  initializing = 0;
  /** What becomes of the connections of the next tool calls. */
  readonly cuts: ("before" | "after")[] = [];
  port = 0;
  readonly #server: Server;
  readonly #streams = new Map<string, Set<ServerResponse>>();
  #reopening: Promise<void> = Promise.resolve();

  constructor() {
    this.#server = createServer(
      (request, response) => void this.#serve(request, response).catch(() => response.destroy()),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  /** Sessions that the server still keeps. */
  get kept(): readonly Issued[] {
    return this.issued.filter(({ forgotten, ended }) => !forgotten && !ended);
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.port, "127.0.0.1", () => {
        this.#server.off("error", reject);
        this.port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /** Calls that run go on to their end and are answered. */
  forget(): void {
    for (const session of this.kept) this.#lose(session);
  }

  /** The process ends with all its connections and comes back on the same port. */
  restart(downMs: number): void {
    this.#reopening = this.#reopening.then(async () => {
      this.forget();
      const closed = new Promise((resolve) => this.#server.close(resolve));
      this.#server.closeAllConnections();
      await closed;
      await delay(downMs);
      await this.listen();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reopening;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #lose(session: Issued): void {
    session.forgotten = true;
    for (const stream of this.#streams.get(session.id) ?? []) stream.end();
    this.#streams.delete(session.id);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "OPTIONS") return end(response, 405);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message: Message = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
    if (message.method === "initialize") return this.#initialize(message, request, response);
    const session = this.issued.find(({ id }) => id === request.headers["mcp-session-id"]);
    if (session === undefined || session.forgotten || session.ended)
      return json(response, this.refusal, refusals[this.refusal]);
    if (request.method === "GET") return this.#stream(session, response);
    if (request.method === "DELETE") {
      session.ended = true;
      return end(response, 200);
    }
    if (message.id === undefined) return end(response, 202);
    if (message.method === "logging/setLevel" && this.slowMs > 0) await delay(this.slowMs);
    if (message.method === "tools/call") return this.#call(message, response);
    json(response, 200, { jsonrpc: "2.0", id: message.id, result: message.method === "tools/list" ? { tools } : {} });
  }

  async #initialize({ id }: Message, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.initializing += 1;
    if (this.slowMs > 0) await delay(this.slowMs);
    this.initializing -= 1;
    // Nobody is left to be given a session.
    if (request.socket.destroyed) return;
    const session: Issued = { id: `s${this.issued.length + 1}`, forgotten: false, ended: false };
    this.issued.push(session);
    const result = {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "scripted", version: "1" },
    };
    json(response, 200, { jsonrpc: "2.0", id, result }, { "mcp-session-id": session.id });
    if (this.forgetNext === 0) return;
    this.forgetNext -= 1;
    this.#lose(session);
  }

  #stream(session: Issued, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const streams = this.#streams.get(session.id) ?? new Set();
    this.#streams.set(session.id, streams.add(response));
    response.once("close", () => streams.delete(response));
  }

  async #call({ id, params }: Message, response: ServerResponse): Promise<void> {
    const cut = this.cuts.shift();
    if (cut === "before") return void response.destroy();
    const { key = "", ms = 0 } = params?.arguments ?? {};
    this.executed.set(key, (this.executed.get(key) ?? 0) + 1);
    if (ms > 0) await delay(ms);
    if (cut === "after") return void response.destroy();
    const answer = { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: key }] } };
    // Every other answer comes as a stream.
    if (ms % 2 === 0) return json(response, 200, answer);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(`event: message\ndata: ${JSON.stringify(answer)}\n\n`);
  }
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-length": "0" }).end();
}

function json(
  response: ServerResponse,
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}
