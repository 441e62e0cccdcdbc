// Front mode: before Holdfast does anything on a caller's word alone (join a stream, end a session), the server is asked whether it takes the
// caller's credential. An unverified JWT is enough to name a session, and must not be enough to touch it.
import { ProxyError } from "../../errors/index.ts";
import { type Away, connectFault } from "./availability.ts";
import type { CallOutcome } from "./call-server.ts";
import { isRefusedSession, request } from "./restore.ts";
import { RestoreRefused } from "./restore-refused.ts";
import { wasHeard } from "./until-heard.ts";
import type { UpstreamSession } from "./upstream-session.ts";

/**
 * Returns once the server has answered a `ping` under this credential; a lost session is restored under it, which asks the same.
 * @throws RestoreRefused with the server's own answer; ProxyError if the server cannot be asked
 */
export async function assertAccepted(session: UpstreamSession, headers: readonly string[]): Promise<void> {
  const { connector } = session;
  // A bridge presents a credential of its own, the same for every client.
  if (!connector.settings.front) return;
  const deadlineMs = connector.nowMs() + connector.settings.recoveryWindowMs;
  for (let inVain = 0; ; ) {
    const lease = await session.ready(deadlineMs, headers);
    const outcome = await request(connector, session.context(lease.upstreamId, headers), "ping");
    if (outcome.kind === "lost" || !wasHeard(outcome)) {
      await waitOut(session, absence(outcome), deadlineMs, inVain++);
      continue;
    }
    if (isRefusedSession(outcome)) {
      session.lost(lease.generation, "session-not-found", headers);
      continue;
    }
    const { status, body } = outcome.facts;
    if (status >= 400) {
      const error = new ProxyError("AUTHORIZATION_REQUIRED", { connector: connector.settings.name, tried: "ping" });
      throw new RestoreRefused(error, { status, headers: outcome.headers, body }, headers);
    }
    session.acceptedHeaders = headers;
    return;
  }
}

/** What a ping met that reached no server, and so says nothing of the credential. */
function absence(outcome: CallOutcome): Pick<Away, "code" | "detail" | "status"> {
  if (outcome.kind === "lost") return connectFault(outcome.cause);
  const { status } = outcome.facts;
  return { code: "UPSTREAM_UNAVAILABLE", detail: `It answers ${status}.`, status };
}

async function waitOut(
  { connector }: UpstreamSession,
  { code, detail, status }: Pick<Away, "code" | "detail" | "status">,
  deadlineMs: number,
  inVain: number,
): Promise<void> {
  connector.availability.failed(code, detail, status);
  const outcome = await connector.availability.up(deadlineMs, inVain);
  if (outcome !== "up")
    throw new ProxyError(outcome.code, { connector: connector.settings.name, note: outcome.detail });
}
