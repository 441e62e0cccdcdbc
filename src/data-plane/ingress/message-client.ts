// One client on a wire of whole messages: keeps the order that the protocol asks for, makes an exchange of each message, and listens for what the server says of its own accord.
import { PassThrough } from "node:stream";
import { type ErrorCode, ProxyError } from "../../errors/index.ts";
import type { BodyTap } from "../../observability/index.ts";
import { type ClientSessionId, isFaceSession, type RawId, type Scanned, scanEnvelope } from "../../protocol/index.ts";
import { isModernBody, type ModernEndpoint, serveModern } from "../bridge/index.ts";
import {
  answerFailure,
  type ClientExchange,
  type RequestBody,
  relayInitialize,
  requestIds,
  type Streams,
} from "../relay/index.ts";
import type { SessionManager, UpstreamSession } from "../session/index.ts";
import { relayMessage } from "./client-message.ts";
import { MessageConnection } from "./message-connection.ts";
import { type MessageWire, mostHeldBytes } from "./message-wire.ts";
import { cancelledRequest, modernExchange } from "./modern-message.ts";
import type { BodyLimits } from "./read-body.ts";
import { type ExchangeNotes, newNotes, toRecord, whenOver } from "./request-record.ts";

/** What all clients of an endpoint share. */
export interface MessageEndpoint {
  readonly sessions: SessionManager;
  readonly streams: Streams;
  /** Serves clients of revision 2026-07-28 and later. */
  readonly modern: ModernEndpoint;
  /** Go to the server with each message: flat names and values. */
  readonly headers: readonly string[];
  readonly limits: BodyLimits;
  /** Sees what passes, where somebody asked for that. */
  readonly bodies?: BodyTap | undefined;
  /** What the log calls the owner of a session; undefined: the beginning of the principal's hash. */
  readonly userOf?: ((principal: string) => string) | undefined;
}

interface Message {
  readonly bytes: Buffer;
  readonly scanned: Extract<Scanned, { shape: "single" | "batch" }>;
  readonly notes: ExchangeNotes;
}

/** Messages of one client that may be under way or wait for their turn. */
export const mostOpenMessages = 1_000;
const firstRelistenMs = 250;
const longestRelistenMs = 30_000;
const resumeMs = 1_000;

export class MessageClient {
  readonly principal: string;
  readonly #endpoint: MessageEndpoint;
  readonly #wire: MessageWire;
  /** The id under which the session is opened, where the wire has one of its own. */
  readonly #openAs: ClientSessionId | undefined;
  #session: UpstreamSession | undefined;
  #release: (() => void) | undefined;
  /** Initialize, and the word that it is done, are served alone: no other message may overtake them. */
  #gated = false;
  #waiting: Message[] = [];
  readonly #open = new Set<MessageConnection>();
  /** Subscriptions of a modern client, which end with it alone. */
  readonly #listens = new Set<MessageConnection>();
  #standing: MessageConnection | undefined;
  #relistenMs = firstRelistenMs;
  #heldBytes = 0;
  #ending = false;
  #left = false;
  #failure: ErrorCode | undefined;

  constructor(endpoint: MessageEndpoint, wire: MessageWire, principal: string, openAs?: ClientSessionId) {
    this.#endpoint = endpoint;
    this.#wire = wire;
    this.principal = principal;
    this.#openAs = openAs;
  }

  get hasSession(): boolean {
    return this.#session !== undefined;
  }

  /** Why the client never got a session, if it asked for one. */
  get failure(): ErrorCode | undefined {
    return this.#failure;
  }

  /** Goes on with a session that outlived its wire. */
  resume(session: UpstreamSession): void {
    this.#bind(session);
    if (session.snapshot.initialized) this.#listen();
  }

  /**
   * Takes one message. It is answered on the wire, whatever happens to it.
   * @throws ProxyError MALFORMED_JSON, NOT_JSON_RPC, INITIALIZE_IN_BATCH, TOO_MANY_OPEN_REQUESTS: it is not answered on the wire
   */
  receive(bytes: Buffer, scanned = scanEnvelope(bytes)): void {
    const { connector } = this.#endpoint.sessions;
    if (scanned.shape === "not-json") throw new ProxyError("MALFORMED_JSON", { note: scanned.reason });
    if (scanned.shape === "not-json-rpc") throw new ProxyError("NOT_JSON_RPC", { note: scanned.reason });
    if (scanned.shape === "batch" && scanned.envelopes.some(({ method }) => method === "initialize"))
      throw new ProxyError("INITIALIZE_IN_BATCH");
    const notes = newNotes(connector.nowMs());
    notes.scanned = () => scanned;
    notes.bodyLength = () => bytes.length;
    notes.userId = userIdOf(this.#endpoint, this.principal);
    const message: Message = { bytes, scanned, notes };
    // An answer to the server's question may be what everything else waits for.
    const passes = isAnswer(scanned) && this.#session !== undefined;
    if (this.#wire.holds === undefined && this.#heldBytes > mostHeldBytes && !passes)
      throw new ProxyError("TOO_MANY_OPEN_REQUESTS", { note: `They may hold ${mostHeldBytes} bytes together.` });
    this.#hold(bytes.length);
    const isFull = this.#open.size + this.#waiting.length >= mostOpenMessages;
    if (this.#gated && !passes && !isFull) this.#waiting.push(message);
    else void this.#serve(message, isFull && !passes);
  }

  /** Nothing more will be received: the wire ends when everything is answered. */
  finish(): void {
    this.#ending = true;
    for (const listen of this.#listens) listen.leave();
    this.#endIfDone();
  }

  /** The client has left for good: its session ends on both sides. Resolves when it has. */
  async close(): Promise<void> {
    const session = this.#session;
    this.suspend();
    session?.close("client");
    await session?.ended;
  }

  /** The client is gone, but its session is kept for whoever comes back for it. */
  suspend(): void {
    this.#left = true;
    this.#waiting = [];
    this.#standing?.leave();
    for (const connection of this.#open) connection.leave();
    this.#release?.();
    this.#release = undefined;
  }

  async #serve(message: Message, isTooMany: boolean): Promise<void> {
    const { sessions } = this.#endpoint;
    const method = message.scanned.shape === "single" ? message.scanned.envelope.method : undefined;
    const gates = method === "initialize" || method === "notifications/initialized";
    sessions.connector.metrics.requestStarted();
    const exchange = this.#exchange(message);
    if (gates) this.#gated = true;
    try {
      if (isTooMany) throw new ProxyError("TOO_MANY_OPEN_REQUESTS", { note: `The limit is ${mostOpenMessages}.` });
      if (method === "initialize") await this.#initialize(exchange);
      else if (this.#session === undefined) await this.#sessionless(exchange, message, method);
      else await this.#relay(exchange, this.#session, message.scanned, method);
    } catch (error) {
      answerFailure(exchange, requestIds(exchange), error);
    }
    if (!gates) return;
    this.#gated = false;
    while (!this.#gated) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      void this.#serve(next, false);
    }
  }

  /** Only an `initialize` makes a client a legacy one; without it each message may speak for itself. */
  async #sessionless(exchange: ClientExchange, { bytes }: Message, method: string | undefined): Promise<void> {
    const connection = exchange.connection as MessageConnection;
    if (method === "notifications/cancelled") {
      const id = cancelledRequest(bytes);
      // Where requests share a wire, this is what closing the connection is elsewhere.
      for (const other of this.#open) if (id !== undefined && other.parts.open.has(id)) other.leave();
      return connection.answer(202, [], new Uint8Array());
    }
    if (exchange.scanned?.shape !== "single" || !isModernBody(method, bytes)) throw new ProxyError("NOT_INITIALIZED");
    if (method === "subscriptions/listen") this.#listens.add(connection);
    await serveModern(this.#endpoint.modern, modernExchange(exchange, bytes, method), this.principal);
  }

  async #relay(
    exchange: ClientExchange,
    session: UpstreamSession,
    scanned: Scanned,
    method: string | undefined,
  ): Promise<void> {
    exchange.outcome.sessionHash = session.shortHash;
    if (session.state.at === "operating" && isFaceSession(session.state.upstreamId)) exchange.outcome.eraPair = "LM";
    await relayMessage(exchange, session, scanned);
    if (method === "notifications/initialized" && this.#standing === undefined) this.#listen();
  }

  async #initialize(exchange: ClientExchange): Promise<void> {
    const { sessions } = this.#endpoint;
    const before = this.#session;
    if (before !== undefined) {
      this.#session = undefined;
      this.#standing?.leave();
      before.close("client");
      await before.ended;
    }
    await relayInitialize(exchange, sessions, this.principal, this.#openAs);
    const { sessionId } = exchange.connection as MessageConnection;
    const session = sessionId === undefined ? undefined : sessions.get(sessionId, this.principal);
    if (session === undefined) this.#failure = exchange.outcome.errorCode as ErrorCode;
    else if (this.#wire.gone) session.close("client");
    else this.#bind(session);
  }

  #bind(session: UpstreamSession): void {
    this.#release?.();
    this.#session = session;
    this.#failure = undefined;
    this.#release = session.use();
    // Under --recovery strict a lost session ends here, and the client's wire with it.
    session.onClosed(() => {
      if (this.#session === session) queueMicrotask(() => this.finish());
    });
  }

  /** The session's standing stream, over which the server speaks of its own accord. */
  #listen(): void {
    const session = this.#session;
    if (session === undefined || this.#wire.gone || this.#left) return;
    const { connector } = session;
    const notes = newNotes(connector.nowMs());
    const connection = new MessageConnection({
      ...this.#connectionParts(notes),
      open: new Set(),
      onOver: () => {
        if (this.#standing === connection) this.#standing = undefined;
        // A server that has no such stream says so once; one that ends it is asked again.
        if (!connection.isStream || session !== this.#session || this.#left) return;
        const lived = connector.nowMs() - notes.startedMs;
        this.#relistenMs =
          lived > longestRelistenMs ? firstRelistenMs : Math.min(this.#relistenMs * 2, longestRelistenMs);
        setTimeout(() => this.#listen(), this.#relistenMs).unref();
      },
    });
    this.#standing = connection;
    void this.#endpoint.streams.attach(this.#get(connection, notes, undefined), session);
  }

  #exchange(message: Message): ClientExchange {
    const { notes, scanned } = message;
    const open = new Set<RawId>();
    const { bodies } = this.#endpoint;
    const isSeen = bodies?.isOn === true;
    if (isSeen) bodies.asked(notes.requestId, message.bytes);
    const connection = new MessageConnection({
      ...this.#connectionParts(notes),
      open,
      seen: isSeen ? (json) => bodies.answered(notes.requestId, json) : undefined,
      onOver: (over) => this.#over(over, notes),
    });
    const exchange: ClientExchange = {
      httpMethod: "POST",
      connection,
      scanned,
      body: this.#body(message),
      contentType: "application/json",
      protocolVersion: this.#session?.snapshot.clientVersion,
      lastEventId: undefined,
      headers: this.#endpoint.headers,
      addressWords: this.#endpoint.sessions.connector.settings.addressWords,
      requestId: notes.requestId,
      outcome: notes.outcome,
    };
    for (const id of requestIds(exchange)) open.add(id);
    this.#open.add(connection);
    return exchange;
  }

  #get(connection: MessageConnection, notes: ExchangeNotes, lastEventId: string | undefined): ClientExchange {
    return {
      httpMethod: "GET",
      connection,
      scanned: undefined,
      body: undefined,
      contentType: "",
      protocolVersion: this.#session?.snapshot.clientVersion,
      lastEventId,
      headers: this.#endpoint.headers,
      addressWords: this.#endpoint.sessions.connector.settings.addressWords,
      requestId: notes.requestId,
      outcome: notes.outcome,
    };
  }

  #connectionParts({ requestId, outcome }: ExchangeNotes) {
    const { sessions, limits } = this.#endpoint;
    const connector = sessions.connector.settings.name;
    return { wire: this.#wire, maxBytes: limits.maxBodyBytes, connector, requestId, outcome };
  }

  /** Kept for a replay within the limits that hold for every body; otherwise it goes once. */
  #body({ bytes, notes }: Message): RequestBody {
    const { keepBytes, keptOfAll } = this.#endpoint.limits;
    const counted = bytes.length > keepBytes ? undefined : keptOfAll.grow(0, bytes.length);
    if (counted !== undefined) {
      if (counted > 0) whenOver(notes, () => keptOfAll.release(counted));
      return { kept: bytes };
    }
    const stream = new PassThrough();
    stream.end(bytes);
    return { stream, contentLength: String(bytes.length) };
  }

  #over(connection: MessageConnection, notes: ExchangeNotes): void {
    const { open, outcome } = connection.parts;
    const { lastEventId } = connection;
    if (open.size > 0 && connection.isStream && lastEventId !== undefined && !this.#wire.gone && !this.#left) {
      this.#resumeAnswer(connection, notes, lastEventId);
      return;
    }
    this.#open.delete(connection);
    this.#listens.delete(connection);
    const { log, metrics, settings, nowMs } = this.#endpoint.sessions.connector;
    const answered = { headersSent: connection.status > 0, statusCode: connection.status };
    log.request(toRecord(notes, { method: this.#wire.name }, answered, settings.name, nowMs()));
    metrics.requestEnded(outcome.errorCode === "-" ? "answered" : outcome.errorCode);
    notes.isOver = true;
    notes.release();
    this.#hold(-notes.bodyLength());
    this.#endIfDone();
  }

  /** The server ended the stream of an answer on purpose, to be asked for the rest later (transports, "Resumability and Redelivery"). */
  #resumeAnswer(before: MessageConnection, notes: ExchangeNotes, lastEventId: string): void {
    const next = new MessageConnection({ ...before.parts, onOver: (over) => this.#over(over, notes) });
    this.#open.delete(before);
    this.#open.add(next);
    setTimeout(() => {
      const session = this.#session;
      if (session === undefined || this.#wire.gone) return next.destroy();
      void this.#endpoint.streams.attach(this.#get(next, notes, lastEventId), session);
    }, before.retryMs ?? resumeMs).unref();
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    this.#wire.holds?.(this.#heldBytes);
  }

  #endIfDone(): void {
    if (!this.#ending || this.#left || this.#wire.gone || this.#open.size > 0 || this.#waiting.length > 0) return;
    this.#wire.end();
  }
}

export function userIdOf({ userOf }: Pick<MessageEndpoint, "userOf">, principal: string): string {
  if (principal === "none") return "-";
  return userOf?.(principal) ?? principal.slice(0, 12);
}

function isAnswer(scanned: Scanned): boolean {
  return scanned.shape === "single" && (scanned.envelope.kind === "result" || scanned.envelope.kind === "error");
}
