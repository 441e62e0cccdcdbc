// What trouble with one request says of the server and of the session. Asks and takes note; decides nothing about the request.
import type { ReplyFacts } from "../recovery/index.ts";
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
  met: { readonly facts?: ReplyFacts | undefined; readonly cause?: Error | undefined },
): void {
  if (met.facts !== undefined && isGatewayAway(met.facts.status)) {
    availability.failed("UPSTREAM_UNAVAILABLE", `It answers ${met.facts.status}.`, met.facts.status);
  } else if (met.cause !== undefined) {
    const { code, detail } = connectFault(met.cause);
    availability.failed(code, detail);
  }
}

/** Asks with a ping whether the server still holds the session; what it answered if not. */
export async function findSession(connector: Connector, context: CallContext): Promise<"lives" | "away" | ReplyFacts> {
  const outcome = await request(connector, context, "ping");
  if (outcome.kind === "lost" || isGatewayAway(outcome.facts.status)) {
    noteAway(connector, outcome);
    return "away";
  }
  return isRefusedSession(outcome) ? outcome.facts : "lives";
}
