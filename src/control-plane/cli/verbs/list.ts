// `holdfast list`: every connector with its status as it is known now. Asks no server.
import type { ConnectorView } from "../../api/schema.ts";
import { openHub } from "../hub/open-hub.ts";
import { ago, colourOf, table } from "../hub/terminal.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export async function list(flags: CommonFlags & { readonly names?: boolean }, context: VerbContext): Promise<void> {
  const { terminal, show, parts } = context;
  await using hub = await openHub(flags, flags.names === true ? { ...terminal, note: () => {} } : terminal, parts);
  const connectors = await hub.list();
  // For shell completion.
  if (flags.names === true) return connectors.forEach(({ name }) => terminal.out(name));
  show({ connectors }, () => (connectors.length === 0 ? "" : listed(connectors, context)));
  if (connectors.length === 0)
    terminal.note("There is no connector yet. Add one: holdfast add NAME URL, or holdfast add NAME -- command");
}

function listed(connectors: readonly ConnectorView[], { terminal }: VerbContext): string {
  const nowMs = Date.now();
  const rows = connectors.map(({ name, status, sessions, server }) => [
    name,
    status.kind,
    ago(status.since, nowMs),
    String(sessions),
    shownServer(server),
    status.kind === "connected" || status.kind === "disconnected" ? "" : status.summary,
  ]);
  return table([["NAME", "STATUS", "SINCE", "SESSIONS", "SERVER", ""], ...rows], (text, row, column) => {
    if (row === 0) return terminal.paint("dim", text);
    const view = connectors[row - 1];
    return column === 1 && view !== undefined ? terminal.paint(colourOf(view.status.kind), text) : text;
  });
}

export function shownServer(server: ConnectorView["server"]): string {
  return server.kind === "stdio" ? server.command : server.origin;
}
