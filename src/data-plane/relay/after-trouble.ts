// What trouble with one request says of the server and of the session. Asks and takes note; decides nothing about the request.
import { classifyReply, type ReplyFacts } from "../recovery/index.ts";
import {
  type CallContext,
  type Connector,
  connectFault,
  isGatewayAway,
  isRefusedSession,
  type Lease,
  request,
  type UpstreamSession,
} from "../session/index.ts";
import { type ClientExchange, requestIds } from "./client-exchange.ts";

/** Lets whoever comes next wait for the server instead of meeting the same trouble. */
export function noteAway(
  { availability }: Connector,
  met: { readonly facts?: Pick<ReplyFacts, "status"> | undefined; readonly cause?: Error | undefined },
): void {
  if (met.facts !== undefined && isGatewayAway(met.facts.status)) {
    availability.failed("UPSTREAM_UNAVAILABLE", `It answers ${met.facts.status}.`, met.facts.status);
  } else if (met.cause !== undefined) {
    const { code, detail } = connectFault(met.cause);
    availability.failed(code, detail);
  }
}

const pingMs = 15_000;
/** What part of the recovery window a server may take for a ping: those who wait for its answer have no more than the window. */
const pingShare = 3;
/** A timer may ring that much early. */
const timerSlackMs = 2;

/** `silent`: it took the ping, and has not answered in all the time that there is for one. */
export type Found = "lives" | "silent" | "away" | ReplyFacts;

/** Asks with a ping whether the server still holds the session; what it answered if not. */
export async function findSession(connector: Connector, context: CallContext): Promise<Found> {
  const limitMs = Math.min(pingMs, Math.ceil(connector.settings.recoveryWindowMs / pingShare));
  const sentMs = connector.nowMs();
  const outcome = await request(connector, context, "ping", undefined, limitMs);
  if (outcome.kind === "lost") {
    if (outcome.sent === "maybe" && connector.nowMs() - sentMs >= limitMs - timerSlackMs) return "silent";
    noteAway(connector, outcome);
    return "away";
  }
  const { status } = outcome.facts;
  if (isUnreached(context, outcome.facts)) {
    connector.availability.failed("UPSTREAM_UNAVAILABLE", `It answers ${status}.`, status);
    return "away";
  }
  return isRefusedSession(outcome) ? outcome.facts : "lives";
}

/** The right to send it now, if there is any. Answers and news wait in no line: what is waited for may wait for them. */
export function leaseFor(session: UpstreamSession, exchange: ClientExchange, hasWaited: boolean): Lease | undefined {
  const lease = session.lease(hasWaited);
  return lease === undefined && requestIds(exchange).length === 0 ? session.leaseBeside() : lease;
}

/** A ping takes no time: one that a gateway gave up, or could not pass on, was answered by nobody. */
function isUnreached({ upstreamId }: CallContext, facts: ReplyFacts): boolean {
  const asked = { httpMethod: "POST", method: "ping", id: undefined, sentSessionId: upstreamId !== undefined } as const;
  const fault = classifyReply({ ...asked, served: true, reopened: false, mayPrecedeInitialized: false }, facts);
  return fault === "server-away" || fault === "gateway-timeout";
}
