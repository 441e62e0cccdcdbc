// The GET stream of a session: one to the server, however often client or server comes and goes. What its clients miss is kept by their streams.
import { ProxyError } from "../../errors/index.ts";
import { encodeSseEvent, type SseEvent } from "../../protocol/index.ts";
import {
  assertAccepted,
  type CallContext,
  isSameCredential,
  RestoreRefused,
  refusedCredential,
  type UpstreamSession,
} from "../session/index.ts";
import type { ReplyBody } from "../transport/index.ts";
import { noteAway } from "./after-trouble.ts";
import { answerFailure } from "./answer-error.ts";
import type { ClientExchange } from "./client-exchange.ts";
import type { ClientStream } from "./client-stream.ts";
import type { EventCutter } from "./event-cutter.ts";
import type { StreamKeeper } from "./of-session.ts";
import { noteQuestions, underClientIds } from "./question-id.ts";
import { ReopeningPause } from "./reopening-pause.ts";
import { type Absent, askForStream, isLoss, type Refused } from "./server-stream.ts";
import type { SessionStreams } from "./session-streams.ts";
import { StandingFlow, type StandingTaker, type Upstream } from "./standing-flow.ts";
import { sendStreamHead } from "./stream-head.ts";
import { untilEnded } from "./until-ended.ts";

/** One attempt to open the server's stream, which others may share. */
interface Opening {
  readonly upstreamId: string | undefined;
  readonly headers: readonly string[];
  readonly outcome: Promise<Opened>;
}

type Opened = { readonly kind: "open"; readonly shared?: true } | Refused | Absent;

export class StandaloneStream implements StandingTaker, StreamKeeper {
  readonly #session: UpstreamSession;
  readonly #streams: SessionStreams;
  /** The clients' ends, newest last, also those that may come back; each message goes to one alone (transports, "Multiple Connections"). */
  #clients: ClientStream[] = [];
  #upstream: Upstream | undefined;
  #lastEventId: string | undefined;
  #lastEventOf: string | undefined;
  /** Who is being given a large event that is not over. */
  #partOf: ClientStream | undefined;
  /** What the server said before the first client had joined. */
  #early: (() => void)[] = [];
  #opening: Opening | undefined;
  #reopening = false;
  readonly #pause: ReopeningPause;
  #over = false;

  constructor(session: UpstreamSession, streams: SessionStreams) {
    this.#session = session;
    this.#streams = streams;
    this.#pause = new ReopeningPause(session.connector.nowMs);
  }

  /** Takes a client's GET; `back`: the stream that it comes back for, and the last event that it read there. Never rejects. */
  async attach(exchange: ClientExchange, back?: ClientStream, seq?: number): Promise<void> {
    try {
      // A stream that is open already is joined, and what it holds is given up, without a word of the server's: so it is asked first who may.
      if (this.#upstream !== undefined || back !== undefined) await assertAccepted(this.#session, exchange.headers);
      if (this.#upstream === undefined && !(await this.#openFor(exchange))) return;
      this.#join(exchange, back, seq);
    } catch (error) {
      answerFailure(exchange, [], error);
    }
  }

  /** After a restart of Holdfast: where the server can go on, by its own id of the last event that was kept. */
  continueFrom(upstreamEventId: string | undefined): void {
    const { state } = this.#session;
    if (this.#upstream !== undefined || this.#lastEventId !== undefined || state.at !== "operating") return;
    this.#lastEventId = upstreamEventId;
    this.#lastEventOf = state.upstreamId;
  }

  /** The session is over, or Holdfast goes. */
  close(): void {
    this.#over = true;
    for (const client of this.#clients.splice(0)) client.close();
    this.#drop();
  }

  /** Opens the server's stream for a client that waits for its answer. False if the client was given the server's refusal. */
  async #openFor(exchange: ClientExchange): Promise<boolean> {
    const { connector } = this.#session;
    const deadlineMs = connector.nowMs() + connector.settings.recoveryWindowMs;
    for (let lossesLeft = 3, inVain = 0; ; ) {
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
      if (opened.kind === "away") {
        await this.#waitOut(opened, deadlineMs, inVain++);
        if (exchange.connection.gone) return false;
        continue;
      }
      const gone = lossesLeft > 0 && (await isLoss(opened, this.#session, lease.upstreamId, exchange.headers));
      if (gone === "away") {
        await this.#waitOut({ kind: "away" }, deadlineMs, inVain++);
        continue;
      }
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

  #refuse(exchange: ClientExchange, opened: Refused): false {
    const { settings } = this.#session.connector;
    if (opened.fault === "unauthorized" && !settings.front) {
      const { code, note } = refusedCredential(this.#session.connector);
      throw new ProxyError(code, { connector: settings.name, upstream: opened.facts, note });
    }
    const body = Buffer.from(opened.facts.body);
    exchange.connection.head(opened.facts.status, [...opened.headers, "content-length", String(body.length)]);
    exchange.connection.end(body);
    return false;
  }

  async #waitOut(absent: Absent, deadlineMs: number, inVain: number): Promise<void> {
    const { connector } = this.#session;
    noteAway(connector, absent);
    const outcome = await untilEnded(this.#session, connector.availability.up(deadlineMs, inVain));
    // A session that is over says why as soon as it is asked for its lease.
    if (outcome !== "up" && outcome !== "ended")
      throw new ProxyError(outcome.code, { connector: connector.settings.name, note: outcome.detail });
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
      const isOurs = outcome.kind === "away" || isSameCredential(other.headers, context.headers);
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
    const resume = (this.#lastEventOf ?? context.upstreamId) === context.upstreamId;
    const lastEventId = resume ? this.#lastEventId : undefined;
    const opened = await askForStream(this.#session, context, { lastEventId, reopened });
    if (opened.kind === "open") this.#pump(opened.reply.body, context.upstreamId);
    return opened.kind === "open" ? { kind: "open" } : opened;
  }

  /** Passes the server's events on, each whole and to one client. */
  #pump(body: ReplyBody, upstreamId: string | undefined): void {
    this.#drop();
    this.#pause.opened();
    const { state } = this.#session;
    const generation = state.at === "closed" ? 0 : state.at === "operating" ? state.generation : state.generation + 1;
    const upstream = { body, upstreamId, generation };
    this.#upstream = upstream;
    if (this.#lastEventOf !== upstreamId) this.#lastEventId = undefined;
    this.#lastEventOf = upstreamId;
    body.pipe(new StandingFlow(this, upstream));
  }

  /** More of the server's stream. False asks it to pause. */
  take(chunk: Buffer, cutter: EventCutter, body: ReplyBody): boolean {
    // The client for whom the stream was opened joins in a moment.
    if (this.#clients.length === 0) {
      this.#early.push(() => cutter.push(chunk));
      return false;
    }
    cutter.push(chunk);
    const client = this.#target();
    if (client === undefined || client.flowing) return true;
    client.whenFlowing(() => body.resume());
    return false;
  }

  event(event: SseEvent, pieces: readonly Buffer[]): void {
    this.#note(event);
    const client = this.#target();
    const { generation = 0 } = this.#upstream ?? {};
    const given = underClientIds(this.#session, event, generation, pieces);
    if (event.hasData || event.id !== undefined) client?.event(given, event.id);
    else for (const piece of pieces) client?.between(piece);
  }

  between(bytes: Buffer): void {
    this.#target()?.between(bytes);
  }

  part(pieces: readonly Buffer[]): void {
    this.#partOf ??= this.#target();
    this.#partOf?.part(pieces);
  }

  lastPart(event: SseEvent, pieces: readonly Buffer[]): void {
    this.#note(event);
    this.#partOf?.lastPart(pieces, event.id);
    this.#partOf = undefined;
  }

  #note(event: SseEvent): void {
    if (this.#upstream !== undefined) noteQuestions(this.#session, event, this.#upstream.generation);
    if (event.id !== undefined) this.#lastEventId = event.id;
    if (event.retryMs !== undefined) this.#pause.wanted(event.retryMs);
  }

  /** The newest that listens and takes what it is given; where nobody listens, the newest that may come back. */
  #target(): ClientStream | undefined {
    const listens = this.#clients.findLast((client) => client.attached && client.flowing);
    return listens ?? this.#clients.findLast((client) => client.attached) ?? this.#clients.at(-1);
  }

  #join(exchange: ClientExchange, back: ClientStream | undefined, seq: number | undefined): void {
    const session = this.#session;
    const { connection } = exchange;
    sendStreamHead(exchange);
    // The end came while the server's stream was being opened.
    if (this.#over) {
      connection.end();
      return this.#drop();
    }
    const client = back === undefined || back.gone ? this.#streams.open("standing", []) : back;
    const others = this.#clients.filter((one) => one !== client);
    this.#clients = others.length === 0 ? [client] : [...others, client];
    client.keeper = this;
    let told = client.attach(connection, client === back ? seq : undefined);
    // Where nobody listens any more, what was never on any connection goes to whoever comes.
    for (const other of others) told = (!other.attached && other.moveUnsent(client)) || told;
    if (session.hasUnannounced) {
      for (const json of session.unannounced) client.event([encodeSseEvent({ type: "message", data: json })]);
      session.unannounced.clear();
      told = true;
    }
    if (!told && exchange.resumable !== undefined) client.prime();
    for (const say of this.#early.splice(0)) say();
    if (this.#upstream !== undefined) this.#upstream.body.resume();
    else if (!this.#reopening) void this.#reopen();
    if (!session.snapshot.stream) {
      session.snapshot.stream = true;
      session.row.saveSoon(session);
    }
    session.openStream = async (context) => {
      await this.#open(context, true);
    };
    session.announce = (json) => {
      const target = this.#target();
      target?.event([encodeSseEvent({ type: "message", data: json })]);
      return target !== undefined;
    };
  }

  /** A connection is gone. Its client may come back for the stream, or go on listening at another one. */
  left(client: ClientStream): void {
    // A stream that waits for a client that left would wait for ever.
    this.#upstream?.body.resume();
    const other = this.#clients.findLast((one) => one !== client && one.attached);
    if (other !== undefined) client.moveUnsent(other);
  }

  /** Nobody comes back for this one; without any the server's stream is of no use. */
  expired(client: ClientStream): void {
    this.#clients = this.#clients.filter((one) => one !== client);
    if (this.#clients.length > 0) return;
    this.#session.openStream = undefined;
    this.#session.announce = undefined;
    this.#drop();
  }

  #drop(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    this.#early = [];
    upstream?.body.abort();
  }

  ended(upstream: Upstream, isClean: boolean): void {
    if (this.#upstream !== upstream) return;
    this.#upstream = undefined;
    // What was kept open for a while is known to the server.
    if (this.#pause.ended(isClean)) this.#session.served(upstream.generation);
    this.#partOf?.breakPart();
    this.#partOf = undefined;
    if (this.#clients.length > 0 && !this.#reopening) void this.#reopen();
  }

  /** Brings the server's stream back while a client listens, whether or not any call prompts it. */
  async #reopen(): Promise<void> {
    this.#reopening = true;
    const session = this.#session;
    while (this.#clients.length > 0 && this.#upstream === undefined) {
      await this.#pause.wait();
      if (this.#upstream !== undefined || this.#clients.length === 0) break;
      const again = await this.#tryAgain(session.acceptedHeaders).catch((error: unknown) =>
        // Only the client has a better credential; it comes back with it when its stream ends.
        error instanceof RestoreRefused ? ("never" as const) : ("later" as const),
      );
      if (again === "never") break;
    }
    this.#reopening = false;
    if (this.#upstream !== undefined) {
      const { connector, shortHash } = session;
      connector.log.event("info", "stream reopened", { connector: connector.settings.name, session_id: shortHash });
      return;
    }
    // The server offers no stream any more: the clients' end, as it would have without us.
    for (const client of this.#clients.splice(0)) client.close();
  }

  async #tryAgain(headers: readonly string[]): Promise<"later" | "never"> {
    const { connector, state } = this.#session;
    if (state.at === "closed") return "never";
    const lease = await this.#session.ready(connector.nowMs() + connector.settings.recoveryWindowMs, headers);
    // The restore has opened it already.
    if (this.#upstream !== undefined) return "later";
    const opened = await this.#open(this.#session.context(lease.upstreamId, headers), true);
    if (opened.kind !== "refused") return "later";
    const gone = await isLoss(opened, this.#session, lease.upstreamId, headers);
    if (gone === "away") return "later";
    if (gone) {
      if (connector.settings.recovery === "strict") {
        connector.metrics.lost(connector.settings.name, opened.fault);
        this.#session.close("strict");
        return "never";
      }
      this.#session.lost(lease.generation, opened.fault, headers);
      return "later";
    }
    const final =
      opened.fault === "server-answered" || opened.fault === "unauthorized" || opened.fault === "session-doubtful";
    return final && opened.facts.status !== 409 ? "never" : "later";
  }
}
