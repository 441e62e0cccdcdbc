// `holdfast import FILE|CLIENT`: the servers of a config file become connectors. Each command is shown before it is taken.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError } from "../../../config/index.ts";
import { type ConnectorEntry, connectorName, readServers } from "../../../config/servers/index.ts";
import { ProxyError } from "../../../errors/index.ts";
import { exitCodes } from "../hub/exit-codes.ts";
import { dataDirOf, findRunning } from "../hub/open-hub.ts";
import { openLocalStore } from "../hub/store-client.ts";
import type { Terminal } from "../hub/terminal.ts";
import { specOf } from "./add.ts";
import { findClientFile } from "./client-files.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export interface ImportFlags extends CommonFlags {
  readonly only: readonly string[];
  readonly replace?: boolean;
  readonly dryRun?: boolean;
}

interface Imported {
  /** As in the file. */
  readonly from: string;
  readonly name: string;
  readonly outcome: "added" | "replaced" | "exists" | "would-add";
  readonly notes: readonly string[];
}

export async function importServers(
  what: string,
  flags: ImportFlags,
  { terminal, show }: VerbContext,
): Promise<number> {
  const file = resolve(findClientFile(what) ?? what);
  const entries = chosen(readServers(readFile(file), file), flags.only, file);
  terminal.note(`Reading ${file}.`);
  for (const entry of entries) terminal.note(described(entry));
  const imported = flags.dryRun === true ? entries.map(wouldAdd) : await write(entries, file, flags, terminal);
  show({ file, imported }, () =>
    imported.map(({ name, outcome, notes }) => [`${name}: ${outcome}`, ...notes].join("; ")).join("\n"),
  );
  if (imported.length === 0) terminal.note("There is no server in it.");
  const taken = imported.filter(({ outcome }) => outcome === "exists");
  if (taken.length > 0) terminal.note("What exists was left alone; --replace overwrites it.");
  return taken.length > 0 ? exitCodes.refused : exitCodes.ok;
}

async function write(
  entries: readonly ConnectorEntry[],
  file: string,
  { replace, ...flags }: ImportFlags,
  terminal: Terminal,
): Promise<readonly Imported[]> {
  const dataDir = dataDirOf(flags);
  const running = await findRunning(dataDir);
  await using store = await openLocalStore(dataDir);
  const imported: Imported[] = [];
  for (const entry of entries) {
    const { from, name, notes } = wouldAdd(entry);
    const { server, headers, options } = specOf(entry, {});
    const spec = { server, headers, options, file, source: "store", from: "machine" } as const;
    const wanted = entry.disabled ? "disconnected" : "connected";
    const outcome = await store.connectors.add({ name, spec, wanted }).then(
      () => "added" as const,
      async (error: unknown) => {
        if (!(error instanceof ProxyError) || error.code !== "CONNECTOR_EXISTS") throw error;
        if (replace !== true) return "exists" as const;
        const kept = (await store.connectors.get(name)).spec.options;
        const changed = { server, headers, options: { ...kept, ...entry.options }, from: "machine" } as const;
        await store.connectors.edit(name, changed);
        return "replaced" as const;
      },
    );
    imported.push({ from, name, outcome, notes });
  }
  if (running === undefined) terminal.note(`Written to the store in ${dataDir}; no hub runs.`);
  else {
    await running.reload();
    terminal.note(`Written to the store, and taken up by ${running.where}.`);
  }
  return imported;
}

function wouldAdd(entry: ConnectorEntry): Imported {
  const name = connectorName(entry.name);
  const notes = [
    ...(name === entry.name ? [] : [`named ${JSON.stringify(entry.name)} in the file`]),
    ...entry.notes,
    ...(Object.keys(entry.unknown).length === 0 ? [] : [`not used here: ${Object.keys(entry.unknown).join(", ")}`]),
    ...(entry.disabled ? ["disconnected, as the file says"] : []),
  ];
  return { from: entry.name, name, outcome: "would-add", notes };
}

function chosen(entries: readonly ConnectorEntry[], only: readonly string[], file: string): readonly ConnectorEntry[] {
  const names = entries.map(({ name }) => name);
  const missing = only.find((name) => !names.includes(name));
  if (missing !== undefined)
    throw new ConfigError(`${file} has no server ${JSON.stringify(missing)}; it has ${names.join(", ") || "none"}.`);
  const wanted = only.length === 0 ? entries : entries.filter(({ name }) => only.includes(name));
  const doubled = wanted.map(({ name }) => connectorName(name)).find((name, at, all) => all.indexOf(name) !== at);
  if (doubled !== undefined)
    throw new ConfigError(`Two servers of ${file} would both be named ${doubled}. Rename one.`);
  return wanted;
}

/** The whole command, but no value of a variable and no path of a URL. */
function described({ name, server }: ConnectorEntry): string {
  if (server.kind !== "stdio")
    return `  ${name}: ${server.kind} at ${URL.parse(server.url)?.origin ?? "a URL with variables"}`;
  const names = [...Object.keys(server.env), ...(server.envFile === undefined ? [] : [`the file ${server.envFile}`])];
  const env = names.length === 0 ? "" : ` (with ${names.join(", ")})`;
  return `  ${name}: runs ${[server.command, ...server.args].map((word) => JSON.stringify(word)).join(" ")}${env}`;
}

function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code = "unknown reason" } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${file} cannot be read (${code}).`);
  }
}
