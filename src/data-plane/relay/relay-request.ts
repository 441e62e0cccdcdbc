// The life of one client message on a session: send, look at what came back, recover as the policy says, until it is answered.
import { ProxyError } from "../../errors/index.ts";
import { type Action, classifyLost, classifyReply, classifyStreamEnd, decide, policy } from "../recovery/index.ts";
import {
  type CallContext,
  isGatewayAway,
  isNotSendable,
  isRefusedSession,
  type Lease,
  type OpenCall,
  request,
  type UpstreamSession,
} from "../session/index.ts";
import type { Reply } from "../transport/index.ts";
import { findSession, leaseFor, noteAway } from "./after-trouble.ts";
import { answerFailure, endStreamWithError } from "./answer-error.ts";
import { type ClientExchange, requestIds, singleMethod } from "./client-exchange.ts";
import type { Delivery } from "./delivery.ts";
import { awayFailure, discard, failureOf, isLoss, lastWord, type Met, ownWord, type Tries } from "./failures.ts";
import { upstreamHeaders } from "./headers.ts";
import { isMeaninglessAnew } from "./meaningless-anew.ts";
import { noteRefusal, noteReplay } from "./note-recovery.ts";
import { noteAnswered, underServerIds } from "./question-id.ts";
import { AnswerRelay } from "./relay-answer.ts";
import { assertReplayable, isSafeToRepeat } from "./replay-safety.ts";
import { resumeStream } from "./resume-stream.ts";
import { leavesFacts, recordFacts, recordInitialized } from "./session-facts.ts";
import { untilEnded, untilEndedOrLate } from "./until-ended.ts";

/** After the client has left, its answer is still read to the end for this long, so that the server is not disturbed. */
const abandonMs = 600_000;

/** Relays one POST. Never rejects: whatever goes wrong becomes the client's answer. */
export function relayRequest(exchange: ClientExchange, session: UpstreamSession): Promise<void> {
  return new RequestLife(exchange, session).live();
}

class RequestLife implements OpenCall {
  before: OpenCall | undefined;
  behind: OpenCall | undefined;
  inLine = false;
  readonly #exchange: ClientExchange;
  /** As the client sent it. */
  readonly #given: ClientExchange;
  /** Of an answer: the question is open again after all. */
  readonly #notAnswered: (() => void) | undefined;
  readonly #session: UpstreamSession;
  readonly #answer: AnswerRelay;
  readonly #method: string | undefined;
  readonly #startedMs: number;
  #sends = 0;
  #sentAs: string | undefined;
  /** What the server, or a gateway for it, answered last. */
  #last: Met["facts"];
  /** An earlier fault left it open whether the server ran the request. */
  #mayHaveRun = false;
  #deadlineMs: number | undefined;
  #waits = 0;
  /** It has waited in line. */
  #hasWaited = false;

  constructor(given: ClientExchange, session: UpstreamSession) {
    const exchange = underServerIds(given, session);
    this.#given = given;
    this.#exchange = exchange;
    this.#session = session;
    this.#method = singleMethod(exchange);
    this.#notAnswered = this.#method === undefined ? noteAnswered(given, session) : undefined;
    this.#answer = new AnswerRelay(exchange, session, leavesFacts(exchange));
    this.#startedMs = session.connector.nowMs();
    // An id of old that is used again.
    if (session.hasCancelled) for (const id of requestIds(exchange)) session.cancelled.delete(JSON.parse(id));
  }

  async live(): Promise<void> {
    this.#session.calls.join(this);
    this.#answer.watch();
    try {
      const { initializing } = this.#session;
      // Only those who waited for the restore travel beside that word: a server may make its tools ready by it. Answers to its questions may be what it waits for.
      if (initializing !== undefined && requestIds(this.#exchange).length > 0)
        await untilEndedOrLate(this.#session, initializing, this.#deadline());
      for (;;) {
        if (this.#mustWait()) await this.#waitUntilUp();
        const lease = leaseFor(this.#session, this.#exchange, this.#hasWaited) ?? (await this.#ready());
        this.#answer.asked();
        if (this.#deadlineMs !== undefined && !this.#stillWanted()) return;
        const attempted = this.#attempt(lease, await this.#send(lease));
        // Awaiting only what takes its time keeps the common call short.
        const met = attempted instanceof Promise ? await attempted : attempted;
        if (met === "delivered") return this.#settled(lease);
        if (await this.#recover(met, lease)) return;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#session.calls.leave(this);
      this.#answer.settled();
    }
  }

  /** Where it still waits for the server it finds out by itself, before it is sent. */
  endIfCancelled(): void {
    if (this.#isCancelled()) this.#answer.giveUpUnbegun();
  }

  /** What it waits for at the server may still come; its other waits hear of it by themselves. */
  sessionEnded(): void {}

  #send(lease: Lease): Promise<Reply> {
    const { body } = this.#exchange;
    const headers = upstreamHeaders(this.#exchange, this.#session, lease);
    this.#sentAs = lease.upstreamId;
    const wire = { method: "POST", headers, body: body?.kept ?? body?.stream, onSent: this.#answer.onSent } as const;
    return this.#session.connector.transport.send(wire);
  }

  /** What came back is either with the client already, or a fault to be decided. */
  #attempt(lease: Lease, reply: Reply): "delivered" | Met | Promise<"delivered" | Met> {
    const { connector } = this.#session;
    const { body } = this.#exchange;
    if (reply.kind === "lost") {
      // The client's own body failed on its way, and the server never had a whole request.
      if (body?.stream?.errored instanceof ProxyError) throw body.stream.errored;
      if (isNotSendable(reply.cause))
        throw this.#failure("REQUEST_NOT_SENDABLE", { fault: "not-sent" }).with({ note: reply.cause.message });
      if (reply.sent === "maybe") this.#sends += 1;
      return { fault: classifyLost(reply), cause: reply.cause };
    }
    this.#sends += 1;
    // Noted before the answer goes out: the log line is written as soon as the client has it.
    if (this.#sends > 1) noteReplay(this.#exchange, this.#session, this.#startedMs, reply.status);
    if (!isGatewayAway(reply.status)) connector.availability.answered();
    const delivery = this.#answer.deliver(reply, lease.generation);
    if (!(delivery instanceof Promise)) return this.#judge(delivery, reply, lease);
    this.#answer.abandonWith(() => reply.body.abort(), abandonMs);
    return delivery.then((outcome) => this.#judge(outcome, reply, lease));
  }

  #judge(delivery: Delivery, reply: Extract<Reply, { kind: "reply" }>, lease: Lease): "delivered" | Met {
    if (delivery.kind === "delivered") return "delivered";
    if (delivery.kind === "cut") {
      if (!delivery.begun) return { fault: "cut-before-answer", reply };
      const { lastEventId, retryMs } = delivery;
      return { fault: classifyStreamEnd({ sawAnswer: false, lastEventId }), lastEventId, retryMs, reply };
    }
    const fault = classifyReply(
      {
        httpMethod: "POST",
        method: this.#method,
        id: requestIds(this.#exchange)[0],
        sentSessionId: lease.upstreamId !== undefined,
        // A replay goes out under an id opened for it, so certain words are about the session. Relayed, a 404 would tell the client that
        // its own session ended, which lives.
        served: lease.served || this.#sends > 1,
        reopened: false,
        mayPrecedeInitialized: lease.initialized !== undefined && !lease.served,
      },
      delivery.facts,
    );
    return { fault, facts: delivery.facts, delivery, reply };
  }

  /** Acts on a fault. True when the client has its answer. */
  async #recover(met: Met, lease: Lease): Promise<boolean> {
    // Nobody waits any more, and it was Holdfast that broke off: that says nothing of the server.
    if (this.#answer.abandoned) return this.#endUnanswered(met);
    const action = await this.#decide(met, lease);
    if (this.#endsUnanswered(action, met)) return true;
    switch (action.do) {
      case "relay":
        return this.#relay(met, lease);
      case "fail":
        // Who comes next waits for the server instead of meeting the same trouble.
        noteAway(this.#session.connector, met);
        throw this.#failure(action.code, met);
      case "ping":
        return this.#ping(met, lease);
      case "restore":
        await this.#lose(met, lease);
        return this.#dropIfMeaningless();
      case "await-initialized":
        discard(met);
        await lease.initialized;
        return false;
      case "resume":
        return this.#resume(met, lease);
      case "wait":
        await this.#backInTouch(met, lease);
        return false;
    }
  }

  /** A stream that the server ended for a cancelled request, and one that its client left for good: neither misses anything. */
  #endsUnanswered(action: Action, met: Met): boolean {
    const abandoned = action.do === "resume" && this.#answer.gone;
    const cancelled = this.#answer.streaming && met.delivery === undefined && this.#isCancelled();
    return (abandoned || cancelled) && this.#endUnanswered(met);
  }

  #endUnanswered(met: Met): true {
    this.#exchange.outcome.recovery = this.#isCancelled() ? "cancelled" : "abandoned";
    discard(met);
    this.#answer.endUnanswered();
    return true;
  }

  /**
   * Waits until the server answers again. A request that has been sent before has one send left, which is not spent on a session that went
   * with the trouble: that one is restored first.
   */
  async #backInTouch(met: Met, lease: Lease): Promise<Lease> {
    const { connector } = this.#session;
    noteAway(connector, met);
    this.#last = met.facts;
    discard(met);
    const before = this.#session.look;
    for (;;) {
      await this.#waitUntilUp();
      const now = this.#session.lease(this.#hasWaited) ?? (await this.#ready());
      // One who waits asks for all.
      const wasSeen = now.generation !== lease.generation || this.#session.wasSeenSince(before);
      if (this.#sends === 0 || wasSeen) return now;
      const found = await this.#session.lookWith(() => findSession(connector, this.#context(now)));
      if (found === "lives" || found === "silent") return now;
      if (found !== "away") return this.#lose({ fault: "session-suspected", facts: found }, now);
    }
  }

  async #decide(met: Met, lease: Lease): Promise<Action> {
    const row = policy[met.fault];
    const needsSafety = row !== "relay" && row.replay === "if-safe";
    this.#mayHaveRun ||= needsSafety;
    const safe = needsSafety && (await this.#isSafe(met, lease));
    const action = decide(met.fault, { sends: this.#sends, safe, kept: this.#exchange.body?.kept !== undefined });
    this.#count(met, action, lease);
    return action;
  }

  /** A tool's annotations count only as the server gives them after the trouble, so they are read once it is back. */
  async #isSafe(met: Met, lease: Lease): Promise<boolean> {
    const { trusted } = this.#session.connector.settings;
    if (this.#method !== "tools/call") return isSafeToRepeat(this.#exchange, this.#session, this.#context(lease));
    if (!trusted || met.fault === "stream-cut-resumable") return false;
    const back = await this.#backInTouch(met, lease).catch(() => undefined);
    return back !== undefined && isSafeToRepeat(this.#exchange, this.#session, this.#context(back));
  }

  /** The session hears of its loss even where this request cannot be saved. */
  #count(met: Met, action: Action, lease: Lease): void {
    if (!isLoss(met.fault) || action.do === "restore") return;
    this.#session.dispatch(
      { type: "refused", generation: lease.generation, signal: met.fault },
      this.#exchange.headers,
    );
  }

  async #relay(met: Met, lease: Lease): Promise<boolean> {
    const { connector } = this.#session;
    const own = ownWord(connector, met, this.#tries, this.#exchange.body?.kept !== undefined);
    if (own !== undefined) throw own;
    const status = met.reply?.status ?? 0;
    if (met.delivery === undefined) throw this.#failure("OUTCOME_UNKNOWN", met);
    const delivery = await met.delivery.pass();
    if (delivery.kind !== "delivered") throw this.#failure("OUTCOME_UNKNOWN", met);
    // A refusal that passes as the server's own says nothing for the session, and nothing for the credential.
    if (status >= 400) this.#notAnswered?.();
    if (!isLoss(met.fault) && status < 400) this.#settled(lease);
    return true;
  }

  /** A ping with the same id tells a lost session from an error of the tool's own. */
  async #ping(met: Met, lease: Lease): Promise<boolean> {
    const outcome = await request(this.#session.connector, this.#context(lease), "ping");
    if (!isRefusedSession(outcome)) return this.#relay(met, lease);
    await this.#lose({ ...met, fault: "session-suspected" }, lease);
    return this.#dropIfMeaningless();
  }

  /** Reports the loss and waits for the new session. A suspicion that the fresh initialize does not confirm ends as the server's own answer. */
  async #lose(met: Met, lease: Lease): Promise<Lease> {
    const { connector } = this.#session;
    noteRefusal(this.#exchange, this.#session, this.#startedMs, met.facts?.status);
    if (connector.settings.recovery === "strict") {
      connector.metrics.lost(connector.settings.name, met.fault);
      this.#session.close("strict");
      throw this.#failure("SESSION_LOST", met);
    }
    recordInitialized(this.#exchange, this.#session);
    this.#session.lost(lease.generation, met.fault, this.#exchange.headers);
    discard(met);
    const fresh = await this.#ready();
    await assertReplayable(this.#exchange, this.#session, this.#context(fresh));
    return fresh;
  }

  /** Messages that mean nothing to a new session are taken note of and end here: answers to its predecessor's questions, news of its requests. */
  #dropIfMeaningless(): boolean {
    if (!isMeaninglessAnew(this.#exchange.scanned)) return false;
    this.#exchange.outcome.recovery = "dropped";
    this.#exchange.connection.head(202, ["content-length", "0", ...(this.#given.ownHeaders ?? [])]);
    this.#exchange.connection.end();
    return true;
  }

  async #resume(met: Met, lease: Lease): Promise<boolean> {
    const outcome = await resumeStream(
      this.#exchange,
      this.#session,
      this.#answer,
      lease,
      met.lastEventId ?? "",
      met.retryMs,
    );
    if (outcome === "delivered") {
      this.#settled(lease);
      return true;
    }
    return this.#recover({ fault: "stream-cut", note: outcome.note }, lease);
  }

  /** Who may not wait at all finds out by being sent. */
  #mustWait(): boolean {
    const { availability, settings } = this.#session.connector;
    return availability.away !== undefined && settings.recoveryWindowMs > 0;
  }

  async #waitUntilUp(): Promise<void> {
    const { connector } = this.#session;
    this.#exchange.outcome.recovery = "waited";
    const outcome = await untilEnded(this.#session, connector.availability.up(this.#deadline(), this.#waits++));
    // A session that is over says why as soon as it is asked for its lease.
    if (outcome === "ended") await this.#ready();
    else if (outcome !== "up") throw awayFailure(connector, outcome, this.#tries, this.#last);
  }

  #ready(): Promise<Lease> {
    this.#hasWaited = true;
    return this.#session.ready(this.#deadline(), this.#exchange.headers, this.#startedMs);
  }

  /** The recovery window opens with the first trouble. */
  #deadline(): number {
    const { nowMs, settings } = this.#session.connector;
    // Whoever is to see the server's 401, or our 404, must not have been given a stream before.
    this.#answer.holdsBack = settings.front || settings.recovery === "strict";
    this.#deadlineMs ??= nowMs() + settings.recoveryWindowMs;
    return this.#deadlineMs;
  }

  #isCancelled(): boolean {
    if (!this.#session.hasCancelled) return false;
    const { cancelled } = this.#session;
    const ids = requestIds(this.#exchange);
    return ids.length > 0 && ids.every((id) => cancelled.has(JSON.parse(id)));
  }

  /** A client that left or cancelled meanwhile gets no second run. */
  #stillWanted(): boolean {
    if (this.#isCancelled()) throw new ProxyError("REQUEST_CANCELLED", {});
    if (!this.#answer.gone) return true;
    // A notification has no answer to miss; it is delivered all the same.
    if (requestIds(this.#exchange).length === 0) return true;
    this.#exchange.outcome.recovery = "abandoned";
    return false;
  }

  #settled(lease: Lease): void {
    const { connector } = this.#session;
    if (!lease.served) this.#session.served(lease.generation);
    if (this.#exchange.headers !== this.#session.acceptedHeaders)
      this.#session.acceptedHeaders = this.#exchange.headers;
    if (!this.#session.snapshot.initialized) recordInitialized(this.#exchange, this.#session);
    if (this.#answer.captured !== undefined) recordFacts(this.#exchange, this.#session, this.#answer.captured);
    if (this.#sends > 1) connector.metrics.replayed(connector.settings.name, "answered");
    if (this.#method === undefined && this.#given.body?.kept === undefined) noteAnswered(this.#given, this.#session);
  }

  /** The last word on this request: an error of ours, or a refusal that front mode passes on as it is. */
  #fail(error: unknown): void {
    this.#notAnswered?.();
    const failure = lastWord(this.#exchange, this.#session.connector, error, this.#tries);
    const { out } = this.#answer;
    if (out !== undefined) endStreamWithError(out, this.#exchange, [...this.#answer.open], failure);
    else answerFailure(this.#exchange, requestIds(this.#exchange), failure);
  }

  #failure(code: Extract<Action, { do: "fail" }>["code"], met: Met): ProxyError {
    return failureOf(this.#session.connector, code, met, this.#tries);
  }

  get #tries(): Tries {
    const [sends, startedMs, mayHaveRun] = [this.#sends, this.#startedMs, this.#mayHaveRun];
    return { sends, startedMs, mayHaveRun, method: this.#method, sentAs: this.#sentAs };
  }

  #context(lease: Lease): CallContext {
    return this.#session.context(lease.upstreamId, this.#exchange.headers);
  }
}
