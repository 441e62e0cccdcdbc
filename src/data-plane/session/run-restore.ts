// Runs the one restore of a loss: initialize anew, put back, save, release. Loops only while the server is away or loses the new session too.
import { ProxyError } from "../../errors/index.ts";
import type { RestoreEnd, RestoreStepNews } from "../../observability/index.ts";
import { announceChanges } from "./announce-changes.ts";
import type { Connector, Trouble } from "./connector.ts";
import { endUpstreamSession, type Fresh, type InitializeOutcome, initializeAnew } from "./initialize.ts";
import { type PutBack, putBack, type StepNote } from "./restore.ts";
import { isCredentialRefusal, RestoreRefused } from "./restore-refused.ts";
import { askTwice } from "./second-ask.ts";
import { staleCookies } from "./session-cookies.ts";
import { decodeSnapshot } from "./snapshot.ts";
import type { UpstreamSession } from "./upstream-session.ts";
import { withdrawQuestions } from "./withdraw-questions.ts";

/** How often a session may be lost again while it is being put back. */
const longestChain = 5;
/** An initialize that takes longer may have been swallowed. */
const silentMs = 10_000;
/** However short the window is: some servers take their time to open a session. */
const leastSilentMs = 2_000;
/** Pauses before a server is asked again that opens no more sessions for now. */
const firstBusyMs = 250;
const longestBusyMs = 8_000;
const later = (forMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, forMs).unref());
/** The session was closed meanwhile. */
const abandoned: RestoreEnd = { outcome: "abandoned" };

/** Never rejects: the outcome reaches those who wait through the session. */
export async function runRestore(session: UpstreamSession, headers: readonly string[]): Promise<void> {
  const { state, connector, shortHash } = session;
  const run = (): Promise<RestoreEnd> => watched(session, () => attemptOrFail(session, headers));
  if (connector.tracer === undefined || state.at !== "restoring") {
    await run();
    return;
  }
  const { signal, generation } = state;
  const facts = { connector: connector.settings.name, sessionHash: shortHash, signal, generation: generation + 1 };
  await connector.tracer.restore(facts, run);
}

/** Tells whoever watches how it begins and ends. */
async function watched(session: UpstreamSession, run: () => Promise<RestoreEnd>): Promise<RestoreEnd> {
  const { state, connector, shortHash } = session;
  if (connector.watch === undefined || state.at !== "restoring") return run();
  const { signal, generation } = state;
  connector.watch.restoreBegan({ session: shortHash, signal, generation: generation + 1 });
  const end = await run();
  const status = end.outcome === "failed" ? session.lastError?.details.upstream?.status : undefined;
  const code = end.outcome === "failed" ? end.code : undefined;
  connector.watch.restoreEnded({ session: shortHash, outcome: end.outcome, code, status });
  return end;
}

async function attemptOrFail(session: UpstreamSession, headers: readonly string[]): Promise<RestoreEnd> {
  const startedMs = session.connector.nowMs();
  try {
    return await attempt(session, headers, startedMs);
  } catch (error) {
    return fail(session, startedMs, ProxyError.from(error));
  }
}

async function attempt(session: UpstreamSession, headers: readonly string[], startedMs: number): Promise<RestoreEnd> {
  const { connector } = session;
  const told = (trouble: Trouble): ProxyError => new ProxyError(trouble.code, explain(connector, trouble, startedMs));
  let inVain = 0;
  for (let lostAgain = 0; lostAgain < longestChain; ) {
    const retryAfterMs = connector.breaker.admit();
    if (retryAfterMs > 0) {
      if (await sitOut(session, retryAfterMs, (ms) => connector.breaker.pause(ms))) continue;
      if (!isWanted(session)) return abandoned;
      const details = named(connector, { retryAfterMs: Math.ceil(retryAfterMs) });
      return fail(session, startedMs, new ProxyError("RESTORES_PAUSED", details));
    }
    const sentMs = connector.nowMs();
    const outcome = await initializeSoon(session, headers);
    noteStep(session, "initialize", sentMs, initializeNote(outcome));
    if (!isWanted(session)) return discard(connector, outcome, headers);
    if (outcome.kind === "away") {
      if (await waitOut(session, outcome.trouble, inVain++)) continue;
      return fail(session, startedMs, told(outcome.trouble));
    }
    connector.availability.answered();
    if (outcome.kind === "busy") {
      const pauseMs = Math.min(Math.max(outcome.retryAfterMs, firstBusyMs * 2 ** inVain), longestBusyMs);
      inVain += 1;
      if (await sitOut(session, pauseMs * (1 + Math.random() / 4), later)) continue;
      if (!isWanted(session)) return abandoned;
      return fail(session, startedMs, told(outcome.trouble));
    }
    if (outcome.kind === "failed") {
      const error = told(outcome.trouble);
      const { refusal } = outcome;
      // That one caller is refused says nothing against the server, and must not keep it from the next one.
      if (connector.settings.front && refusal !== undefined && isCredentialRefusal(refusal.status))
        return fail(session, startedMs, new RestoreRefused(error, refusal, headers));
      // Nor does what it says of this client's own initialize.
      const isOwn = error.code === "SESSION_NOT_RESTORED" && refusal !== undefined && refusal.status <= 400;
      if (!isOwn) connector.breaker.failed(session.shortHash);
      return fail(session, startedMs, error);
    }
    const end = await fill(session, outcome.fresh, headers, startedMs);
    if (end !== undefined) return end;
    // Closed meanwhile: nobody needs another one.
    if (!isWanted(session)) return abandoned;
    lostAgain += 1;
    connector.breaker.failed(session.shortHash);
  }
  return fail(session, startedMs, new ProxyError("SESSION_NOT_KEPT", named(connector, {})));
}

/** A server that is silent is asked once more, over HTTP, where that opens nothing that could not be ended: at the latest when a third of the window has passed. */
function initializeSoon(
  { connector, snapshot }: UpstreamSession,
  headers: readonly string[],
): Promise<InitializeOutcome> {
  const ask = (isSecond: boolean): Promise<InitializeOutcome> =>
    initializeAnew(connector, snapshot.initialize, headers, isSecond);
  if (connector.transport.wire !== "Streamable HTTP") return ask(false);
  return askTwice({
    ask,
    afterMs: Math.max(leastSilentMs, Math.min(silentMs, connector.settings.recoveryWindowMs / 3)),
    // What it says now is what it would say to the first; only of one who holds it opened by the first that says nothing.
    settles: (outcome, isSecond) => outcome.kind === "fresh" || (isSecond && !isOpenedBefore(outcome)),
    spare: (late) => void discard(connector, late, headers),
  });
}

function isOpenedBefore(outcome: InitializeOutcome): boolean {
  return outcome.kind === "failed" && outcome.trouble.code === "SERVER_CANNOT_REINITIALIZE";
}

/** Puts the state back under the new id and makes it the session's own. Undefined if the server has lost it again. */
async function fill(
  session: UpstreamSession,
  fresh: Fresh,
  headers: readonly string[],
  startedMs: number,
): Promise<RestoreEnd | undefined> {
  const { connector, snapshot } = session;
  const upgraded = fresh.digest !== snapshot.serverDigest;
  snapshot.serverVersion = fresh.version;
  if (connector.settings.front) snapshot.staleCookies = staleCookies(snapshot.cookies, headers);
  if (fresh.cookies === undefined) delete snapshot.cookies;
  else snapshot.cookies = fresh.cookies;
  const context = session.context(fresh.upstreamId, headers);
  const back = await putBack(connector, snapshot, context, session.openStream, (step, sentMs, note) =>
    noteStep(session, step, sentMs, note),
  );
  if (back.lostAgain) return undefined;
  snapshot.serverDigest = fresh.digest;
  if (session.state.at !== "restoring") {
    await endUpstreamSession(connector, context);
    return abandoned;
  }
  const generation = session.state.generation + 1;
  const { signal } = session.state;
  if (connector.settings.recovery === "notify") snapshot.markNext = { signal, generation };
  const savedMs = connector.nowMs();
  const saved = await session.row.replaceGeneration(session, fresh.upstreamId, generation);
  noteStep(session, "saved", savedMs, {});
  if (saved === "stale") {
    void endUpstreamSession(connector, context);
    await yieldToOther(session);
    return { outcome: "overtaken" };
  }
  // Closed while the row was written; what is deleted behind it does not know the new id.
  if (!isWanted(session)) {
    await endUpstreamSession(connector, context);
    return abandoned;
  }
  session.upgraded = upgraded;
  session.restored(fresh.upstreamId, back.initialized);
  withdrawQuestions(session, generation - 1, session.announce);
  report(session, back, startedMs, signal);
  void announceChanges(session, context, back.refusedUris);
  return { outcome: "restored", protocolVersion: fresh.version };
}

function noteStep(session: UpstreamSession, step: RestoreStepNews["step"], startedMs: number, note: StepNote): void {
  const { connector, shortHash } = session;
  connector.watch?.restoreStep({ session: shortHash, step, startedMs, endedMs: connector.nowMs(), ...note });
}

function initializeNote(outcome: InitializeOutcome): StepNote {
  if (outcome.kind === "fresh") return { status: 200 };
  const { code, upstream } = outcome.trouble;
  return { status: upstream?.status, note: code };
}

function isWanted({ state }: UpstreamSession): boolean {
  return state.at === "restoring";
}

/** Another process restored or deleted the session first: what it stored counts. */
async function yieldToOther(session: UpstreamSession): Promise<void> {
  const row = await session.row.find();
  const stored = row === undefined ? undefined : decodeSnapshot(row.snapshot);
  if (row === undefined || stored === undefined) return session.close("client");
  // Ours are those of the session that this process opened in vain.
  const { serverVersion, serverDigest, cookies, staleCookies: stale, markNext } = stored.snapshot;
  Object.assign(session.snapshot, {
    serverVersion,
    serverDigest,
    ...(stale === undefined ? {} : { staleCookies: stale }),
  });
  if (cookies === undefined) delete session.snapshot.cookies;
  else session.snapshot.cookies = cookies;
  if (markNext === undefined) delete session.snapshot.markNext;
  else session.snapshot.markNext = markNext;
  session.dispatch(
    { type: "overtaken", generation: row.generation, upstreamId: stored.upstreamId },
    session.acceptedHeaders,
  );
}

/** True when the server can be reached again while somebody still waits. */
async function waitOut(session: UpstreamSession, trouble: Trouble, inVain: number): Promise<boolean> {
  const { availability } = session.connector;
  availability.failed(trouble.code, trouble.detail ?? "", trouble.upstream?.status);
  const deadlineMs = session.latestDeadlineMs;
  // Waiting brings no command into being.
  if (deadlineMs === undefined || trouble.final === true) return false;
  return (await availability.up(deadlineMs, inVain)) === "up" && session.state.at === "restoring";
}

/** A pause that those who wait can sit out: nothing of theirs has run. False if it is too long for all of them, or nobody needs the session any more. */
async function sitOut(
  session: UpstreamSession,
  pauseMs: number,
  pause: (forMs: number) => Promise<void>,
): Promise<boolean> {
  const { nowMs } = session.connector;
  // Whoever told of the loss begins to wait behind it.
  await new Promise((resolve) => setImmediate(resolve));
  const deadlineMs = session.latestDeadlineMs;
  if (deadlineMs === undefined || deadlineMs - nowMs() <= pauseMs) return false;
  await pause(pauseMs);
  return isWanted(session);
}

async function discard(
  connector: Connector,
  outcome: InitializeOutcome,
  headers: readonly string[],
): Promise<RestoreEnd> {
  if (outcome.kind === "fresh") {
    const { upstreamId, version, cookies } = outcome.fresh;
    await endUpstreamSession(connector, { headers, upstreamId, version, cookies });
  }
  return abandoned;
}

function report(session: UpstreamSession, back: PutBack, startedMs: number, signal: string): void {
  const { connector } = session;
  const elapsedMs = Math.round(connector.nowMs() - startedMs);
  const connectorName = connector.settings.name;
  connector.metrics.restored(connectorName, signal, elapsedMs);
  connector.log.event("info", "session restored", {
    connector: connectorName,
    session_id: session.shortHash,
    signal,
    generation: session.state.at === "operating" ? session.state.generation : 0,
    elapsed_ms: elapsedMs,
    steps: ["initialize", ...back.steps].join(", "),
  });
}

function fail(session: UpstreamSession, startedMs: number, error: ProxyError): RestoreEnd {
  const { connector } = session;
  connector.metrics.restoreFailed(connector.settings.name, error.code);
  connector.log.event("warn", "session not restored", {
    connector: connector.settings.name,
    session_id: session.shortHash,
    error_code: error.code,
    elapsed_ms: Math.round(connector.nowMs() - startedMs),
  });
  session.failed(error);
  return { outcome: "failed", code: error.code };
}

function named<T extends object>(connector: Connector, details: T): T & { readonly connector: string } {
  return { connector: connector.settings.name, ...details };
}

function explain(connector: Connector, trouble: Trouble, startedMs: number) {
  return named(connector, {
    tried: "initialize",
    waitedMs: Math.round(connector.nowMs() - startedMs),
    ...(trouble.detail === undefined ? {} : { note: trouble.detail }),
    ...(trouble.upstream === undefined ? {} : { upstream: trouble.upstream }),
  });
}
