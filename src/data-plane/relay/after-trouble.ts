// What trouble with one request says of the server and of the session. Asks and takes note; decides nothing about the request.
import { classifyReply, type ReplyFacts } from "../recovery/index.ts";
import {
  type CallContext,
  type Connector,
  connectFault,
  isGatewayAway,
  isRefusedSession,
  request,
} from "../session/index.ts";

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

/** A ping takes no time: one that a gateway gave up, or could not pass on, was answered by nobody. */
function isUnreached({ upstreamId }: CallContext, facts: ReplyFacts): boolean {
  const asked = { httpMethod: "POST", method: "ping", id: undefined, sentSessionId: upstreamId !== undefined } as const;
  const fault = classifyReply({ ...asked, served: true, reopened: false, mayPrecedeInitialized: false }, facts);
  return fault === "server-away" || fault === "gateway-timeout";
}
