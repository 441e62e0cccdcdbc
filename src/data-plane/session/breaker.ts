// Stops opening sessions at a server that forgets each of them at once, and tries again in growing steps. Pure value; the clock is passed in.

/** Restores that bore nothing, in a row, before attempts are paused. */
const tolerated = 5;
/** A row is a row only within this time. */
const rowMs = 30_000;
const firstPauseMs = 1_000;
const longestPauseMs = 15_000;

export interface BreakerState {
  /** Fruitless restores in a row. */
  readonly failures: number;
  readonly lastFailureAtMs: number;
  /** No attempt before this time; 0 while closed. */
  readonly openUntilMs: number;
  readonly pauseMs: number;
}

export const closedBreaker: BreakerState = { failures: 0, lastFailureAtMs: 0, openUntilMs: 0, pauseMs: firstPauseMs };

/** A restore bore nothing: its initialize was refused, or the new id was refused before it served. */
export function failed(state: BreakerState, nowMs: number): BreakerState {
  const failures = nowMs - state.lastFailureAtMs > rowMs ? 1 : state.failures + 1;
  if (failures < tolerated) return { ...state, failures, lastFailureAtMs: nowMs };
  return {
    failures,
    lastFailureAtMs: nowMs,
    openUntilMs: nowMs + state.pauseMs,
    pauseMs: Math.min(state.pauseMs * 2, longestPauseMs),
  };
}

/** Asks for one attempt. While open, one attempt is let through after each pause; it moves the next one a pause away. */
export function admit(state: BreakerState, nowMs: number): readonly [BreakerState, retryAfterMs: number] {
  if (state.openUntilMs === 0) return [state, 0];
  if (nowMs < state.openUntilMs) return [state, state.openUntilMs - nowMs];
  return [{ ...state, openUntilMs: nowMs + state.pauseMs }, 0];
}
