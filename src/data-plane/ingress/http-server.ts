// The listening socket: admits, finds the endpoint for a path, logs what became of each exchange, and drains at the end.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { catalog, type ErrorCode } from "../../errors/index.ts";
import type { Log, Metrics } from "../../observability/index.ts";
import { createServer } from "../../protocol/index.ts";
import { type AdmissionRules, admit } from "./admission.ts";
import { bindAddress } from "./bind-address.ts";
import { brokenCode, brokenMethod, type ClientError, hasOneHost } from "./broken-request.ts";
import { answerCors, type CorsRule } from "./cors.ts";
import { type HttpRequest, pathOf } from "./http-request.ts";
import { refuse } from "./refuse.ts";
import { type ExchangeNotes, newNotes, toRecord } from "./request-record.ts";
import { keepAliveSeconds, ShortConnection } from "./short-connection.ts";
import type { ShortRequest } from "./short-request.ts";
import { type ShortListener, ShortSocket } from "./short-socket.ts";
import { declineUpgrade, isWebSocketUpgrade, refuseOnSocket, type ServeUpgrade } from "./upgrade.ts";

export type Serve = (request: IncomingMessage, response: ServerResponse, notes: ExchangeNotes) => Promise<void>;
/** Serves an exchange that came the short way: the request is there as a whole. */
export type ServeShort = (request: ShortRequest, connection: ShortConnection, notes: ExchangeNotes) => Promise<void>;

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
  /** Who serves this path the short way, if anybody does; the rest of its requests come to `route`. */
  readonly shortRoute?: (path: string, request: ShortRequest, notes: ExchangeNotes) => ServeShort | undefined;
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

const backlog = 4096;

/** How often connections are looked at that came the short way and are not used. */
const idleLookMs = 5_000;

class RunningServer implements HttpServer, ShortListener {
  readonly host: string;
  port = 0;
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #upgraded = new Set<Duplex>();
  /** Requests without a whole answer on a connection, and the upgrade that came behind them: its answer must not overtake theirs. */
  readonly #open = new WeakMap<Duplex, { readonly answers: Set<ServerResponse>; next?: (() => void) | undefined }>();
  readonly #short = new Set<ShortSocket>();
  #idleLooks: NodeJS.Timeout | undefined;
  /** Node's own way with a new connection. */
  #accept: ((socket: Socket) => void) | undefined;
  #inFlight = 0;
  #draining = false;
  #drained: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.host = options.host;
    this.#options = options;
    this.#server = createServer(
      {
        requestTimeout: 0,
        headersTimeout: 10_000,
        keepAliveTimeout: keepAliveSeconds * 1_000,
        maxHeaderSize: 16 * 1024,
        noDelay: true,
        // Whoever sends none gets an error of ours, and its line in the log.
        requireHostHeader: false,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on("checkExpectation", (request, response) => {
      void this.#serve(request, response, "EXPECTATION_UNKNOWN");
    });
    this.#server.on("upgrade", (request, socket, head) =>
      this.#afterAnswers(socket, () => this.#upgrade(request, socket, head)),
    );
    this.#server.on("connect", ({ method }, socket) =>
      this.#afterAnswers(socket, () => this.#refuseOn(socket, "METHOD_NOT_ALLOWED", method)),
    );
    this.#server.on("clientError", (error, socket) => this.#broken(error, socket));
    if (options.shortRoute !== undefined) this.#openShortWay();
  }

  /** What takes the connection over waits for the answers to what came on it before. */
  #afterAnswers(socket: Duplex, take: () => void): void {
    const open = this.#open.get(socket);
    if (open === undefined || open.answers.size === 0) return take();
    // Node has let go of the connection, and nobody else would tell those who are being answered that it broke.
    const broken = (): void => {
      for (const response of open.answers) response.emit("close");
    };
    socket.once("error", () => socket.destroy()).once("close", broken);
    open.next = () => {
      open.next = undefined;
      socket.off("close", broken);
      take();
    };
  }

  /** Every connection begins the short way, and goes over to Node's server with the first request that is not of its kind. */
  #openShortWay(): void {
    const [accept] = this.#server.listeners("connection");
    this.#accept = accept as (socket: Socket) => void;
    this.#server.removeAllListeners("connection");
    this.#server.on("connection", (socket: Socket) => void this.#short.add(new ShortSocket(socket, this)));
    this.#idleLooks = setInterval(() => {
      for (const one of this.#short) if (one.isIdle((keepAliveSeconds * 1_000) / idleLookMs)) one.socket.destroy();
    }, idleLookMs).unref();
  }

  begin(owner: ShortSocket, request: ShortRequest): ShortConnection | undefined {
    const { cors, shortRoute, nowMs, metrics } = this.#options;
    const path = pathOf(request);
    if (cors !== undefined && request.headers.origin !== undefined) return undefined;
    if (this.#refusal(request, path) !== undefined) return undefined;
    const notes = newNotes(nowMs());
    const serve = shortRoute?.(path, request, notes);
    if (serve === undefined) return undefined;
    this.#inFlight += 1;
    metrics.requestStarted();
    const connection = new ShortConnection(owner, request, notes);
    owner.carries(connection);
    void serve(request, connection, notes);
    return connection;
  }

  finished(connection: ShortConnection): void {
    this.#finished(connection.request, connection, connection.notes);
  }

  handOver(socket: Socket): void {
    this.#accept?.call(this.#server, socket);
  }

  closed(owner: ShortSocket): void {
    this.#short.delete(owner);
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { host, port } = this.#options;
      const listening = (): void => {
        this.port = (this.#server.address() as AddressInfo).port;
        resolve();
      };
      this.#server.once("error", reject);
      const bound = bindAddress(host, port);
      if (bound === undefined) this.#server.listen({ host, port, backlog }, listening);
      else this.#server.listen(bound, backlog, listening);
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
    clearInterval(this.#idleLooks);
    for (const { socket } of this.#short) socket.destroy();
    return closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse, fault?: ErrorCode): Promise<void> | void {
    const { nowMs, metrics } = this.#options;
    const notes = newNotes(nowMs());
    this.#inFlight += 1;
    metrics.requestStarted();
    const { socket } = request;
    const open = this.#open.get(socket) ?? { answers: new Set() };
    open.answers.add(response);
    this.#open.set(socket, open);
    response.once("close", () => {
      this.#finished(request, response, notes);
      open.answers.delete(response);
      if (open.answers.size === 0 && socket.writable) open.next?.();
    });
    // A connection kept open by a client would hold up a drain.
    if (this.#draining) response.shouldKeepAlive = false;
    const path = pathOf(request);
    const { cors } = this.#options;
    const broken = hasOneHost(request) ? fault : "NOT_HTTP";
    if (broken !== undefined) return refuse(request, response, notes, broken);
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
    // "*" and absolute forms are for forward proxies.
    const serve = path.startsWith("/") ? upgrade?.(path) : undefined;
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
      const statusCode = errorCode === "-" ? (notes.upgradeStatus ?? 101) : catalog[errorCode as ErrorCode].http;
      log.request(toRecord(notes, request, { headersSent: true, statusCode }, connector, nowMs()));
      metrics.requestEnded(errorCode === "-" ? "answered" : errorCode);
      this.#upgraded.delete(socket);
      this.#over();
    });
    if (refusal === undefined) serve(request, socket, head, notes);
    else refuseOnSocket(socket, refusal, notes.requestId);
  }

  /** What came is no request. A connection on which others are being answered cannot carry an answer to that, and ends. */
  #broken(error: ClientError, socket: Duplex): void {
    const code = brokenCode(error);
    const isAnswering = (this.#open.get(socket)?.answers.size ?? 0) > 0;
    // A browser opens connections that it may need, and says nothing on them.
    const isSilent = "bytesRead" in socket && socket.bytesRead === 0;
    if (code === undefined || isSilent || isAnswering || !socket.writable) socket.destroy();
    else this.#refuseOn(socket, code, brokenMethod(error));
  }

  #refuseOn(socket: Duplex, code: ErrorCode, method: string | undefined): void {
    const { log, metrics, connector, nowMs } = this.#options;
    const notes = newNotes(nowMs());
    notes.outcome.errorCode = code;
    metrics.requestStarted();
    socket.on("error", () => socket.destroy());
    refuseOnSocket(socket, code, notes.requestId);
    const answer = { headersSent: true, statusCode: catalog[code].http };
    log.request(toRecord(notes, { method }, answer, connector, nowMs()));
    metrics.requestEnded(code);
  }

  #refusal({ headers, method }: HttpRequest, path: string): ErrorCode | undefined {
    if (this.#draining) return "SHUTTING_DOWN";
    const { host, origin, authorization } = headers;
    const { admission, cors } = this.#options;
    const foreign = cors !== undefined && origin !== undefined && cors(origin) ? undefined : origin;
    return admit(admission, { host, origin: foreign, authorization, method, path });
  }

  #finished(
    request: HttpRequest,
    response: Pick<ServerResponse, "headersSent" | "statusCode">,
    notes: ExchangeNotes,
  ): void {
    const { log, metrics, connector, nowMs } = this.#options;
    if (notes.isLoggedElsewhere) metrics.requestEnded();
    else {
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
