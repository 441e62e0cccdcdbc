// One call of a modern client at a legacy server, over as many exchanges as its questions take: performs what the park machine decides.
import { httpStatus, ProxyError, toJsonRpcError } from "../../../errors/index.ts";
import { isObjectText, memberText, rpcCode } from "../../../protocol/index.ts";
import {
  answerToLegacy,
  askKey,
  askToModern,
  canAnswer,
  capabilityFor,
  inputRequired,
  urlAsksOf,
} from "../translate/asks.ts";
import { type ClientFacts, declares, stringOf } from "../translate/client-facts.ts";
import { codeOf, errorToModern, resultResponse } from "../translate/errors.ts";
import { cancelledId, isLoggedFor, withProgressToken, writeCancelled } from "../translate/notifications.ts";
import { logLevelOf, progressTokenOf, requestToLegacy } from "../translate/requests.ts";
import { resultToModern } from "../translate/results.ts";
import { callAsTask, taskIdOf, writeTaskCancel, writeTaskResult } from "../translate/tasks.ts";
import { AskedBefore } from "./asked-before.ts";
import { mayRequireInput, missingCapability } from "./check-request.ts";
import type { ClientReply, Outcome } from "./client-reply.ts";
import { InnerConnection, innerId, type OnBehalf } from "./inner-exchange.ts";
import { newPark, nextPark, type OpenAsk, type Park, type ParkEffect, type ParkEvent } from "./park-machine.ts";
import type { Asked, PoolSession } from "./pool-session.ts";

/** Several questions within this time are put into one round. */
const collectMs = 15;

/** What a call needs of what is around it. */
export interface CallParts {
  readonly pooled: PoolSession;
  readonly release: () => void;
  readonly client: ClientFacts;
  readonly connector: string;
  /** The tool runs only as a task. */
  readonly asTask: boolean;
  /** The state that brings a client back to this call, at this round. */
  readonly stateOf: (round: number) => string;
  /** A state for a call that does not wait: its retry is the call once more. */
  readonly againState: () => string;
  /** The call waits for its client from now on; `expire` ends that. */
  readonly parked: (call: ModernCall) => void;
  /** The server refused the call as one of another era: it is none of this one any more, nothing ran, and the client has no answer yet. */
  readonly foreign: (refusal: Outcome) => void;
  /** Nothing more will happen but repeated retries. */
  readonly over: (call: ModernCall) => void;
}

/** A retry, and the answers that it brings. */
interface Retry {
  readonly reply: ClientReply;
  readonly responses: ReadonlyMap<string, string>;
}

export class ModernCall implements Asked {
  readonly #parts: CallParts;
  readonly #request: string;
  readonly #method: string;
  readonly #id = innerId();
  readonly #token: string | undefined;
  readonly #logLevel: string | undefined;
  #connection: InnerConnection;
  /** The task that the server made of the call; JSON text. */
  #task: string | undefined;
  #on: OnBehalf;
  #park: Park = newPark;
  #attached: ClientReply;
  #outcome: Outcome | undefined;
  readonly #outcomes = new Map<number, Outcome>();
  #undeclared: string | undefined;
  #keys = 0;
  #isOfOtherEra = false;
  readonly #before = new AskedBefore();
  #collecting: NodeJS.Timeout | undefined;
  /** Runs while an answer waits for its question to be asked again. */
  #anew: NodeJS.Timeout | undefined;

  constructor(parts: CallParts, request: string, method: string, reply: ClientReply) {
    this.#parts = parts;
    this.#request = request;
    this.#method = method;
    this.#attached = reply;
    this.#on = reply.exchange;
    this.#token = progressTokenOf(request);
    this.#logLevel = logLevelOf(request);
    this.#connection = this.#newConnection();
  }

  #newConnection(): InnerConnection {
    const { pooled, connector } = this.#parts;
    const connection: InnerConnection = new InnerConnection(
      {
        message: (text) => this.#heard(text),
        tooLarge: () => {
          this.#outcome = ownError("SERVER_MESSAGE_TOO_LARGE", { connector });
          this.#step({ type: "answered", nowMs: Date.now() });
        },
        onDrain: (listener) => this.#attached.exchange.connection.onDrain(listener),
        // Without an answer it can only have been torn off; with a task, the answer comes on another one.
        end: () => {
          if (!this.#isOfOtherEra && this.#connection === connection) this.#step({ type: "lost" });
        },
      },
      pooled.session.connector.settings.maxMessageBytes,
    );
    return connection;
  }

  /** Sends the call. Its answer, or its first question, goes to the reply that it was made with. */
  start(): void {
    const { pooled } = this.#parts;
    this.#attached.onLeft(() => this.#step({ type: "left" }));
    if (this.#attached.isOver) return;
    if (mayRequireInput.has(this.#method)) pooled.interactive.add(this);
    const progressToken = this.#token === undefined ? undefined : this.#id;
    const text = requestToLegacy(this.#request, { id: this.#id, progressToken });
    void pooled.relay(this.#parts.asTask ? callAsTask(text) : text, this.#on, this.#connection);
  }

  /** The server has made a task of the call: its result is waited for instead. */
  #becameTask(result: string | undefined): boolean {
    if (!this.#parts.asTask || this.#task !== undefined || result === undefined) return false;
    this.#task = taskIdOf(result);
    if (this.#task === undefined) return false;
    this.#connection = this.#newConnection();
    void this.#parts.pooled.relay(writeTaskResult(innerId(), this.#task), this.#on, this.#connection);
    return true;
  }

  /** Takes a client's retry with its answers. */
  retry(round: number, responses: ReadonlyMap<string, string>, reply: ClientReply): void {
    // A value that is no object answers nothing.
    const usable = new Map([...responses].filter(([, response]) => isObjectText(response)));
    this.#step({ type: "retry", round, keys: [...usable.keys()], nowMs: Date.now() }, { reply, responses: usable });
  }

  expire(): void {
    this.#step({ type: "expired" });
  }

  /** A question of the server, on this call's stream or on the session's. */
  ask(message: string): void {
    const { pooled, client } = this.#parts;
    const id = memberText(message, "id") ?? "null";
    const method = stringOf(memberText(message, "method")) ?? "";
    const params = memberText(message, "params");
    if (method === "ping") return void pooled.answer(resultResponse(id, "{}"), this.#on);
    const isQuestion = ["elicitation/create", "sampling/createMessage", "roots/list"].includes(method);
    if (!isQuestion || !mayRequireInput.has(this.#method)) return pooled.decline(id, method, this.#on);
    pooled.onAsked();
    if (!canAnswer({ method, params }, client)) {
      this.#undeclared ??= capabilityFor({ method, params });
      return pooled.decline(id, method, this.#on);
    }
    if (this.#wasAsked({ id, method, params })) return;
    this.#keys += 1;
    const open = this.#park.asks.map(({ key }) => key);
    this.#step({ type: "asked", ask: { key: askKey(id, this.#keys, open), id, method, params } });
  }

  /** True where the question was asked before, by the same call on a session that is gone. */
  #wasAsked(ask: Pick<OpenAsk, "id" | "method" | "params">): boolean {
    const { pooled } = this.#parts;
    this.#isAskedAnew();
    this.#before.see(pooled.session.asked.get(ask.id));
    const response = this.#before.answerTo(ask);
    if (response !== undefined) {
      pooled.answer(answerToLegacy(ask.id, response), this.#on);
      return true;
    }
    const open = this.#before.openOf(this.#park.asks, ask);
    if (open === undefined) return false;
    this.#step({ type: "renamed", from: open.id, to: ask.id });
    return true;
  }

  #isAskedAnew(): void {
    clearTimeout(this.#anew);
    this.#anew = undefined;
  }

  #heard(text: string): boolean {
    const method = stringOf(memberText(text, "method"));
    if (method === undefined) {
      this.#answered(text);
      return true;
    }
    if (memberText(text, "id") !== undefined) {
      this.ask(text);
      return true;
    }
    return this.#told(method, text);
  }

  #told(method: string, text: string): boolean {
    switch (method) {
      case "notifications/progress":
        // Late ones, and those of another call, are nobody's.
        if (this.#token === undefined || memberText(text, "params", "progressToken") !== this.#id) return true;
        return this.#notify(withProgressToken(text, this.#token));
      case "notifications/message":
        return isLoggedFor(text, this.#logLevel) ? this.#notify(text) : true;
      case "notifications/cancelled": {
        const id = cancelledId(text);
        if (id !== undefined) this.#step({ type: "withdrawn", id });
        return true;
      }
      case "notifications/elicitation/complete":
      case "notifications/tasks/status":
        return true;
      case "notifications/tools/list_changed":
      case "notifications/prompts/list_changed":
      case "notifications/resources/list_changed":
      case "notifications/resources/updated":
        this.#parts.pooled.changed(text);
        return true;
      default:
        return this.#notify(text);
    }
  }

  #notify(text: string): boolean {
    return this.#park.at === "running" ? this.#attached.notify(text) : true;
  }

  #answered(text: string): void {
    if (this.#becameTask(memberText(text, "result"))) return;
    if (this.#isForeign(memberText(text, "error"))) return;
    this.#outcome = this.#toOutcome(text);
    const isCut = this.#park.round > 0 && isOwnError(memberText(text, "error"));
    this.#step(isCut ? { type: "lost" } : { type: "answered", nowMs: Date.now() });
  }

  /** This server was upgraded under its session. */
  #isForeign(error: string | undefined): boolean {
    if (error === undefined || !isOfOtherEra(error) || this.#park.at !== "running" || this.#park.round > 0)
      return false;
    this.#isOfOtherEra = true;
    const { pooled, release, foreign } = this.#parts;
    pooled.interactive.delete(this);
    release();
    // Its server does not know it any more.
    pooled.session.close("idle");
    foreign({ status: 400, member: "error", text: error });
    return true;
  }

  #toOutcome(text: string): Outcome {
    if (this.#undeclared !== undefined) return missingCapability(this.#undeclared);
    const { pooled, client, againState } = this.#parts;
    const result = memberText(text, "result");
    if (result !== undefined && memberText(text, "error") === undefined) {
      if (this.#method === "tools/list") pooled.learnTools(result);
      return { status: 200, member: "result", text: resultToModern(result, this.#method, pooled.serverInfo) };
    }
    const error = memberText(text, "error") ?? "{}";
    const { status, error: modern, asksForUrl } = errorToModern(error);
    if (!asksForUrl) return { status, member: "error", text: modern };
    if (!declares(client.capabilities, "elicitation", "url")) return missingCapability('{"elicitation":{"url":{}}}');
    return { status: 200, member: "result", text: inputRequired(urlAsksOf(error), againState(), pooled.serverInfo) };
  }

  #step(event: ParkEvent, retry?: Retry): void {
    const [park, effects] = nextPark(this.#park, event);
    this.#park = park;
    for (const effect of effects) this.#perform(effect, retry);
    if (park.at !== "running") this.#settled();
  }

  /** The pooled session is lent for as long as the server works or waits for an answer. */
  #settled(): void {
    const { pooled, release, parked, over } = this.#parts;
    if (this.#park.at === "parked") return parked(this);
    clearTimeout(this.#collecting);
    this.#isAskedAnew();
    pooled.interactive.delete(this);
    release();
    over(this);
  }

  #perform(effect: ParkEffect, retry: Retry | undefined): void {
    switch (effect.do) {
      case "collect":
        this.#collecting ??= setTimeout(() => {
          this.#collecting = undefined;
          this.#step({ type: "quiet", nowMs: Date.now() });
        }, collectMs);
        return;
      case "give":
        return this.#finish(effect.used, this.#inputRequired(effect.round, effect.asks));
      case "feed":
        return this.#feed(effect.asks, retry);
      case "attach":
        return this.#attach(retry);
      case "deliver":
        return this.#finish(effect.used, this.#outcome ?? this.#lost());
      case "repeat":
        return retry?.reply.finish(this.#outcomes.get(effect.used) ?? this.#lost());
      case "refuse":
        return retry?.reply.finish(this.#refusal(effect.why));
      case "tell-lost":
        // Before any question nothing is to be continued: the client hears what happened to its call.
        return this.#finish(this.#park.round, this.#park.round === 0 ? (this.#outcome ?? this.#lost()) : this.#lost());
      case "decline":
        for (const { id, method } of effect.asks) this.#parts.pooled.decline(id, method, this.#on);
        return;
      case "cancel":
        return this.#cancel();
    }
  }

  #finish(used: number, outcome: Outcome): void {
    if (used > 0) this.#outcomes.set(used, outcome);
    this.#attached.finish(outcome);
  }

  #attach(retry: Retry | undefined): void {
    if (retry === undefined) return;
    this.#attached = retry.reply;
    this.#on = retry.reply.exchange;
    retry.reply.onLeft(() => this.#step({ type: "left" }));
  }

  #feed(asks: readonly OpenAsk[], retry: Retry | undefined): void {
    const { pooled } = this.#parts;
    for (const { key, id, method, params } of asks) {
      const response = retry?.responses.get(key) ?? "{}";
      this.#before.answered({ method, params }, response);
      if (!pooled.answer(answerToLegacy(id, response), this.#on)) this.#awaitAnew();
    }
  }

  /** The session that asked is gone. Where the call runs anew its server asks again, and the answer is kept for that; where it does not, its end comes from the relay. */
  #awaitAnew(): void {
    const { recoveryWindowMs } = this.#parts.pooled.session.connector.settings;
    this.#anew ??= setTimeout(() => this.#step({ type: "lost" }), recoveryWindowMs);
  }

  #cancel(): void {
    const { pooled } = this.#parts;
    pooled.session.cancel(JSON.parse(this.#id));
    const text = this.#task === undefined ? writeCancelled(this.#id) : writeTaskCancel(innerId(), this.#task);
    void pooled.tell(text, this.#on);
    this.#connection.leave();
  }

  #inputRequired(round: number, asks: readonly OpenAsk[]): Outcome {
    const { pooled, stateOf, connector } = this.#parts;
    let requests: Map<string, string>;
    try {
      requests = new Map(asks.map(({ key, method, params }) => [key, askToModern(method, params)]));
    } catch {
      // Long texts are only scanned before: it may be no JSON after all.
      return ownError("CONTINUATION_LOST", { connector, note: "What the server asks cannot be read." });
    }
    return { status: 200, member: "result", text: inputRequired(requests, stateOf(round), pooled.serverInfo) };
  }

  #lost(): Outcome {
    const note = stringOf(memberText(this.#outcome?.text ?? "{}", "message"));
    return ownError("CONTINUATION_LOST", { connector: this.#parts.connector, note });
  }

  #refusal(why: "used" | "lost" | "expired" | "cancelled"): Outcome {
    const { connector } = this.#parts;
    if (why === "used") return ownError("STATE_USED", { connector });
    if (why === "expired") return ownError("STATE_EXPIRED", { connector });
    if (why === "lost") return this.#lost();
    return ownError("CONTINUATION_LOST", { connector, note: "The client itself cancelled the call." });
  }
}

/** An error of the catalogue as an outcome. */
export function ownError(
  code: ConstructorParameters<typeof ProxyError>[0],
  details: ConstructorParameters<typeof ProxyError>[1],
): Outcome {
  const error = new ProxyError(code, details);
  const text = memberText(toJsonRpcError(error, "null"), "error") ?? "{}";
  return { status: httpStatus(error, true), member: "error", text };
}

function isOwnError(error: string | undefined): boolean {
  return error !== undefined && stringOf(memberText(error, "data", "origin")) === "holdfast";
}

const modernRefusal = /"code"\s*:\s*(?:-3202[0-2]|-32601)\b/;

/** No legacy server says -32020 or -32022, nor refuses to open a session again with words of the modern era. In both cases nothing ran. */
function isOfOtherEra(error: string): boolean {
  const code = codeOf(error);
  if (code === rpcCode.headerMismatch || code === rpcCode.unsupportedVersion) return true;
  if (!isOwnError(error) || stringOf(memberText(error, "data", "code")) !== "SESSION_NOT_RESTORED") return false;
  return modernRefusal.test(stringOf(memberText(error, "data", "upstream", "body")) ?? "");
}
