// The Streamable HTTP transport toward clients: which era an exchange is of, what is asked for, of which session.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { type ErrorCode, ProxyError } from "../../errors/index.ts";
import { isClientSessionId, isFaceSession, mediaType, methodHeader, sessionIdHeader } from "../../protocol/index.ts";
import { isModernBody, isModernExchange, type ModernEndpoint, serveModern } from "../bridge/index.ts";
import {
  answerFailure,
  type ClientConnection,
  type ClientExchange,
  type RequestBody,
  relayInitialize,
  type Streams,
} from "../relay/index.ts";
import { assertAccepted, type SessionManager, type UpstreamSession } from "../session/index.ts";
import { adoptSession, noteAdopted } from "./adopt-session.ts";
import { HttpClientConnection } from "./client-connection.ts";
import { relayMessage } from "./client-message.ts";
import { HttpExchange, one } from "./http-exchange.ts";
import type { HttpRequest } from "./http-request.ts";
import { HttpModernExchange } from "./modern-exchange.ts";
import type { AtEndpoint } from "./pass-through.ts";
import { type BodyLimits, readBody, type TakenBody, takeWhole } from "./read-body.ts";
import { refuseOn } from "./refuse.ts";
import { type ExchangeNotes, whenOver } from "./request-record.ts";
import type { ShortConnection } from "./short-connection.ts";
import type { ShortRequest } from "./short-request.ts";

/** Longer names are no methods. */
const longestMethod = 256;
const eventStream = "text/event-stream";

export interface EndpointOptions {
  readonly sessions: SessionManager;
  readonly streams: Streams;
  /** What tells one client from another; undefined for one that presents nothing. */
  readonly credential: (request: HttpRequest) => string | undefined;
  readonly limits: BodyLimits;
  /** What goes to the server on behalf of this request: the connector's headers and, in front mode, the client's own. */
  readonly forward: (request: HttpRequest) => readonly string[];
  /** Serves clients of revision 2026-07-28 and later. */
  readonly modern: ModernEndpoint;
  /** Front mode: serves what belongs to no session, as the server itself would. */
  readonly passThrough:
    | ((request: IncomingMessage, response: ServerResponse, notes: ExchangeNotes, at?: AtEndpoint) => Promise<void>)
    | undefined;
}

/** Serves one exchange at an MCP endpoint. Never rejects. */
export function serveMcp(
  options: EndpointOptions,
  request: IncomingMessage,
  response: ServerResponse,
  notes: ExchangeNotes,
): Promise<void> {
  return serveExchange(new NodeEndpointExchange(options, request, response, notes));
}

/** As `serveMcp`, the short way. */
export function serveMcpShort(
  options: EndpointOptions,
  request: ShortRequest,
  connection: ShortConnection,
  notes: ExchangeNotes,
): Promise<void> {
  return serveExchange(new ShortEndpointExchange(options, request, connection, notes));
}

/** False: an exchange that the server may have to be given as it is. */
export function isServedShort({ passThrough }: Pick<EndpointOptions, "passThrough">, request: ShortRequest): boolean {
  return passThrough === undefined || request.headers[sessionIdHeader] !== undefined;
}

/** Waits only for what takes its time: of an exchange that is there as a whole nothing does, until its server is asked. */
async function serveExchange(endpoint: EndpointExchange): Promise<void> {
  try {
    const serving = endpoint.serve();
    if (serving !== undefined) await serving;
  } catch (error) {
    endpoint.fail(error);
  }
}

abstract class EndpointExchange {
  protected readonly options: EndpointOptions;
  readonly #request: HttpRequest;
  readonly #connection: ClientConnection;
  protected readonly notes: ExchangeNotes;
  readonly #principal: string;

  constructor(options: EndpointOptions, request: HttpRequest, connection: ClientConnection, notes: ExchangeNotes) {
    this.options = options;
    this.#request = request;
    this.#connection = connection;
    this.notes = notes;
    this.#principal = options.sessions.principal(options.credential(request));
    if (notes.userId === "-" && this.#principal !== "none") notes.userId = this.#principal.slice(0, 12);
  }

  protected abstract takeBody(): Promise<TakenBody> | TakenBody;
  /** Without a session id there is no session to keep: the server answers for itself, its 401 included. */
  protected abstract pass(read?: RequestBody): Promise<void>;

  fail(error: unknown): void {
    const { code, cause } = ProxyError.from(error);
    if (code === "INTERNAL") {
      const { log, settings } = this.options.sessions.connector;
      const reason = String(cause);
      log.event("error", "internal error", { connector: settings.name, request_id: this.notes.requestId, reason });
    }
    answerFailure(this.exchange(undefined), this.ids, error);
  }

  serve(): Promise<void> | void {
    const { method, headers } = this.#request;
    if (isModernExchange(headers)) return this.#modern();
    if (this.options.passThrough !== undefined && !mayOpenOrNameSession(method, headers)) return this.pass();
    switch (method) {
      case "POST":
        return this.#post();
      case "GET":
        return this.#get();
      case "DELETE":
        return this.#delete();
      default:
        return this.refuse("METHOD_NOT_ALLOWED");
    }
  }

  protected refuse(code: ErrorCode): void {
    refuseOn(this.#connection, this.notes, code);
  }

  /** The requests that an error must answer, as far as the body has been read. */
  get ids(): readonly string[] {
    const scanned = this.notes.scanned?.();
    if (scanned?.shape !== "single") return [];
    const { kind, id } = scanned.envelope;
    return kind === "request" && id !== undefined ? [id] : [];
  }

  exchange(body: RequestBody | undefined): HttpExchange {
    const { streams, forward, sessions } = this.options;
    const { cors, settings } = sessions.connector;
    const { addressWords } = settings;
    const request = this.#request;
    const resumable = isResumable(request.method, request.headers) ? streams : undefined;
    return new HttpExchange(
      request,
      this.#connection,
      this.notes,
      body,
      forward(request),
      addressWords,
      resumable,
      cors,
    );
  }

  /** Without sessions there is nothing to GET or DELETE. */
  async #modern(): Promise<void> {
    const { method } = this.#request;
    if (method !== "POST") return this.refuse("MODERN_METHOD_NOT_ALLOWED");
    this.#assertJson();
    // Not by the body, for the log either: a modern exchange is routed by its headers.
    this.notes.modernMethod = modernMethod(this.#request.headers);
    const { body, scanned, length } = await this.takeBody();
    this.notes.scanned = scanned;
    this.notes.bodyLength = length;
    return this.#serveModern(body);
  }

  #serveModern(body: RequestBody): Promise<void> {
    const exchange = new HttpModernExchange(this.#request, body, {
      connection: this.#connection,
      headers: this.options.forward(this.#request),
      notes: this.notes,
      isFront: this.options.passThrough !== undefined,
    });
    return serveModern(this.options.modern, exchange, this.#principal);
  }

  #assertJson(): void {
    if (mediaType(this.#request.headers["content-type"]) !== "application/json")
      throw new ProxyError("CONTENT_TYPE_NOT_JSON");
  }

  #post(): Promise<void> | void {
    this.#assertJson();
    const taken = this.takeBody();
    return taken instanceof Promise ? taken.then((whole) => this.#message(whole)) : this.#message(taken);
  }

  #message(taken: TakenBody): Promise<void> | void {
    this.notes.scanned = taken.scanned;
    this.notes.bodyLength = taken.length;
    const scanned = taken.scanned();
    if (scanned.shape === "not-json") throw new ProxyError("MALFORMED_JSON", { note: scanned.reason });
    if (scanned.shape === "not-json-rpc") throw new ProxyError("NOT_JSON_RPC", { note: scanned.reason });
    const exchange = this.exchange(taken.body);
    if (scanned.shape === "batch" && scanned.envelopes.some(({ method }) => method === "initialize")) {
      throw new ProxyError("INITIALIZE_IN_BATCH");
    }
    if (scanned.shape === "single" && scanned.envelope.method === "initialize") return this.#initialize(exchange);
    const hasSession = this.#request.headers[sessionIdHeader] !== undefined;
    if (!hasSession && scanned.shape === "single" && isModernBody(scanned.envelope.method, taken.body.kept))
      return this.#serveModern(taken.body);
    if (this.options.passThrough !== undefined && !hasSession) return this.pass(taken.body);
    const session = this.#liveSession();
    if (session !== undefined) return relayMessage(exchange, session, scanned);
    return this.#session(exchange).then((found) => relayMessage(exchange, found, scanned));
  }

  /** A session id on an initialize is of no use to the server and of no meaning to us; only adoption keeps it. */
  async #initialize(exchange: ClientExchange): Promise<void> {
    const { sessions } = this.options;
    const id = one(this.#request.headers[sessionIdHeader]);
    const adopt = sessions.connector.settings.adoptSessions && id !== undefined && isClientSessionId(id);
    const adoptAs = adopt && (await sessions.find(id, this.#principal)) === undefined ? id : undefined;
    await relayInitialize(exchange, sessions, this.#principal, adoptAs);
    const adopted = adoptAs === undefined ? undefined : sessions.get(adoptAs, this.#principal);
    if (adopted !== undefined) noteAdopted(adopted, exchange.requestId);
  }

  async #get(): Promise<void> {
    const exchange = this.exchange(undefined);
    const session = await this.#session(exchange);
    return this.options.streams.attach(exchange, session);
  }

  async #delete(): Promise<void> {
    const exchange = this.exchange(undefined);
    const session = await this.#session(exchange);
    await assertAccepted(session, exchange.headers);
    session.close("client");
    await session.ended;
    this.#connection.head(200, ["content-length", "0", ...exchange.ownHeaders]);
    this.#connection.end();
  }

  /** The session of an ordinary request, found without a detour; undefined leaves the question, and its answer, to `#session`. */
  #liveSession(): UpstreamSession | undefined {
    const id = one(this.#request.headers[sessionIdHeader]);
    const session = id === undefined ? undefined : this.options.sessions.get(id, this.#principal);
    return session && this.#take(session);
  }

  #take(session: UpstreamSession): UpstreamSession {
    whenOver(this.notes, session.use());
    this.notes.outcome.sessionHash = session.shortHash;
    if (session.state.at === "operating" && isFaceSession(session.state.upstreamId)) this.notes.outcome.eraPair = "LM";
    return session;
  }

  /**
   * The session that the request names, live or from the store, if it belongs to this caller.
   * @throws ProxyError SESSION_ID_REQUIRED, INVALID_SESSION_ID, UNKNOWN_SESSION
   */
  async #session(exchange: ClientExchange): Promise<UpstreamSession> {
    const { sessions } = this.options;
    const id = one(this.#request.headers[sessionIdHeader]);
    if (id === undefined) throw new ProxyError("SESSION_ID_REQUIRED");
    if (!isClientSessionId(id)) throw new ProxyError("INVALID_SESSION_ID");
    let session = sessions.get(id, this.#principal) ?? (await sessions.find(id, this.#principal));
    if (session === undefined && sessions.connector.settings.adoptSessions && this.#request.method !== "DELETE") {
      session = await adoptSession(sessions, id, this.#principal, exchange);
    }
    if (session === undefined) throw new ProxyError("UNKNOWN_SESSION");
    return this.#take(session);
  }
}

class NodeEndpointExchange extends EndpointExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(options: EndpointOptions, request: IncomingMessage, response: ServerResponse, notes: ExchangeNotes) {
    super(options, request, new HttpClientConnection(response), notes);
    this.#request = request;
    this.#response = response;
  }

  protected takeBody(): Promise<TakenBody> {
    return readBody(this.#request, this.options.limits, this.notes);
  }

  protected override refuse(code: ErrorCode): void {
    this.#request.resume();
    super.refuse(code);
  }

  protected pass(read?: RequestBody): Promise<void> {
    return this.options.passThrough?.(this.#request, this.#response, this.notes, { body: read }) ?? Promise.resolve();
  }
}

class ShortEndpointExchange extends EndpointExchange {
  readonly #body: Buffer;

  constructor(options: EndpointOptions, request: ShortRequest, connection: ShortConnection, notes: ExchangeNotes) {
    super(options, request, connection, notes);
    this.#body = request.body;
  }

  protected takeBody(): TakenBody {
    return takeWhole(this.#body, this.options.limits, this.notes);
  }

  /** It is not asked for what `isServedShort` leaves out. */
  protected pass(): Promise<void> {
    return Promise.reject(new Error("an exchange of the server's own came the short way"));
  }
}

/** Every other exchange is the server's own business in front mode. */
function mayOpenOrNameSession(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  if (headers[sessionIdHeader] !== undefined) return method === "POST" || method === "GET" || method === "DELETE";
  return method === "POST" && mediaType(headers["content-type"]) === "application/json";
}

/** The method as the log shows it. */
function modernMethod(headers: IncomingHttpHeaders): string {
  return one(headers[methodHeader])?.slice(0, longestMethod) ?? "-";
}

/** Whoever names a session is of a revision that has resumption (2025-03-26 to 2025-11-25). */
function isResumable(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  return headers[sessionIdHeader] !== undefined && (method === "GET" || headers.accept?.includes(eventStream) === true);
}
