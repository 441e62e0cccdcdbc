// What a client's message means to its session before it goes to the server: a cancellation is noted, an answer to a dead question ends here.
import { ProxyError } from "../../errors/index.ts";
import type { Envelope, Scanned } from "../../protocol/index.ts";
import {
  answerError,
  type ClientExchange,
  messagesOf,
  noteAnswered,
  relayRequest,
  withWholeBody,
} from "../relay/index.ts";
import { asObject, isSameCredential, type UpstreamSession } from "../session/index.ts";

const cancelled = "notifications/cancelled";

/** Relays one message that is no initialize. Never rejects. */
export function relayMessage(
  exchange: ClientExchange,
  session: UpstreamSession,
  scanned: Scanned,
): Promise<void> | void {
  if (session.wasRestored && mayFlowAsAnswer(exchange, scanned)) return relayWhole(exchange, session);
  noteCancellation(exchange, session, scanned);
  if (answersTheDead(exchange, session, scanned)) return;
  return relayRequest(exchange, session);
}

/** Which question it answers may stand at its end. */
function mayFlowAsAnswer({ body }: ClientExchange, scanned: Scanned): boolean {
  return body?.stream !== undefined && scanned.shape === "single" && scanned.envelope.method === undefined;
}

/** An answer to a question, too large to be kept (sampling brings images): after a restore it is read whole, for there may be two questions of that id. */
async function relayWhole(exchange: ClientExchange, session: UpstreamSession): Promise<void> {
  try {
    const whole = await withWholeBody(exchange, Number.POSITIVE_INFINITY);
    if (whole.scanned !== undefined) await relayMessage(whole, session, whole.scanned);
  } catch (error) {
    answerError(exchange, [], ProxyError.from(error));
  }
}

function noteCancellation(exchange: ClientExchange, session: UpstreamSession, scanned: Scanned): void {
  const isOne = scanned.shape === "single" && scanned.envelope.method === cancelled;
  const isAmong = scanned.shape === "batch" && scanned.envelopes.some(({ method }) => method === cancelled);
  if (!isOne && !isAmong) return;
  // In front mode a JWT's claims are unverified: before the server is asked, only a credential that it has accepted may stop a call.
  if (!isSameCredential(exchange.headers, session.acceptedHeaders)) return;
  for (const { method, params } of messagesOf(exchange))
    if (method === cancelled) session.cancel(asObject(params)?.["requestId"]);
}

/** An answer to a question that a dead session asked, or a batch of them: the new one must not take it for an answer to a question of its own. */
function answersTheDead(exchange: ClientExchange, session: UpstreamSession, scanned: Scanned): boolean {
  if (!isOnlyForTheDead(session, scanned)) return false;
  noteAnswered(exchange, session);
  exchange.outcome.recovery = "dropped";
  exchange.connection.head(202, ["content-length", "0", ...(exchange.ownHeaders ?? [])]);
  exchange.connection.end();
  return true;
}

function isOnlyForTheDead(session: UpstreamSession, scanned: Scanned): boolean {
  if (scanned.shape === "single") return isAnswerToTheDead(session, scanned.envelope);
  if (scanned.shape !== "batch") return false;
  // Each is taken note of, whatever the others are.
  return scanned.envelopes.filter((each) => !isAnswerToTheDead(session, each)).length === 0;
}

function isAnswerToTheDead(session: UpstreamSession, { id, method }: Envelope): boolean {
  if (method !== undefined || id === undefined) return false;
  const asked = session.asked.get(id);
  // What the restored server asks passes through here. Asked before our own restart, it was asked by the one that is lost.
  if (asked === undefined) return session.wasRestored;
  const { state } = session;
  // A session that was moved still has calls, and questions, where it was before.
  if (state.at === "operating") return asked < session.livesSince;
  // A restore's own stream may bring a question before everything is put back.
  return state.at === "closed" || asked <= state.generation;
}
