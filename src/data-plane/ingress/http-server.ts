// The listening socket: admits, finds the endpoint for a path, logs what became of each exchange, and drains at the end.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { catalog, type ErrorCode, ProxyError } from "../../errors/index.ts";
import type { Log, Metrics } from "../../observability/index.ts";
import { createServer } from "../../protocol/index.ts";
import { answerError } from "../relay/index.ts";
import { type AdmissionRules, admit } from "./admission.ts";
import { HttpClientConnection } from "./client-connection.ts";
import { answerCors, type CorsRule } from "./cors.ts";
import { plainExchange } from "./plain-exchange.ts";
import { type ExchangeNotes, newNotes, toRecord } from "./request-record.ts";
import { declineUpgrade, isWebSocketUpgrade, refuseUpgrade, type ServeUpgrade } from "./upgrade.ts";

export type Serve = (request: IncomingMessage, response: ServerResponse, notes: ExchangeNotes) => Promise<void>;

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly connector: string;
  readonly admission: AdmissionRules;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly nowMs: () => number;
  /** Who serves this path; undefined answers PATH_NOT_FOUND. The path comes without its query. */
  readonly route: (path: string) => Serve | undefined;
  /** Pages of other origins that may call; undefined allows none. */
  readonly cors?: CorsRule | undefined;
  /** Who takes WebSocket connections to this path. */
  readonly upgrade?: (path: string) => ServeUpgrade | undefined;
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Refuses every new exchange from now on and waits for those in flight, at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<"drained" | "late">;
  /** Closes the port and all connections. */
  close(): Promise<void>;
}

/** @throws Error of `listen`, with its `code` (EADDRINUSE, EACCES). */
export async function listen(options: HttpServerOptions): Promise<HttpServer> {
  const running = new RunningServer(options);
  await running.listen();
  return running;
}

/** What is wrong with a request that never became one, by Node's code for it. */
const brokenRequests: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

class RunningServer implements HttpServer {
  readonly host: string;
  port = 0;
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #upgraded = new Set<Duplex>();
  #inFlight = 0;
  #draining = false;
  #drained: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.host = options.host;
    this.#options = options;
    this.#server = createServer(
      { requestTimeout: 0, headersTimeout: 10_000, keepAliveTimeout: 65_000, maxHeaderSize: 16 * 1024, noDelay: true },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      const status = brokenRequests[error.code ?? ""] ?? "400 Bad Request";
      if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      else socket.destroy();
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: this.#options.host, port: this.#options.port, backlog: 4096 }, () => {
        this.port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  async drain(timeoutMs: number): Promise<"drained" | "late"> {
    // Port and idle connections stay open: who comes now is told to come again, which a broken connection would not say.
    this.#draining = true;
    if (this.#inFlight > 0) {
      const timer = setTimeout(() => this.#drained?.(), timeoutMs);
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
      clearTimeout(timer);
    }
    return this.#inFlight === 0 ? "drained" : "late";
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
    return closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse): Promise<void> | void {
    const { nowMs, metrics } = this.#options;
    const notes = newNotes(nowMs());
    this.#inFlight += 1;
    metrics.requestStarted();
    response.on("close", () => this.#finished(request, response, notes));
    // A connection kept open by a client would hold up a drain.
    if (this.#draining) response.shouldKeepAlive = false;
    const path = pathOf(request);
    const { cors } = this.#options;
    if (cors !== undefined && answerCors(cors, request, response)) return;
    const refusal = this.#refusal(request, path);
    if (refusal !== undefined) return refuse(request, response, notes, refusal);
    // "*" and absolute forms are for forward proxies.
    const serve = path.startsWith("/") ? this.#options.route(path) : undefined;
    if (serve === undefined) return refuse(request, response, notes, "PATH_NOT_FOUND");
    return serve(request, response, notes);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { log, metrics, connector, nowMs, upgrade } = this.#options;
    const path = pathOf(request);
    const serve = upgrade?.(path);
    // Where nobody takes WebSocket, whoever answers that path without the offer has the word: in front mode, the server.
    if (!isWebSocketUpgrade(request) || serve === undefined) return declineUpgrade(this.#server, request, socket, head);
    const notes = newNotes(nowMs());
    const refusal = this.#refusal(request, path);
    notes.outcome.errorCode = refusal ?? "-";
    metrics.requestStarted();
    // A connection is one exchange as long as it lasts: a drain waits for it.
    this.#inFlight += 1;
    this.#upgraded.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      const { errorCode } = notes.outcome;
      const statusCode = errorCode === "-" ? 101 : catalog[errorCode as ErrorCode].http;
      log.request(toRecord(notes, request, { headersSent: true, statusCode }, connector, nowMs()));
      metrics.requestEnded(errorCode === "-" ? "answered" : errorCode);
      this.#upgraded.delete(socket);
      this.#over();
    });
    if (refusal === undefined) serve(request, socket, head, notes);
    else refuseUpgrade(socket, refusal, notes.requestId);
  }

  #refusal({ headers, method }: IncomingMessage, path: string): ErrorCode | undefined {
    if (this.#draining) return "SHUTTING_DOWN";
    const { host, origin, authorization } = headers;
    const { admission, cors } = this.#options;
    const foreign = cors !== undefined && origin !== undefined && cors(origin) ? undefined : origin;
    return admit(admission, { host, origin: foreign, authorization, method, path });
  }

  #finished(request: IncomingMessage, response: ServerResponse, notes: ExchangeNotes): void {
    const { log, metrics, connector, nowMs } = this.#options;
    if (!notes.isLoggedElsewhere) {
      log.request(toRecord(notes, request, response, connector, nowMs()));
      metrics.requestEnded(notes.outcome.errorCode === "-" ? "answered" : notes.outcome.errorCode);
    }
    notes.isOver = true;
    notes.release();
    this.#over();
  }

  #over(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#drained?.();
  }
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

/** Answers with an error of ours before anything of the request was read. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  notes: ExchangeNotes,
  code: ErrorCode,
): void {
  request.resume();
  const connection = new HttpClientConnection(response);
  if (code === "TOKEN_REQUIRED") response.setHeader("www-authenticate", "Bearer");
  if (code === "MODERN_METHOD_NOT_ALLOWED") response.setHeader("allow", "POST");
  if (code === "METHOD_NOT_ALLOWED") response.setHeader("allow", "POST, GET, DELETE");
  answerError(plainExchange(connection, notes), [], new ProxyError(code));
}
