// Moves one live session to a new server before the old one goes: nothing is lost, so nobody waits. What runs on the old one finishes there.
import { announceChanges } from "./announce-changes.ts";
import { endUpstreamSession, type Fresh, initializeAnew } from "./initialize.ts";
import { putBack } from "./restore.ts";
import type { UpstreamSession } from "./upstream-session.ts";

/** `left`: it is being restored, or was ended, and needs no move. */
export type Moved = "moved" | "left" | "failed";

/** Never rejects. */
export async function moveSession(session: UpstreamSession): Promise<Moved> {
  try {
    return await move(session);
  } catch (error) {
    const { log, settings } = session.connector;
    log.event("error", "session not moved", { connector: settings.name, reason: String(error) });
    return "failed";
  }
}

async function move(session: UpstreamSession): Promise<Moved> {
  const { connector, snapshot, state } = session;
  if (state.at !== "operating" || state.upstreamId === undefined) return "left";
  const { generation, upstreamId: oldId } = state;
  const headers = session.acceptedHeaders;
  const outcome = await initializeAnew(connector, snapshot.initialize, headers);
  if (outcome.kind !== "fresh") {
    const { code } = outcome.trouble;
    connector.log.event("warn", "session not moved", { connector: connector.settings.name, error_code: code });
    return "failed";
  }
  const { fresh } = outcome;
  const context = { headers, upstreamId: fresh.upstreamId, version: fresh.version, cookies: fresh.cookies };
  const discard = (): Moved => {
    void endUpstreamSession(connector, context);
    return "left";
  };
  const back = await putBack(connector, snapshot, context, session.openStream);
  if (back.lostAgain || fresh.upstreamId === undefined || !isStill(session, generation)) return discard();
  // What is sent until the row is written still goes to the old server, with what that one gave.
  const { cookies: _old, ...kept } = snapshot;
  const moved = { ...kept, ...factsOf(fresh) };
  const written = { state, snapshot: moved, lastSeenAtMs: session.lastSeenAtMs };
  if ((await session.row.replaceGeneration(written, fresh.upstreamId, generation + 1)) === "stale") return discard();
  // Lost or ended while the row was written: whoever restores it writes another.
  if (!isStill(session, generation)) return discard();
  session.upgraded = fresh.digest !== snapshot.serverDigest;
  delete snapshot.cookies;
  Object.assign(snapshot, factsOf(fresh));
  session.moved(generation, fresh.upstreamId, back.initialized);
  connector.transport.retire?.(oldId, fresh.upstreamId);
  void announceChanges(session, context, back.refusedUris);
  return "moved";
}

function factsOf({ version, digest, cookies }: Fresh) {
  return { serverVersion: version, serverDigest: digest, ...(cookies === undefined ? {} : { cookies }) };
}

function isStill({ state }: UpstreamSession, generation: number): boolean {
  return state.at === "operating" && state.generation === generation;
}
