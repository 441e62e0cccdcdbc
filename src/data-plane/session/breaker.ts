// Stops opening sessions at a server that forgets each of them at once, and tries again in growing steps. Pure value; the clock is passed in.

/** Restores of one session that bore nothing, in a row, before attempts are paused. */
const tolerated = 5;
/** The same of all sessions: those that one event took count once each, and a server that takes them all is soon known. */
const toleratedOfAll = 50;
/** A row is a row only within this time. */
const rowMs = 30_000;
const firstPauseMs = 1_000;
const longestPauseMs = 5_000;

export interface BreakerState {
  /** Fruitless restores in a row, by session. */
  readonly rows: ReadonlyMap<string, number>;
  readonly lastFailureAtMs: number;
  /** No attempt before this time; 0 while closed. */
  readonly openUntilMs: number;
  readonly pauseMs: number;
  /** While open: an attempt was let through, and what came of it is not known. */
  readonly isTrying: boolean;
}

export const closedBreaker: BreakerState = {
  rows: new Map(),
  lastFailureAtMs: 0,
  openUntilMs: 0,
  pauseMs: firstPauseMs,
  isTrying: false,
};

/** A restore of that session bore nothing: its initialize was refused, or the new id was refused before it served. */
export function failed(state: BreakerState, nowMs: number, session: string): BreakerState {
  if (state.openUntilMs > 0) {
    // Begun before the pause was: no news.
    if (!state.isTrying) return state;
    return open(state, nowMs);
  }
  const before = nowMs - state.lastFailureAtMs > rowMs ? closedBreaker.rows : state.rows;
  const rows = new Map(before).set(session, (before.get(session) ?? 0) + 1);
  const after = { ...state, rows, lastFailureAtMs: nowMs };
  const counts = [...rows.values()];
  const isOver = Math.max(...counts) >= tolerated || counts.reduce((sum, count) => sum + count) >= toleratedOfAll;
  return isOver ? open(after, nowMs) : after;
}

function open(state: BreakerState, nowMs: number): BreakerState {
  const pauseMs = Math.min(state.pauseMs * 2, longestPauseMs);
  return { ...state, lastFailureAtMs: nowMs, openUntilMs: nowMs + state.pauseMs, pauseMs, isTrying: false };
}

/** Asks for one attempt. While open, one attempt is let through after each pause; it moves the next one a pause away. */
export function admit(state: BreakerState, nowMs: number): readonly [BreakerState, retryAfterMs: number] {
  if (state.openUntilMs === 0) return [state, 0];
  if (nowMs < state.openUntilMs) return [state, state.openUntilMs - nowMs];
  return [{ ...state, openUntilMs: nowMs + state.pauseMs, isTrying: true }, 0];
}
