// `--adopt-sessions`: a client that kept an id nobody knows any more, and never initializes again, gets a new session under that id (field report B).
import { ProxyError } from "../../errors/index.ts";
import type { ClientSessionId } from "../../protocol/index.ts";
import type { ClientExchange } from "../relay/index.ts";
import { initializeAnew, notify, type SessionManager, type Snapshot, type UpstreamSession } from "../session/index.ts";

/** The oldest revision of this transport: what a client that names none is taken to speak (transports, "Protocol Version Header"). */
const assumedVersion = "2025-03-26";

/** @throws ProxyError of the failed initialize, or TOO_MANY_SESSIONS */
export async function adoptSession(
  sessions: SessionManager,
  id: ClientSessionId,
  principal: string,
  exchange: ClientExchange,
): Promise<UpstreamSession> {
  sessions.assertRoom();
  const { connector } = sessions;
  const clientVersion = exchange.protocolVersion ?? assumedVersion;
  const initialize = JSON.stringify({
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    // What the client can do is not known, so nothing optional is promised on its behalf.
    params: {
      protocolVersion: clientVersion,
      capabilities: {},
      clientInfo: { name: "holdfast-adopted", version: "1" },
    },
  });
  const outcome = await initializeAnew(connector, initialize, exchange.headers);
  if (outcome.kind !== "fresh") {
    const { code, detail, upstream } = outcome.trouble;
    throw new ProxyError(code, { connector: connector.settings.name, tried: "initialize", note: detail, upstream });
  }
  const { fresh } = outcome;
  const snapshot: Snapshot = {
    initialize,
    clientVersion,
    serverVersion: fresh.version,
    serverDigest: fresh.digest,
    announces: fresh.announces,
    initialized: true,
    stream: false,
    subscriptions: [],
    lists: {},
    ...(fresh.cookies === undefined ? {} : { cookies: fresh.cookies }),
  };
  const session = await sessions.open(principal, snapshot, fresh.upstreamId, id);
  await notify(connector, session.context(fresh.upstreamId, exchange.headers), "notifications/initialized");
  connector.log.event("warn", "session adopted", { connector: connector.settings.name, session_id: session.shortHash });
  return session;
}
