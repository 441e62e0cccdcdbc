// `holdfast sessions NAME`, `sessions break` and `sessions end`: the sessions of a connector, and the proof that a lost one heals.
import type { SessionView } from "../../api/schema.ts";
import { exitCodes, VerbError } from "../hub/exit-codes.ts";
import type { HubClient } from "../hub/hub-client.ts";
import { openHub } from "../hub/open-hub.ts";
import { ago, table } from "../hub/terminal.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export async function listSessions(name: string, flags: CommonFlags, context: VerbContext): Promise<void> {
  const { terminal, show, parts } = context;
  await using hub = await openHub(flags, terminal, parts, "hub");
  const sessions = await hub.sessions(name);
  show({ sessions }, () => (sessions.length === 0 ? "" : listed(sessions, context)));
  if (sessions.length === 0) terminal.note(`${name} has no session. One begins when a client connects.`);
}

/** Without `session`, the one that there is. */
export async function breakSession(
  name: string,
  session: string | undefined,
  flags: CommonFlags,
  { terminal, show, parts }: VerbContext,
): Promise<void> {
  await using hub = await openHub(flags, terminal, parts, "hub");
  const broken = await hub.breakSession(name, session ?? (await onlySession(hub, name)));
  show(
    broken,
    () => `The next request of session ${broken.session} carries an id that the server does not know.
Call a tool, and see it heal: holdfast logs ${name}`,
  );
}

export async function endSession(
  name: string,
  session: string,
  flags: CommonFlags,
  { terminal, show, parts }: VerbContext,
): Promise<void> {
  await using hub = await openHub(flags, terminal, parts, "hub");
  await hub.endSession(name, session);
  show({ ended: session }, () => `Ended session ${session} on both sides.`);
}

async function onlySession(hub: HubClient, name: string): Promise<string> {
  const sessions = (await hub.sessions(name)).filter(({ status }) => status === "operating");
  const [only, ...more] = sessions;
  if (only === undefined) throw new VerbError(`${name} has no session in use to break.`, exitCodes.notFound);
  if (more.length > 0)
    throw new VerbError(
      `${name} has ${sessions.length} sessions: name one of ${sessions.map(({ session }) => session).join(", ")}.`,
      exitCodes.usage,
    );
  return only.session;
}

function listed(sessions: readonly SessionView[], { terminal }: VerbContext): string {
  const nowMs = Date.now();
  const head = ["SESSION", "STATUS", "CLIENT", "USER", "PROTOCOL", "OPENED", "SEEN", "GENERATION", "IN FLIGHT"];
  const rows = sessions.map((one) => [
    one.session,
    one.broken ? `${one.status}, broken` : one.status,
    [one.clientName, one.clientVersion].filter((part) => part !== undefined).join(" "),
    one.user,
    one.protocolVersion,
    `${ago(one.openedAt, nowMs)} ago`,
    `${ago(one.lastSeenAt, nowMs)} ago`,
    String(one.generation),
    String(one.inFlight),
  ]);
  return table([head, ...rows], (text, row) => (row === 0 ? terminal.paint("dim", text) : text));
}
