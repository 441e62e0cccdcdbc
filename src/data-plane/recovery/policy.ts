// The whole recovery policy on one screen: what a fault leads to. Pure: decides, and leaves acting to relay and session.
import type { ErrorCode } from "../../errors/index.ts";
import type { Fault } from "./fault.ts";

/** What is done first about a fault, before the request may be sent again. */
export type FirstStep =
  /** Open a new session (fresh initialize without the old id), put back what the old one held. */
  | "restore"
  /** Ask with `ping` on the same id whether the session is really gone; then as `session-suspected` or relay. */
  | "ping"
  /** Wait until the server answers again, within the recovery window. */
  | "wait"
  /** Wait until notifications/initialized was accepted. */
  | "await-initialized"
  /** Continue the answer stream with Last-Event-ID. A resume is not a replay. */
  | "resume";

export interface Recovery {
  readonly first: FirstStep;
  /** `always`: the refusal proves that the request did not run. `if-safe`: only what may run twice. */
  readonly replay: "always" | "if-safe";
  /** How often the request may go out in all, where that is more than `maxSends`. */
  readonly sends?: number;
  /** What the client gets when the same request meets the fault again after it was replayed. */
  readonly again: ErrorCode | "relay";
}

// prettier: one row, one fault
export const policy = {
  "session-not-found": { first: "restore", replay: "always", sends: 5, again: "SESSION_NOT_KEPT" },
  "session-suspected": { first: "restore", replay: "always", again: "relay" },
  "session-doubtful": { first: "ping", replay: "always", again: "relay" },
  "unsupported-version": { first: "restore", replay: "always", again: "relay" },
  "not-initialized": { first: "await-initialized", replay: "always", again: "relay" },
  "not-sent": { first: "wait", replay: "always", again: "UPSTREAM_REFUSED_CONNECTION" },
  "server-away": { first: "wait", replay: "if-safe", again: "UPSTREAM_UNAVAILABLE" },
  "gateway-timeout": { first: "wait", replay: "if-safe", again: "UPSTREAM_UNAVAILABLE" },
  "cut-before-answer": { first: "wait", replay: "if-safe", again: "UPSTREAM_CUT" },
  "stream-cut-resumable": { first: "resume", replay: "if-safe", again: "UPSTREAM_CUT" },
  "stream-cut": { first: "wait", replay: "if-safe", again: "UPSTREAM_CUT" },
  unauthorized: "relay",
  "server-answered": "relay",
} as const satisfies Record<Fault, Recovery | "relay">;

/** What is known of the request whose fate is decided. */
export interface RequestState {
  /** How often its bytes have left for the server (a refused connection does not count). */
  readonly sends: number;
  /** The protocol, or a trusted tool's annotation, says that running it twice does no harm. */
  readonly safe: boolean;
  /** The body was kept, so it can be sent again. */
  readonly kept: boolean;
}

export type Action =
  | { readonly do: "relay" }
  | { readonly do: "fail"; readonly code: ErrorCode }
  | { readonly do: FirstStep };

/**
 * A request is sent at most twice (design rule 4). What is refused unrun may go again: a replay that overtook `initialized` once, and one whose new session was
 * lost as well as often as its row says (docs/decisions/2026-11-29-lost-before-its-first-use.md).
 */
export const maxSends = 2;

/** Decides the fate of one request that met a fault. The session's own fate (is it lost?) is the session machine's matter. */
export function decide(fault: Fault, request: RequestState): Action {
  const recovery: Recovery | "relay" = policy[fault];
  // The answer is the server's own: it passes as it is.
  if (recovery === "relay") return { do: "relay" };
  // The refusal proves it did not run and only its order was wrong, so one more send cannot run it twice.
  if (recovery.first === "await-initialized" && request.kept && request.sends <= maxSends)
    return { do: recovery.first };
  // Continuing a stream sends nothing again.
  if (recovery.first === "resume") return { do: "resume" };
  // It may have run, and running it twice may do harm: say so, never guess.
  if (recovery.replay === "if-safe" && !request.safe) return { do: "fail", code: "OUTCOME_UNKNOWN" };
  // Sent as often as it may be and no better: stop, and say what stopped it.
  if (request.sends >= (recovery.sends ?? maxSends))
    return recovery.again === "relay" ? { do: "relay" } : { do: "fail", code: recovery.again };
  // Nothing was kept to send again; the session is still restored for the next request.
  if (!request.kept) return { do: "fail", code: unkept(fault, recovery) };
  return { do: recovery.first };
}

/** Why a request whose body was not kept ends here. */
function unkept(fault: Fault, recovery: Recovery): ErrorCode {
  if (recovery.replay === "if-safe") return "OUTCOME_UNKNOWN";
  return fault === "not-sent" ? "UPSTREAM_REFUSED_CONNECTION" : "TOO_LARGE_TO_REPLAY";
}
