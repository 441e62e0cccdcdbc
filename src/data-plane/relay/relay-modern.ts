// The life of one modern message (2026-07-28) on a server of its own era: the bytes pass unread, and trouble is met as the policy says.
// There is no session to lose; what remains are restarts, cuts and gateways.
import { randomBytes } from "node:crypto";
import { type ErrorCode, ProxyError } from "../../errors/index.ts";
import { accepting, editMembers } from "../../protocol/index.ts";
import {
  type Action,
  classifyLost,
  classifyReply,
  classifyStreamEnd,
  decide,
  type Fault,
  policy,
  type ReplyFacts,
} from "../recovery/index.ts";
import { type Connector, isGatewayAway, refusedCredential } from "../session/index.ts";
import { type Reply, WireFault } from "../transport/index.ts";
import { noteAway } from "./after-trouble.ts";
import { answerFailure, endStreamWithError } from "./answer-error.ts";
import { type ClientExchange, requestIds } from "./client-exchange.ts";
import { DirectOut } from "./event-out.ts";
import { awayFailure, discard, failureOf, lastWord, type Tries, type Trouble } from "./failures.ts";
import { EndingPost, Leaving } from "./leaving.ts";
import { ModernAnswer, type ModernDelivery } from "./modern-answer.ts";
import { isSafeModern } from "./modern-safety.ts";

export interface ModernExchange extends ClientExchange {
  /** As the Mcp-Method header says; the body is not read for it. */
  readonly method: string | undefined;
  /** The client's own Mcp-* headers, flat, byte for byte; never a session id. */
  readonly envelopeHeaders: readonly string[];
  /** All headers of the request, as Node reads them: what a bridge has to check. */
  readonly requestHeaders: Readonly<Record<string, string | string[] | undefined>>;
  /** The client's wire has no headers: both were written from the message, without those that only the tool's schema names. */
  readonly byMessage?: boolean;
}

/** What the modern exchanges of one connector share. */
export interface ModernRelay {
  readonly connector: Connector;
  /** True for a refusal that no server of this era gives: it has become another one. */
  readonly isForeign: (facts: ReplyFacts) => boolean;
  /** Open subscriptions, ended together with Holdfast. */
  readonly listens: Set<{ end(): void }>;
}

/**
 * `answered`: the client has its answer. `recheck`: the server was away before anything was sent, so it may have come back as another one.
 * `foreign`: it does not speak this era (any longer); nothing ran, and `pass` gives the client its refusal after all.
 */
export type ModernEnd =
  | { readonly kind: "answered" }
  | { readonly kind: "recheck" }
  | { readonly kind: "foreign"; pass(): Promise<void> };

const answered: ModernEnd = { kind: "answered" };
/** A server that ends each subscription at once is not asked again without a pause. */
const shortListenMs = 1_000;
const longestPauseMs = 30_000;

/** Relays one POST. Never rejects: whatever goes wrong becomes the client's answer. `mayRecheck`: the caller can find out anew what the server speaks. */
export async function relayModern(
  exchange: ModernExchange,
  relay: ModernRelay,
  mayRecheck: boolean,
): Promise<ModernEnd> {
  const life = new ModernLife(exchange, relay, mayRecheck);
  try {
    return await life.run();
  } catch (error) {
    life.fail(error);
    return answered;
  }
}

interface Met extends Trouble {
  readonly fault: Fault;
  readonly pass?: (() => Promise<void>) | undefined;
}

class ModernLife {
  readonly #exchange: ModernExchange;
  readonly #relay: ModernRelay;
  readonly #mayRecheck: boolean;
  readonly #isListen: boolean;
  readonly #answer: ModernAnswer;
  readonly #leaving = new Leaving();
  readonly #startedMs: number;
  #sends = 0;
  #body: Buffer | undefined;
  #deadlineMs: number | undefined;
  #waits = 0;
  #openedMs = 0;
  #pauseMs = 0;
  #mayHaveRun = false;
  /** What the server said when it closed a subscription; given to the client if it does not come back. */
  #lastWords: string | undefined;
  #over = false;

  constructor(exchange: ModernExchange, relay: ModernRelay, mayRecheck: boolean) {
    this.#exchange = exchange;
    this.#relay = relay;
    this.#mayRecheck = mayRecheck;
    this.#isListen = exchange.method === "subscriptions/listen";
    this.#answer = new ModernAnswer(exchange, relay.connector.settings.front, this.#isListen);
    this.#startedMs = relay.connector.nowMs();
  }

  async run(): Promise<ModernEnd> {
    const { connection, outcome } = this.#exchange;
    const { availability } = this.#relay.connector;
    // Closing the stream is how this era cancels, so the server hears of it at once.
    connection.onGone(() => this.#leaving.leave());
    if (this.#isListen) this.#relay.listens.add(this);
    try {
      for (;;) {
        if (availability.away !== undefined) {
          await this.#waitUntilUp();
          if (this.#mayRecheck && this.#sends === 0 && this.#exchange.body?.kept !== undefined)
            return { kind: "recheck" };
        }
        if (this.#over) return answered;
        if (connection.gone) {
          outcome.recovery = this.#sends === 0 ? "abandoned" : "cancelled";
          return answered;
        }
        const attempted = this.#attempt(await this.#send());
        const met = attempted instanceof Promise ? await attempted : attempted;
        if ("kind" in met) return met;
        if (this.#over) return answered;
        if (connection.gone) continue;
        if (await this.#recover(met)) return answered;
      }
    } finally {
      if (this.#isListen) this.#relay.listens.delete(this);
    }
  }

  /** Holdfast ends: the client's subscription breaks off, as it would with any server that ends, and is taken up with whoever serves next. */
  end(): void {
    this.#over = true;
    this.#leaving.leave();
    this.#exchange.connection.end();
  }

  #send(): Promise<Reply> {
    const { body, headers, contentType, envelopeHeaders } = this.#exchange;
    const all = [...accepting, ...headers, "content-type", contentType, ...envelopeHeaders];
    if (body?.stream !== undefined && body.contentLength !== undefined) all.push("content-length", body.contentLength);
    const post = new EndingPost(all, this.#body ?? body?.kept ?? body?.stream, this.#leaving);
    return this.#relay.connector.transport.send(post);
  }

  #attempt(reply: Reply): ModernEnd | Met | Promise<ModernEnd | Met> {
    if (reply.kind === "lost") {
      const { body } = this.#exchange;
      if (body?.stream?.errored instanceof ProxyError) throw body.stream.errored;
      if (reply.sent === "maybe") this.#sends += 1;
      return { fault: classifyLost(reply), cause: reply.cause };
    }
    this.#sends += 1;
    if (this.#sends > 1) this.#exchange.outcome.recovery = "replayed";
    if (!isGatewayAway(reply.status)) this.#relay.connector.availability.answered();
    this.#openedMs = this.#relay.connector.nowMs();
    const delivery = this.#answer.deliver(reply);
    return delivery instanceof Promise
      ? delivery.then((outcome) => this.#judge(outcome, reply))
      : this.#judge(delivery, reply);
  }

  #judge(delivery: ModernDelivery, reply: Extract<Reply, { kind: "reply" }>): ModernEnd | Met {
    switch (delivery.kind) {
      case "answered":
        return answered;
      case "cut":
      case "ended":
        return this.#answer.streaming ? this.#streamOver(delivery, reply) : { fault: "cut-before-answer", reply };
      case "held":
        return this.#judgeRefusal(delivery, reply);
    }
  }

  #judgeRefusal(
    held: Extract<ModernDelivery, { kind: "held" }>,
    reply: Extract<Reply, { kind: "reply" }>,
  ): ModernEnd | Met {
    const { facts } = held;
    const pass = (): Promise<void> => held.pass();
    if (!this.#answer.streaming && this.#relay.isForeign(facts)) return { kind: "foreign", pass };
    const fault = classifyReply(
      {
        httpMethod: "POST",
        method: this.#exchange.method,
        id: requestIds(this.#exchange)[0],
        sentSessionId: false,
        served: true,
        reopened: false,
        mayPrecedeInitialized: false,
      },
      facts,
    );
    return { fault, facts, reply, pass };
  }

  #streamOver(
    end: Extract<ModernDelivery, { kind: "cut" | "ended" }>,
    reply: Extract<Reply, { kind: "reply" }>,
  ): ModernEnd | Met {
    const livedMs = this.#relay.connector.nowMs() - this.#openedMs;
    if (end.kind === "ended") {
      if (livedMs < shortListenMs) {
        this.#answer.endWith(end.lastWords);
        return answered;
      }
      this.#lastWords = end.lastWords;
    }
    if (this.#isListen && this.#answer.granted) {
      // It was served, so what follows is another opening and no second try.
      this.#sends = 1;
      this.#deadlineMs = undefined;
      this.#waits = 0;
      this.#pauseMs = livedMs < shortListenMs ? Math.min(Math.max(this.#pauseMs * 2, 250), longestPauseMs) : 0;
    }
    return { fault: classifyStreamEnd({ sawAnswer: false, lastEventId: undefined }), reply };
  }

  /** Acts on a fault. True when the client has its answer. */
  async #recover(met: Met): Promise<boolean> {
    const action = await this.#decide(met);
    if (action.do === "fail") {
      noteAway(this.#relay.connector, met);
      throw this.#failure(action.code, met);
    }
    if (action.do !== "wait") {
      // Without a session nothing is to be restored or asked after: the refusal is the server's own word.
      if (met.fault === "unauthorized" && !this.#relay.connector.settings.front) throw this.#refusedCredential(met);
      if (met.pass === undefined) throw this.#failure("OUTCOME_UNKNOWN", met);
      await met.pass();
      return true;
    }
    // Waiting brings no command, and no answer, into being.
    if (met.fault === "not-sent" && met.cause instanceof WireFault && met.cause.final)
      throw this.#failure(met.cause.code, met);
    noteAway(this.#relay.connector, met);
    discard(met);
    if (this.#pauseMs > 0) await this.#pause();
    await this.#waitUntilUp();
    this.#renew();
    return false;
  }

  async #decide(met: Met): Promise<Action> {
    const row = policy[met.fault];
    const needsSafety = row !== "relay" && row.replay === "if-safe";
    this.#mayHaveRun ||= needsSafety;
    const kept = this.#exchange.body?.kept;
    const safe = needsSafety && kept !== undefined && (await this.#isSafe(kept, met));
    return decide(met.fault, { sends: this.#sends, safe, kept: kept !== undefined });
  }

  /** A tool's annotations count only as the server gives them after the trouble, so they are read once it is back. */
  async #isSafe(kept: Buffer, met: Met): Promise<boolean> {
    const { method, headers } = this.#exchange;
    const { connector } = this.#relay;
    if (method === "tools/call") {
      if (!connector.settings.trusted) return false;
      noteAway(connector, met);
      discard(met);
      if ((await connector.availability.up(this.#deadline())) !== "up") return false;
    }
    return isSafeModern(connector, method, kept, headers);
  }

  /** A request that goes out again is a new one to the server (transports, "a new request ID"); the client keeps its own id. */
  #renew(): void {
    const kept = this.#exchange.body?.kept;
    const asked = requestIds(this.#exchange)[0];
    if (this.#sends === 0 || kept === undefined || asked === undefined) return;
    const sent = JSON.stringify(`holdfast-${randomBytes(9).toString("base64url")}`);
    this.#answer.renamed = { sent, asked };
    this.#body = Buffer.from(editMembers(kept.toString(), { id: sent }));
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#pauseMs);
      this.#leaving.ends(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #waitUntilUp(): Promise<void> {
    const { connector } = this.#relay;
    const { outcome, connection } = this.#exchange;
    if (outcome.recovery === "-") outcome.recovery = "waited";
    for (;;) {
      const up = await connector.availability.up(this.#deadline(), this.#waits++);
      if (up === "up" || connection.gone || this.#over) return;
      // A subscription waits as long as its client does.
      if (this.#answer.granted && this.#lastWords === undefined) {
        this.#deadlineMs = undefined;
        this.#pauseMs = longestPauseMs;
        await this.#pause();
        continue;
      }
      throw awayFailure(connector, up, { startedMs: this.#startedMs });
    }
  }

  /** The recovery window opens with the first trouble. */
  #deadline(): number {
    const { nowMs, settings } = this.#relay.connector;
    this.#deadlineMs ??= nowMs() + settings.recoveryWindowMs;
    return this.#deadlineMs;
  }

  /** The last word on this request: an error of ours. */
  fail(error: unknown): void {
    const { connection } = this.#exchange;
    if (this.#lastWords !== undefined) return this.#answer.endWith(this.#lastWords);
    const failure = lastWord(this.#exchange, this.#relay.connector, error, this.#tries);
    if (connection.gone) return;
    if (this.#answer.streaming)
      endStreamWithError(new DirectOut(connection), this.#exchange, requestIds(this.#exchange), failure);
    else answerFailure(this.#exchange, requestIds(this.#exchange), failure);
  }

  #refusedCredential(met: Met): ProxyError {
    const { code, note } = refusedCredential(this.#relay.connector);
    return this.#failure(code, met).with({ note });
  }

  #failure(code: ErrorCode, met: Met): ProxyError {
    return failureOf(this.#relay.connector, code, met, this.#tries);
  }

  get #tries(): Tries {
    const { method } = this.#exchange;
    return { sends: this.#sends, startedMs: this.#startedMs, mayHaveRun: this.#mayHaveRun, method };
  }
}
