// `--adopt-sessions`: a client that kept an id nobody knows any more, and never initializes again, gets a new session under that id (field report B).
import { ProxyError } from "../../errors/index.ts";
import type { ClientSessionId } from "../../protocol/index.ts";
import type { ClientExchange } from "../relay/index.ts";
import {
  type Fresh,
  initializeAnew,
  isCredentialRefusal,
  notify,
  RestoreRefused,
  type SessionManager,
  staleCookies,
  type UpstreamSession,
} from "../session/index.ts";

/** The oldest revision of this transport: what a client that names none is taken to speak (transports, "Protocol Version Header"). */
const assumedVersion = "2025-03-26";

/**
 * The session of this id and this principal; requests that come at once share one opening.
 * @throws RestoreRefused with the server's own refusal (front mode), ProxyError of the failed initialize, or TOO_MANY_SESSIONS
 */
export async function adoptSession(
  sessions: SessionManager,
  id: ClientSessionId,
  principal: string,
  exchange: ClientExchange,
): Promise<UpstreamSession> {
  for (;;) {
    try {
      return await sessions.adopt(id, principal, () => open(sessions, id, principal, exchange));
    } catch (error) {
      // Another request's credential was refused; ours has not been tried.
      if (error instanceof RestoreRefused && error.isOfAnother(exchange.headers)) continue;
      throw error;
    }
  }
}

async function open(
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
  const { upstreamId, version, digest, announces, cookies } = await initializeOrWait(sessions, initialize, exchange);
  const snapshot = {
    initialize,
    clientVersion,
    serverVersion: version,
    serverDigest: digest,
    announces,
    initialized: true,
    stream: false,
    subscriptions: [],
    lists: {},
    ...(cookies === undefined
      ? {}
      : { cookies, ...(connector.settings.front ? { staleCookies: staleCookies(undefined, exchange.headers) } : {}) }),
  };
  const session = await sessions.open(principal, snapshot, upstreamId, id);
  session.acceptedHeaders = exchange.headers;
  await notify(connector, session.context(upstreamId, exchange.headers), "notifications/initialized");
  noteAdopted(session, exchange.requestId);
  return session;
}

/** One line each time, whether the client went on as if nothing had happened or initialized under the id that it has. */
export function noteAdopted({ connector, shortHash, principal }: UpstreamSession, requestId: string): void {
  connector.log.event("warn", "session adopted", {
    connector: connector.settings.name,
    session_id: shortHash,
    user_id: principal.slice(0, 12),
    request_id: requestId,
  });
}

/** Nothing has run, so a server that is away is waited for. */
async function initializeOrWait(
  { connector }: SessionManager,
  initialize: string,
  { headers }: ClientExchange,
): Promise<Fresh> {
  const { settings, availability, nowMs } = connector;
  const deadlineMs = nowMs() + settings.recoveryWindowMs;
  for (let inVain = 0; ; ) {
    const outcome = await initializeAnew(connector, initialize, headers);
    if (outcome.kind === "fresh") {
      availability.answered();
      return outcome.fresh;
    }
    const { code, detail, upstream, final } = outcome.trouble;
    const error = new ProxyError(code, { connector: settings.name, tried: "initialize", note: detail, upstream });
    if (outcome.kind === "away") {
      availability.failed(code, detail ?? "", upstream?.status);
      if (final !== true && (await availability.up(deadlineMs, inVain++)) === "up") continue;
      throw error;
    }
    const refusal = outcome.kind === "failed" ? outcome.refusal : undefined;
    if (settings.front && refusal !== undefined && isCredentialRefusal(refusal.status))
      throw new RestoreRefused(error, refusal, headers);
    throw error;
  }
}
