// One request of a legacy client on its way through a modern server: as many rounds as the server needs answers for, then one answer under the client's own id.
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { memberText, type RawId, rpcCode } from "../../../protocol/index.ts";
import { PushBody, type Reply, type ReplyBody } from "../../transport/index.ts";
import { type Ask, answerToModern, askToLegacy, writeResponses } from "../translate/asks.ts";
import { stringOf } from "../translate/client-facts.ts";
import { codeOf, errorResponse, errorToLegacy, isBridgeFault, resultResponse, rpcError } from "../translate/errors.ts";
import { notificationToLegacy, writeCancelled } from "../translate/notifications.ts";
import { resultToLegacy } from "../translate/results.ts";
import { messageReply, passedRefusal, pushMessage, sessionNotFound, streamHeaders, tooLarge } from "./face-replies.ts";
import { type CallOfFace, type FaceSession, newCallId } from "./face-session.ts";
import { isForeign, type ModernOutcome, readModernReply } from "./modern-reply.ts";
import type { ToolSchema } from "./tool-schemas.ts";

/** A server that asks on and on is not answered for ever. */
const mostRounds = 10;
/** Before the same request goes out again because the server only gave a state. */
const stateOnlyPauseMs = 250;
/** A later round whose server is away: how long it is tried again, and how often. */
const awayMs = 30_000;
const awayPauseMs = 200;

type Round = ModernOutcome | { readonly kind: "lost"; readonly reply: Extract<Reply, { kind: "lost" }> };
type AskEnd = { readonly kind: "answered"; readonly responses: string } | { readonly kind: "ended" };

export interface CallParts {
  readonly session: FaceSession;
  /** The client's request, JSON text. */
  readonly request: string;
  readonly id: RawId;
  readonly method: string;
  readonly headers: readonly string[];
  /** The server is of the other era now: the session is over. */
  readonly onForeign: () => void;
}

export class FaceCall implements CallOfFace {
  readonly #parts: CallParts;
  readonly #abort = new AbortController();
  readonly #toolName: string | undefined;
  #settle: (reply: Reply) => void = () => {};
  /** The client's event stream, once there is one. */
  #stream: PushBody | undefined;
  #upstream: ReplyBody | undefined;
  #isFull = false;
  #isOver = false;
  #sends = 0;
  #violation = false;
  readonly #openAsks = new Set<RawId>();

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.#toolName = parts.method === "tools/call" ? stringOf(memberText(parts.request, "params", "name")) : undefined;
  }

  /** The reply is JSON if nothing comes before the answer, else an event stream. */
  run(): Promise<Reply> {
    const { session, id } = this.#parts;
    session.calls.set(id, this);
    return new Promise((settle) => {
      this.#settle = settle;
      this.#rounds()
        .catch((error: unknown) => this.#fail(rpcCode.internal, `The answer could not be translated. ${String(error)}`))
        .finally(() => {
          if (session.calls.get(id) === this) session.calls.delete(id);
          this.#forgetAsks();
        });
    });
  }

  cancel(): void {
    if (this.#isOver) return;
    // Who is still being asked need not answer any more.
    if (this.#stream !== undefined) for (const ask of this.#openAsks) pushMessage(this.#stream, writeCancelled(ask));
    this.#stop();
    this.#begin().finish();
  }

  lose(cause: Error): void {
    if (this.#isOver) return;
    this.#stop();
    if (this.#stream === undefined) this.#settle({ kind: "lost", sent: "maybe", cause });
    else this.#stream.cut(cause);
  }

  async #rounds(): Promise<void> {
    let inputResponses: string | undefined;
    let requestState: string | undefined;
    for (let round = 1; round <= mostRounds; round += 1) {
      const outcome = await this.#round(round, inputResponses, requestState);
      if (this.#isOver) return;
      if (outcome.kind !== "result") return this.#end(outcome);
      const translated = resultToLegacy(outcome.result, this.#parts.method, await this.#isWrapped(outcome.result));
      if (this.#isOver) return;
      if (translated.kind === "complete") return this.#complete(outcome.result, translated.result);
      if (translated.kind === "unknown") {
        const data = JSON.stringify({ resultType: translated.resultType });
        return this.#fail(
          rpcCode.internal,
          "The server answered with a kind of result that this client has no word for.",
          data,
        );
      }
      ({ requestState } = translated);
      inputResponses = undefined;
      if (translated.asks.length === 0) {
        await delay(stateOnlyPauseMs);
        continue;
      }
      const end = await this.#ask(translated.asks);
      if (end.kind === "ended" || this.#isOver) return;
      inputResponses = end.responses;
    }
    this.#fail(rpcCode.internal, `The server asked for input more than ${mostRounds} times.`);
  }

  async #round(round: number, inputResponses: string | undefined, requestState: string | undefined): Promise<Round> {
    const giveUpMs = Date.now() + awayMs;
    for (let isRefreshed = false; ; ) {
      const outcome = await this.#send(inputResponses, requestState);
      if (this.#isOver) return outcome;
      // The answers that the client gave are worth more than one attempt, and a request that never left was not run.
      if (outcome.kind === "lost" && round > 1 && outcome.reply.sent === "nothing" && Date.now() < giveUpMs) {
        await delay(awayPauseMs);
        continue;
      }
      // The specification's remedy for headers that the server misses: look at the tools again, and send once more.
      const isMismatch = outcome.kind === "error" && codeOf(outcome.error) === rpcCode.headerMismatch;
      if (!isMismatch || isRefreshed || this.#toolName === undefined) return outcome;
      isRefreshed = true;
      this.#parts.session.tools.changed();
      await this.#parts.session.completeTools(this.#parts.headers);
    }
  }

  async #send(inputResponses: string | undefined, requestState: string | undefined): Promise<Round> {
    const { session, request, headers } = this.#parts;
    const id = newCallId();
    const params = this.#schema?.params ?? [];
    this.#sends += 1;
    const { signal } = this.#abort;
    const reply = await session.send(request, headers, { id, inputResponses, requestState, params, signal });
    if (reply.kind === "lost") return { kind: "lost", reply };
    this.#upstream = reply.body;
    const outcome = await readModernReply(reply, id, session.parts.maxMessageBytes, {
      message: (text, kind) => this.#tell(text, kind),
      flowing: () => !this.#isFull,
    });
    this.#upstream = undefined;
    if (this.#violation) {
      const error = rpcError(rpcCode.internal, "The server sent a request of its own, which its revision forbids.");
      return { kind: "error", error, status: 200 };
    }
    return outcome;
  }

  get #schema(): ToolSchema | undefined {
    return this.#parts.session.tools.get(this.#toolName);
  }

  #tell(text: string, kind: "request" | "notification"): void {
    if (this.#isOver) return;
    if (kind === "notification") {
      pushMessage(this.#begin(), notificationToLegacy(text));
      return;
    }
    this.#violation = true;
    this.#upstream?.abort();
  }

  /** Only a client that has read the tool's schema, perhaps before a restart, expects a wrapped result. */
  async #isWrapped(result: string): Promise<boolean> {
    if (this.#toolName === undefined || memberText(result, "structuredContent") === undefined) return false;
    if (this.#schema === undefined) await this.#parts.session.completeTools(this.#parts.headers);
    return this.#schema?.wrapped ?? false;
  }

  #complete(original: string, result: string): void {
    const { session, method, id } = this.#parts;
    if (method === "tools/list") session.tools.note(original);
    this.#answer(resultResponse(id, result));
  }

  /** Anything but a result ends the call. */
  #end(outcome: Exclude<Round, { kind: "result" }>): void {
    const { session, method, id } = this.#parts;
    if (outcome.kind === "lost") return this.#lost(outcome.reply);
    if (outcome.kind === "cut") return this.lose(outcome.cause);
    if (outcome.kind === "too-large") return this.#answer(tooLarge(id));
    if (isForeign(outcome)) {
      this.#parts.onForeign();
      if (this.#stream !== undefined) return this.lose(new Error("the server changed its era"));
      this.#isOver = true;
      // Refused before anything ran, as a lost session is: a new one leads to the server as it is now.
      return this.#settle(sessionNotFound());
    }
    if (outcome.kind === "error") {
      if (isBridgeFault(outcome.error))
        session.parts.tell("refused by the server's era", { method, code: codeOf(outcome.error) ?? 0 });
      return this.#answer(errorResponse(id, errorToLegacy(outcome.error, method)));
    }
    this.#refused(outcome);
  }

  #lost(reply: Extract<Reply, { kind: "lost" }>): void {
    if (this.#stream !== undefined) return this.lose(reply.cause);
    this.#isOver = true;
    // A later round may have run what an earlier one began.
    this.#settle(this.#sends > 1 ? { ...reply, sent: "maybe" } : reply);
  }

  /** Credentials, gateways, pages of HTML: the session layer judges them by their status, but a 404 would mean the session. */
  #refused(outcome: Extract<ModernOutcome, { kind: "refused" }>): void {
    const passed = this.#stream === undefined ? passedRefusal(outcome) : undefined;
    if (passed !== undefined) {
      this.#isOver = true;
      return this.#settle(passed);
    }
    const { status, headers } = outcome;
    const type = typeof headers["content-type"] === "string" ? headers["content-type"] : "no content type";
    this.#fail(rpcCode.internal, `The server answered ${status} with ${type} instead of a JSON-RPC answer.`);
  }

  /** Asks the client on the stream of its waiting request, and waits for all answers. */
  async #ask(asks: readonly Ask[]): Promise<AskEnd> {
    const { client } = this.#parts.session;
    const waiting: Promise<readonly [Ask, string]>[] = [];
    const stream = this.#begin();
    for (const ask of asks) {
      const id = `"holdfast-ask-${randomBytes(12).toString("base64url")}"`;
      const asked = askToLegacy(ask, id, client, id.slice(1, -1));
      if (asked.kind !== "request") {
        this.#forgetAsks();
        if (asked.kind === "tell" && this.#parts.method === "tools/call") return this.#endWithText(asked.text);
        return this.#endWith(asked.error);
      }
      waiting.push(this.#answerOf(id).then((answer) => [ask, answer] as const));
      pushMessage(stream, asked.message);
    }
    const responses = new Map<string, string>();
    for (const [ask, answer] of await Promise.all(waiting)) {
      const translated = answerToModern(ask, answer);
      if (translated.kind === "response") responses.set(ask.key, translated.response);
      else if (this.#parts.method === "tools/call")
        return this.#endWithText(stringOf(memberText(translated.error, "message")) ?? "The client refused.");
      else return this.#endWith(translated.error);
    }
    return { kind: "answered", responses: writeResponses(responses) };
  }

  #answerOf(id: RawId): Promise<string> {
    const { asks } = this.#parts.session;
    this.#openAsks.add(id);
    return new Promise((resolve) => {
      asks.set(id, (answer) => {
        this.#openAsks.delete(id);
        asks.delete(id);
        resolve(answer);
      });
    });
  }

  #endWithText(text: string): AskEnd {
    const result = `{"content":[{"type":"text","text":${JSON.stringify(text)}}],"isError":true}`;
    this.#answer(resultResponse(this.#parts.id, result));
    return { kind: "ended" };
  }

  #endWith(error: string): AskEnd {
    this.#answer(errorResponse(this.#parts.id, error));
    return { kind: "ended" };
  }

  #fail(code: number, message: string, data?: string): void {
    if (!this.#isOver) this.#answer(errorResponse(this.#parts.id, rpcError(code, message, data)));
  }

  #answer(text: string): void {
    this.#isOver = true;
    if (this.#stream === undefined) return this.#settle(messageReply(text));
    pushMessage(this.#stream, text);
    this.#stream.finish();
  }

  #begin(): PushBody {
    if (this.#stream !== undefined) return this.#stream;
    const body = new PushBody({
      filled: () => {
        this.#isFull = true;
      },
      emptied: () => {
        this.#isFull = false;
        this.#upstream?.resume();
      },
      // Nobody reads any more, long after the client went.
      aborted: () => this.#stop(),
    });
    this.#stream = body;
    this.#settle({ kind: "reply", status: 200, headers: streamHeaders, body });
    return body;
  }

  #stop(): void {
    this.#isOver = true;
    this.#abort.abort();
    this.#upstream?.abort();
    this.#forgetAsks();
  }

  #forgetAsks(): void {
    for (const id of this.#openAsks) this.#parts.session.asks.delete(id);
    this.#openAsks.clear();
  }
}
