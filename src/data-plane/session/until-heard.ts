// Sends what may be sent twice until the server has heard it: a restore that lost one of its steps to a broken connection would leave half a session.
import { WireFault } from "../transport/index.ts";
import { connectFault, isGatewayAway, isGatewayTimeout } from "./availability.ts";
import type { CallOutcome } from "./call-server.ts";
import type { Connector } from "./connector.ts";

/** `send` once more each time that nobody was there, within the recovery window. `timeoutMs`: after which `send` gives up by itself; that is an answer of a kind. */
export async function untilHeard(
  { availability, nowMs, settings }: Connector,
  timeoutMs: number,
  send: () => Promise<CallOutcome>,
): Promise<CallOutcome> {
  const deadlineMs = nowMs() + settings.recoveryWindowMs;
  for (let inVain = 0; ; inVain += 1) {
    const sentMs = nowMs();
    const outcome = await send();
    if (wasHeard(outcome) || nowMs() - sentMs >= timeoutMs) return outcome;
    if (outcome.kind !== "lost") {
      const { status } = outcome.facts;
      availability.failed("UPSTREAM_UNAVAILABLE", `It answers ${status}.`, status);
    } else {
      if (outcome.cause instanceof WireFault && outcome.cause.final) return outcome;
      const { code, detail } = connectFault(outcome.cause);
      availability.failed(code, detail);
    }
    if ((await availability.up(deadlineMs, inVain)) !== "up") return outcome;
  }
}

/** Whatever a server answers, it has heard; a gateway that answers for it has not passed it on. */
export function wasHeard(outcome: CallOutcome): boolean {
  if (outcome.kind === "lost") return false;
  const { status } = outcome.facts;
  return outcome.kind === "answer" || !(isGatewayAway(status) || isGatewayTimeout(status));
}
