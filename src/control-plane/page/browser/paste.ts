// The line or entry by which a client program uses a connector: what `holdfast export` prints, chosen for a page. Pure; holds no secret.
import { exportFor } from "../../../config/servers/export-entry.ts";
import type { ConnectorView } from "../../api/schema.ts";

export const clientNames = {
  "claude-code": "Claude Code",
  cursor: "Cursor",
  vscode: "VS Code",
  codex: "Codex",
} as const;

export type ClientName = keyof typeof clientNames;

export interface Paste {
  /** Where it goes. */
  readonly before: string;
  readonly text: string;
  /** Opens the client and adds the connector there. */
  readonly link?: string;
}

export function pasteFor(
  client: ClientName,
  { name, endpoints }: Pick<ConnectorView, "name" | "endpoints">,
  needsToken: boolean,
): Paste {
  const { file, entry, command } = exportFor(client, {
    name,
    url: endpoints.mcp,
    tokenVariable: needsToken ? "HOLDFAST_TOKEN" : undefined,
    // Only for clients that start programs, which are not among these.
    launcher: { command: "holdfast", args: [] },
  });
  if (command === undefined || client === "cursor") {
    return { before: `In ${file}:`, text: entry.trim(), ...(command !== undefined && { link: command }) };
  }
  return { before: "In a shell:", text: command };
}
