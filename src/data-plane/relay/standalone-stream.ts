// The GET stream of a session: one to the server, however often client or server comes and goes. Holds nothing but what fell into a gap.
import { ProxyError } from "../../errors/index.ts";
import { acceptBoth, lastEventIdHeader, mediaType, SseObserver } from "../../protocol/index.ts";
import { classifyReply, type Fault, type ReplyFacts } from "../recovery/index.ts";
import {
  assertAccepted,
  type CallContext,
  connectFault,
  contextHeaders,
  isRefusedSession,
  isSameCredential,
  RestoreRefused,
  request,
  type UpstreamSession,
} from "../session/index.ts";
import type { Reply, ReplyBody } from "../transport/index.ts";
import { answerFailure, writeEvent } from "./answer-error.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { clientHeaders } from "./headers.ts";
import { readRefusal } from "./read-refusal.ts";

/** How long the server's stream stays open for a client that went away and may come back at once. */
const lingerMs = 5_000;
const gapBytes = 1024 * 1024;
const firstDelayMs = 250;
const longestDelayMs = 30_000;
const knownIds = 64;

/** The server's end, under the id of the session that it belongs to. */
interface Upstream {
  readonly body: ReplyBody;
  readonly upstreamId: string | undefined;
}

/** One attempt to open the server's stream, which others may share. */
interface Opening {
  readonly upstreamId: string | undefined;
  readonly headers: readonly string[];
  readonly outcome: Promise<Opened>;
}

type Opened =
  | { readonly kind: "open"; readonly shared?: true }
  | { readonly kind: "refused"; readonly fault: Fault; readonly facts: ReplyFacts; readonly headers: readonly string[] }
  | { readonly kind: "lost"; readonly cause: Error; readonly sent: "nothing" | "maybe" };

export class StandaloneStream {
  readonly #session: UpstreamSession;
  /** The clients' ends, newest last; each message goes to the newest alone (transports, "Multiple Connections"). */
  #clients: ClientExchange[] = [];
  #upstream: Upstream | undefined;
  #gap: Buffer[] = [];
  #gapBytes = 0;
  #lastEventId: string | undefined;
  /** Of the last event that was written to a client. */
  #passedEventId: string | undefined;
  #lastEventOf: string | undefined;
  readonly #ids: string[] = [];
  #opening: Opening | undefined;
  #reopening = false;
  #linger: NodeJS.Timeout | undefined;
  #over = false;

  constructor(session: UpstreamSession) {
    this.#session = session;
  }

  /** True if this id was given on this stream, so that a Last-Event-ID with it means this one. */
  knows(eventId: string): boolean {
    return this.#ids.includes(eventId);
  }

  /** Takes a client's GET. Never rejects. */
  async attach(exchange: ClientExchange): Promise<void> {
    try {
      const { lastEventId } = exchange;
      // A stream that is open already is joined, and what it holds is given up, without a word of the server's: so it is asked first who may.
      if (this.#upstream !== undefined || lastEventId !== undefined)
        await assertAccepted(this.#session, exchange.headers);
      if (lastEventId !== undefined && !this.#goesOnFrom(lastEventId)) this.#rewind(lastEventId);
      if (this.#upstream === undefined && !(await this.#openFor(exchange))) return;
      this.#join(exchange);
    } catch (error) {
      answerFailure(exchange, [], error);
    }
  }

  /** The session is over. */
  close(): void {
    this.#over = true;
    clearTimeout(this.#linger);
    for (const client of this.#clients.splice(0)) client.connection.end();
    this.#drop();
  }

  /** The client missed events that went into a dead connection: the server is asked for them again. */
  #rewind(eventId: string): void {
    this.#drop();
    this.#lastEventId = eventId;
    // The server will say all of it again.
    this.#gap = [];
    this.#gapBytes = 0;
  }

  /** What came after this event is all in the gap, or still to come. */
  #goesOnFrom(eventId: string): boolean {
    return eventId === this.#passedEventId && this.#gapBytes <= gapBytes;
  }

  /** Opens the server's stream for a client that waits for its answer. False if the client was given the server's refusal. */
  async #openFor(exchange: ClientExchange): Promise<boolean> {
    const { connector } = this.#session;
    const deadlineMs = connector.nowMs() + connector.settings.recoveryWindowMs;
    for (let lossesLeft = 3; ; ) {
      const lease = await this.#session.ready(deadlineMs, exchange.headers);
      const opened = await this.#open(
        this.#session.context(lease.upstreamId, exchange.headers),
        this.#session.snapshot.stream,
      );
      if (opened.kind === "open") {
        // Opened under another credential meanwhile: that says nothing of this one.
        if (opened.shared === true) await assertAccepted(this.#session, exchange.headers);
        this.#session.served(lease.generation);
        return true;
      }
      if (opened.kind === "lost") {
        await this.#waitOut(opened.cause, deadlineMs);
        continue;
      }
      const gone = lossesLeft > 0 && (await this.#isLoss(opened, lease.upstreamId, exchange.headers));
      if (!gone) return this.#refuse(exchange, opened);
      lossesLeft -= 1;
      if (connector.settings.recovery === "strict") {
        connector.metrics.lost(connector.settings.name, opened.fault);
        this.#session.close("strict");
        throw new ProxyError("SESSION_LOST", { connector: connector.settings.name });
      }
      exchange.outcome.recovery = "restored";
      this.#session.lost(lease.generation, opened.fault, exchange.headers);
    }
  }

  #refuse(exchange: ClientExchange, opened: Extract<Opened, { kind: "refused" }>): false {
    const { settings } = this.#session.connector;
    if (opened.fault === "unauthorized" && !settings.front) {
      throw new ProxyError("AUTHORIZATION_REQUIRED", { connector: settings.name, upstream: opened.facts });
    }
    const body = Buffer.from(opened.facts.body);
    exchange.connection.head(opened.facts.status, [...opened.headers, "content-length", String(body.length)]);
    exchange.connection.end(body);
    return false;
  }

  async #waitOut(cause: Error, deadlineMs: number): Promise<void> {
    const { connector } = this.#session;
    const { code, detail } = connectFault(cause);
    connector.availability.failed(code, detail);
    const outcome = await connector.availability.up(deadlineMs);
    if (outcome !== "up")
      throw new ProxyError(outcome.code, { connector: connector.settings.name, note: outcome.detail });
  }

  /** A refused GET alone proves little; where it leaves doubt, a ping by POST tells (session-loss research, rule E). */
  async #isLoss(
    opened: Extract<Opened, { kind: "refused" }>,
    upstreamId: string | undefined,
    headers: readonly string[],
  ): Promise<boolean> {
    if (opened.fault === "session-not-found" || opened.fault === "session-suspected") return true;
    if (opened.fault !== "session-doubtful") return false;
    return isRefusedSession(await request(this.#session.connector, this.#session.context(upstreamId, headers), "ping"));
  }

  /** Opens one stream per upstream session, however many ask at once: for a second one some servers end the session. */
  async #open(context: CallContext, reopened: boolean): Promise<Opened> {
    const { upstreamId } = context;
    if (this.#upstream !== undefined && this.#upstream.upstreamId === upstreamId) return { kind: "open", shared: true };
    const other = this.#opening;
    if (other !== undefined && other.upstreamId === upstreamId) {
      const outcome = await other.outcome;
      if (outcome.kind === "open") return { kind: "open", shared: true };
      // What the server refuses to one credential it may grant to another.
      const isOurs = outcome.kind === "lost" || isSameCredential(other.headers, context.headers);
      return isOurs ? outcome : this.#open(context, reopened);
    }
    const opening: Opening = { upstreamId, headers: context.headers, outcome: this.#connect(context, reopened) };
    this.#opening = opening;
    try {
      return await opening.outcome;
    } finally {
      if (this.#opening === opening) this.#opening = undefined;
    }
  }

  async #connect(context: CallContext, reopened: boolean): Promise<Opened> {
    const resume = this.#lastEventId !== undefined && (this.#lastEventOf ?? context.upstreamId) === context.upstreamId;
    const headers = contextHeaders(context);
    headers[headers.indexOf(acceptBoth)] = "text/event-stream";
    if (resume) headers.push(lastEventIdHeader, this.#lastEventId as string);
    const reply = await this.#session.connector.transport.send({ method: "GET", headers });
    if (reply.kind === "lost") return { kind: "lost", cause: reply.cause, sent: reply.sent };
    if (reply.status === 200 && mediaType(reply.headers["content-type"]) === "text/event-stream") {
      this.#pump(reply.body, context.upstreamId);
      return { kind: "open" };
    }
    return this.#refused(reply, context, reopened);
  }

  async #refused(reply: Extract<Reply, { kind: "reply" }>, context: CallContext, reopened: boolean): Promise<Opened> {
    const facts = await readRefusal(reply);
    const sentSessionId = context.upstreamId !== undefined;
    const fault = classifyReply(
      {
        httpMethod: "GET",
        method: undefined,
        id: undefined,
        sentSessionId,
        served: true,
        reopened,
        mayPrecedeInitialized: false,
      },
      facts,
    );
    return {
      kind: "refused",
      fault,
      facts,
      headers: clientHeaders(reply.headers, this.#session.connector.settings.front),
    };
  }

  /** Passes the server's events on, each whole and to one client. */
  #pump(body: ReplyBody, upstreamId: string | undefined): void {
    this.#drop();
    const upstream = { body, upstreamId };
    this.#upstream = upstream;
    if (this.#lastEventOf !== upstreamId) this.#lastEventId = undefined;
    let pending: Buffer[] = [];
    let offset = 0;
    const observer = new SseObserver((event) => {
      const envelope = event.scanned?.shape === "single" ? event.scanned.envelope : undefined;
      const { state } = this.#session;
      if (envelope?.kind === "request" && envelope.id !== undefined && state.at === "operating") {
        this.#session.asked.set(envelope.id, state.generation);
      }
      if (event.id !== undefined) this.#remember(event.id, upstreamId);
    });
    body.pipe({
      data: (chunk) => {
        observer.push(chunk);
        pending.push(chunk);
        const whole = observer.boundary - offset;
        if (whole <= 0) return true;
        const bytes = Buffer.concat(pending);
        pending = bytes.length > whole ? [bytes.subarray(whole)] : [];
        offset = observer.boundary;
        return this.#write(bytes.subarray(0, whole), body);
      },
      end: () => this.#ended(upstream),
      cut: () => this.#ended(upstream),
    });
  }

  #remember(eventId: string, upstreamId: string | undefined): void {
    this.#lastEventId = eventId;
    this.#lastEventOf = upstreamId;
    this.#ids.push(eventId);
    if (this.#ids.length > knownIds) this.#ids.shift();
  }

  #write(bytes: Buffer, body: ReplyBody): boolean {
    const client = this.#newest();
    if (client === undefined) {
      this.#gapBytes += bytes.length;
      if (this.#gapBytes <= gapBytes) this.#gap.push(Buffer.from(bytes));
      return true;
    }
    this.#passedEventId = this.#lastEventId;
    if (client.connection.write(bytes)) return true;
    client.connection.onDrain(() => body.resume());
    return false;
  }

  #newest(): ClientExchange | undefined {
    return this.#clients.findLast((client) => !client.connection.gone);
  }

  #join(exchange: ClientExchange): void {
    const session = this.#session;
    clearTimeout(this.#linger);
    exchange.connection.head(200, [
      "content-type",
      "text/event-stream",
      "cache-control",
      "no-cache, no-transform",
      "x-accel-buffering",
      "no",
    ]);
    // The end came while the server's stream was being opened.
    if (this.#over) {
      exchange.connection.end();
      return this.#drop();
    }
    this.#clients.push(exchange);
    for (const bytes of this.#gap.splice(0)) exchange.connection.write(bytes);
    this.#gapBytes = 0;
    this.#passedEventId = this.#lastEventId;
    for (const json of session.unannounced) writeEvent(exchange.connection, json);
    session.unannounced.clear();
    exchange.connection.onGone(() => this.#leave(exchange));
    if (!session.snapshot.stream) {
      session.snapshot.stream = true;
      session.row.saveSoon(session);
    }
    session.openStream = async (context) => {
      await this.#open(context, true);
    };
    session.announce = (json) => {
      const client = this.#newest();
      if (client !== undefined) writeEvent(client.connection, json);
      return client !== undefined;
    };
  }

  #leave(exchange: ClientExchange): void {
    this.#clients = this.#clients.filter((client) => client !== exchange);
    // A stream that waits for drain of a client that left would wait for ever.
    this.#upstream?.body.resume();
    if (this.#clients.length > 0) return;
    this.#linger = setTimeout(() => {
      this.#session.openStream = undefined;
      this.#session.announce = undefined;
      this.#drop();
    }, lingerMs).unref();
  }

  #drop(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.body.abort();
  }

  #ended(upstream: Upstream): void {
    if (this.#upstream !== upstream) return;
    this.#upstream = undefined;
    if (this.#clients.length > 0 && !this.#reopening) void this.#reopen();
  }

  /** Brings the server's stream back while a client listens, whether or not any call prompts it. */
  async #reopen(): Promise<void> {
    this.#reopening = true;
    const { connector } = this.#session;
    for (let delayMs = firstDelayMs; this.#clients.length > 0 && this.#upstream === undefined; ) {
      const headers = this.#session.acceptedHeaders;
      const again = await this.#tryAgain(headers).catch((error: unknown) =>
        // Only the client has a better credential; it comes back with it when its stream ends.
        error instanceof RestoreRefused ? ("never" as const) : ("later" as const),
      );
      if (again === "never") break;
      if (again === "now") continue;
      if (this.#upstream !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, delayMs * (0.8 + Math.random() * 0.4)).unref());
      delayMs = Math.min(delayMs * 2, longestDelayMs);
    }
    this.#reopening = false;
    // The server offers no stream any more: the clients' end, as it would have without us.
    if (this.#upstream === undefined) for (const client of this.#clients.splice(0)) client.connection.end();
    connector.log.event("info", "stream reopened", {
      connector: connector.settings.name,
      session_id: this.#session.shortHash,
    });
  }

  async #tryAgain(headers: readonly string[]): Promise<"now" | "later" | "never"> {
    const { connector, state } = this.#session;
    if (state.at === "closed") return "never";
    const lease = await this.#session.ready(connector.nowMs() + connector.settings.recoveryWindowMs, headers);
    // The restore has opened it already.
    if (this.#upstream !== undefined) return "now";
    const opened = await this.#open(this.#session.context(lease.upstreamId, headers), true);
    if (opened.kind === "open") return "now";
    if (opened.kind === "lost") return "later";
    if (await this.#isLoss(opened, lease.upstreamId, headers)) {
      if (connector.settings.recovery === "strict") {
        connector.metrics.lost(connector.settings.name, opened.fault);
        this.#session.close("strict");
        return "never";
      }
      this.#session.lost(lease.generation, opened.fault, headers);
      return "now";
    }
    const final =
      opened.fault === "server-answered" || opened.fault === "unauthorized" || opened.fault === "session-doubtful";
    return final && opened.facts.status !== 409 ? "never" : "later";
  }
}
