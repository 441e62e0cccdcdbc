// The last word on a message that could not be carried: built from what went wrong, and softened where an earlier try may have run. The same with a session and without.
import { catalog, type ErrorCode, ProxyError, withoutHeaderValues } from "../../errors/index.ts";
import type { Fault, ReplyFacts } from "../recovery/index.ts";
import { type Away, type Connector, RestoreRefused, refusedCredential } from "../session/index.ts";
import type { Reply } from "../transport/index.ts";
import type { ClientExchange } from "./client-exchange.ts";
import type { Delivery } from "./delivery.ts";

/** What a fault came with, as far as an error tells of it. */
export interface Trouble {
  readonly facts?: ReplyFacts | undefined;
  readonly cause?: Error | undefined;
  readonly reply?: Extract<Reply, { kind: "reply" }> | undefined;
  /** What went wrong in words, where that was no failed connection. */
  readonly note?: string | undefined;
}

/** The same with what is needed to act on it. */
export interface Met extends Trouble {
  readonly fault: Fault;
  readonly delivery?: Extract<Delivery, { kind: "held" }> | undefined;
  readonly lastEventId?: string | undefined;
  readonly retryMs?: number | undefined;
}

export function isLoss(fault: Fault): boolean {
  return fault === "session-not-found" || fault === "session-suspected";
}

/** What was tried so far. */
export interface Tries {
  readonly sends: number;
  readonly startedMs: number;
  /** An earlier fault left it open whether the server ran the request. */
  readonly mayHaveRun: boolean;
  readonly method: string | undefined;
  /** The server's own id of the session, which no client is to see. */
  readonly sentAs?: string | undefined;
}

export function failureOf(connector: Connector, code: ErrorCode, trouble: Trouble, tries: Tries): ProxyError {
  const { facts, cause, note = cause?.message } = trouble;
  discard(trouble);
  return new ProxyError(code, {
    connector: connector.settings.name,
    attempts: tries.sends,
    waitedMs: Math.round(connector.nowMs() - tries.startedMs),
    ...(facts === undefined ? {} : { upstream: { ...facts, body: hiding(tries.sentAs, facts.body) } }),
    ...(note === undefined ? {} : { note }),
  });
}

/** A bridge's client is told in our words what the server says to the bridge: that it refuses its credential, or is elsewhere. `isKept`: the request could be sent again. */
export function ownWord(connector: Connector, met: Met, tries: Tries, isKept: boolean): ProxyError | undefined {
  if (connector.settings.front) return undefined;
  if (met.fault === "unauthorized") {
    const { code, note } = refusedCredential(connector, isKept);
    return failureOf(connector, code, met, tries).with({ note });
  }
  const status = met.reply?.status ?? 0;
  // Where it points is the server's own secret, and few clients would go there.
  return status >= 300 && status < 400 ? failureOf(connector, "UPSTREAM_MOVED", met, tries) : undefined;
}

function hiding(word: string | undefined, text: string): string {
  return word === undefined ? text : withoutHeaderValues(text, [], [word]);
}

/** The recovery window is over, and the server still cannot be reached. */
export function awayFailure(
  { settings, nowMs }: Connector,
  away: Away,
  { startedMs, sentAs }: Pick<Tries, "startedMs" | "sentAs">,
  last?: ReplyFacts,
): ProxyError {
  // The words that this request was answered with; those that others met are not its business.
  const words = last?.status === away.status && last !== undefined ? { ...last, body: hiding(sentAs, last.body) } : {};
  return new ProxyError(away.code, {
    connector: settings.name,
    tried: "a connection",
    waitedMs: Math.round(nowMs() - startedMs),
    ...(away.status === undefined ? {} : { upstream: { ...words, status: away.status } }),
    note: away.detail,
  });
}

/** What the client is told of whatever was thrown; noted in the log where it is our own fault, and in the request's own line. */
export function lastWord(exchange: ClientExchange, connector: Connector, error: unknown, tries: Tries): ProxyError {
  const failure = truthful(ProxyError.from(error), tries);
  if (failure.code === "INTERNAL") {
    const reason = String(failure.cause);
    const fields = { connector: connector.settings.name, request_id: exchange.requestId, reason };
    connector.log.event("error", "internal error", fields);
  }
  if (failure.code === "OUTCOME_UNKNOWN") exchange.outcome.recovery = "outcome-unknown";
  return failure;
}

/** Once a tool call was cut off it may have run; no later refusal of its replay may claim that it did not. */
function truthful(failure: ProxyError, { mayHaveRun, method }: Tries): ProxyError {
  const claimsNo = catalog[failure.code].executed === "no" && !(failure instanceof RestoreRefused);
  if (!claimsNo || !mayHaveRun || method !== "tools/call") return failure;
  const { details } = failure;
  const note = [catalog[failure.code].summary, details.note].filter((part) => part !== undefined).join(" ");
  return new ProxyError("UPSTREAM_CUT", { ...details, note }, { cause: failure });
}

/** Frees the connection of an answer that will not be passed on. */
export function discard({ reply }: Trouble): void {
  if (reply !== undefined && !reply.body.complete) reply.body.abort();
}
