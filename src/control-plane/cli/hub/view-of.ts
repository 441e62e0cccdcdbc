// A stored connector as the API would show it while no hub runs: nothing of its address but what may be seen, and the plain truth about its status.

import { hubDefaults } from "../../../config/index.ts";
import { type ConnectorRecord, optionsInForce } from "../../../connectors/index.ts";
import type { SignInFacts } from "../../../credentials/index.ts";
import { catalog, printable } from "../../../errors/index.ts";
import type { ConnectorView, ServerView, SignInView } from "../../api/schema.ts";

/** Where a hub listens unless it is told otherwise. */
export const defaultHubUrl = `http://${hubDefaults.host}:${hubDefaults.port}`;

export function viewOf(record: ConnectorRecord, signIn?: SignInFacts): ConnectorView {
  const { name, id, spec, wanted, generation, createdAtMs, changedAtMs } = record;
  const since = new Date(changedAtMs).toISOString();
  const endpoint = `${defaultHubUrl}/c/${name}`;
  return {
    name,
    id,
    server: serverView(spec.server),
    headerNames: Object.keys(spec.headers),
    options: optionsInForce(spec),
    source: spec.source,
    wanted,
    generation,
    createdAt: new Date(createdAtMs).toISOString(),
    changedAt: since,
    endpoints: { mcp: `${endpoint}/mcp`, sse: `${endpoint}/sse`, ws: `${endpoint.replace("http", "ws")}/ws` },
    status: {
      kind: "disconnected",
      since,
      summary: wanted === "connected" ? "Wanted, but no hub runs." : "Disconnected, and no hub runs.",
      ...(wanted === "connected" ? { action: "Start the hub with holdfast serve." } : {}),
    },
    ...(signIn === undefined ? {} : { signIn: signInViewOf(signIn) }),
    sessions: 0,
    keepsBodies: false,
  };
}

function signInViewOf({ issuer, sinceMs, subject, scope, expiresAtMs, isRenewable, trouble }: SignInFacts): SignInView {
  return {
    issuer,
    since: new Date(sinceMs).toISOString(),
    ...(subject === undefined ? {} : { subject: printable(subject, 100) }),
    ...(scope === undefined ? {} : { scope: printable(scope, 300) }),
    ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
    isRenewable,
    ...(trouble && {
      trouble: {
        code: trouble.code,
        at: new Date(trouble.atMs).toISOString(),
        sentence: `${catalog[trouble.code].summary} ${trouble.note ?? ""}`.trim(),
      },
    }),
  };
}

function serverView(server: ConnectorRecord["spec"]["server"]): ServerView {
  if (server.kind === "stdio") {
    const command = server.command.split(/[/\\]/).at(-1) ?? "";
    return {
      kind: "stdio",
      command,
      argCount: server.args.length,
      envNames: Object.keys(server.env),
      share: server.share,
    };
  }
  const origin = URL.canParse(server.url) ? new URL(server.url).origin : "(from a variable)";
  return server.kind === "http" ? { kind: "http", origin, wire: server.wire } : { kind: "websocket", origin };
}
