// `holdfast export NAME --for CLIENT`: what to paste into a client so that it reaches the connector through the hub.
import { realpathSync } from "node:fs";
import { type ExportClient, type Exported, exportClients, exportFor } from "../../../config/servers/index.ts";
import { openHub } from "../hub/open-hub.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export { exportClients };

export interface ExportFlags extends CommonFlags {
  readonly for: ExportClient;
  readonly as?: "entry" | "command";
}

/** The variable in which clients of a hub that asks for a token find it. */
const tokenVariable = "HOLDFAST_TOKEN";
/** These take a command in a shell, which is the least work. */
const byCommand: ReadonlySet<ExportClient> = new Set(["claude-code", "codex"]);

export async function exportConnector(
  name: string,
  flags: ExportFlags,
  { terminal, show, parts }: VerbContext,
): Promise<void> {
  await using hub = await openHub(flags, terminal, parts);
  const { endpoints } = await hub.get(name);
  const needsToken = hub.url !== undefined && (await hub.settings()).clientsNeedToken;
  if (hub.url === undefined) terminal.note("The URL is that of a hub that is started without --port.");
  const exported = exportFor(flags.for, {
    name,
    url: endpoints.mcp,
    tokenVariable: needsToken ? tokenVariable : undefined,
    launcher: { command: process.execPath, args: [realpathSync(process.argv[1] ?? "")] },
  });
  if (needsToken) terminal.note(`Clients of this hub need a token, which they read from ${tokenVariable}.`);
  const { command, entry, file } = exported;
  const isCommand =
    command !== undefined && (flags.as === "command" || (flags.as === undefined && byCommand.has(flags.for)));
  if (!isCommand) terminal.note(`For ${file}:`);
  show(exported satisfies Exported, () => (isCommand ? command : entry));
}
