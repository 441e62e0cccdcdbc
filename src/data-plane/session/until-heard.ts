// Sends what may be sent twice until the server has heard it: a restore that lost one of its steps to a broken connection would leave half a session.
import { WireFault } from "../transport/index.ts";
import { connectFault, isGatewayAway, isGatewayTimeout } from "./availability.ts";
import type { CallOutcome } from "./call-server.ts";
import type { Connector } from "./connector.ts";
import { parseObject } from "./read-answer.ts";

export interface Patience {
  /** For how long it is tried. */
  readonly forMs: number;
  /** After which one try gives up by itself. */
  readonly tryMs: number;
}

export interface Heard {
  readonly outcome: CallOutcome;
  /** The server has it, or has had all the time there is for it. */
  readonly heard: boolean;
}

/** `send` once more each time that nobody was there. */
export async function untilHeard(
  { availability, nowMs }: Connector,
  { forMs, tryMs }: Patience,
  send: () => Promise<CallOutcome>,
): Promise<Heard> {
  const deadlineMs = nowMs() + forMs;
  for (let inVain = 0; ; inVain += 1) {
    const sentMs = nowMs();
    const outcome = await send();
    // Who takes a message and is silent about it would be so again.
    if (wasHeard(outcome) || nowMs() - sentMs >= tryMs) return { outcome, heard: true };
    if (outcome.kind !== "lost") {
      const { status } = outcome.facts;
      availability.failed("UPSTREAM_UNAVAILABLE", `It answers ${status}.`, status);
    } else {
      if (outcome.cause instanceof WireFault && outcome.cause.final) return { outcome, heard: false };
      const { code, detail } = connectFault(outcome.cause);
      availability.failed(code, detail);
    }
    if ((await availability.up(deadlineMs, inVain)) !== "up") return { outcome, heard: false };
  }
}

/** Whatever a server answers, it has heard; a gateway that answers for it has not passed it on, and knows no JSON-RPC. */
export function wasHeard(outcome: CallOutcome): boolean {
  if (outcome.kind !== "other") return outcome.kind === "answer";
  const { status, body } = outcome.facts;
  return !(isGatewayAway(status) || isGatewayTimeout(status)) || parseObject(body)?.["jsonrpc"] === "2.0";
}
