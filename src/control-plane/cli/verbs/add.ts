// `holdfast add`, `add-json` and `edit`: a connector as it is typed here. It is written to the store directly, as only whoever runs the hub can.
import { ConfigError, connectorDefaults } from "../../../config/index.ts";
import { type ConnectorEntry, readServers } from "../../../config/servers/index.ts";
import type { ConnectorSpec } from "../../../connectors/index.ts";
import { connectorNameSchema } from "../../api/schema.ts";
import { writeConnector } from "../hub/write-connector.ts";
import { described } from "./get.ts";
import { readHeaders, readServer, type ServerFlags, type TypedServer } from "./read-server.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export interface AddFlags extends CommonFlags, ServerFlags {
  readonly trusted?: boolean;
  readonly recovery?: "transparent" | "notify" | "strict";
  /** Seconds. */
  readonly recoveryWindow?: number;
  readonly maxMessage?: number;
  /** Seconds. */
  readonly startTimeout?: number;
  readonly disconnected?: boolean;
  readonly scope?: string;
}

type OptionFlags = Pick<AddFlags, "trusted" | "recovery" | "recoveryWindow" | "maxMessage" | "startTimeout">;

export async function add(
  name: string,
  words: readonly string[],
  flags: AddFlags,
  context: VerbContext,
): Promise<void> {
  if (flags.scope !== undefined)
    context.terminal.note("--scope has no meaning here: the hub serves all projects of this user.");
  await write(name, readServer(words, flags), flags, context);
}

/** The JSON is one entry of a config file, as `claude mcp add-json` takes it. */
export async function addJson(name: string, json: string, flags: AddFlags, context: VerbContext): Promise<void> {
  const [entry, ...more] = readServers(`{"mcpServers":{${JSON.stringify(name)}:\n${json}}}`, "JSON");
  if (entry === undefined || more.length > 0)
    throw new ConfigError('The JSON must be one server, such as {"url": "https://example.com/mcp"}.');
  for (const note of entry.notes) context.terminal.note(note);
  await write(name, entry, { ...flags, disconnected: flags.disconnected ?? entry.disabled }, context);
}

async function write(
  name: string,
  typed: TypedServer,
  flags: AddFlags,
  { terminal, show }: VerbContext,
): Promise<void> {
  checkName(name);
  const wanted = flags.disconnected === true ? "disconnected" : "connected";
  const view = await writeConnector(flags, terminal, (connectors) =>
    connectors.add({ name, spec: specOf(typed, flags), wanted }),
  );
  show(view, () => described(view, terminal));
}

/** What is not given stays as it is. */
export async function edit(
  name: string,
  words: readonly string[],
  flags: AddFlags,
  { terminal, show }: VerbContext,
): Promise<void> {
  const typed = words.length > 0 ? readServer(words, flags) : undefined;
  const view = await writeConnector(flags, terminal, async (connectors) => {
    const { spec, generation } = await connectors.get(name);
    const headers = typed === undefined && flags.header.length > 0 ? readHeaders(flags.header) : undefined;
    if (headers !== undefined && spec.server.kind === "stdio")
      throw new ConfigError("--header is for URLs; a command takes --env.");
    const options = { ...spec.options, ...optionsOf(flags) };
    const change = { options, from: "machine" as const, ...(headers === undefined ? {} : { headers }) };
    return connectors.edit(name, { ...change, ...pick(typed) }, generation);
  });
  show(view, () => described(view, terminal));
}

export function checkName(name: string): void {
  const read = connectorNameSchema.safeParse(name);
  if (!read.success) throw new ConfigError(read.error.issues[0]?.message ?? "The name cannot be used.");
}

export function specOf(
  { server, headers, options: read = {} }: TypedServer & Partial<Pick<ConnectorEntry, "options">>,
  flags: OptionFlags,
): ConnectorSpec {
  const { trusted, recovery, recoveryWindowMs, maxSessions, idleTimeoutMs } = connectorDefaults;
  const options = { trusted, recovery, recoveryWindowMs, maxSessions, idleTimeoutMs, ...read, ...optionsOf(flags) };
  return { server, headers, options, source: "store", from: "machine" };
}

function pick(typed: TypedServer | undefined): Partial<TypedServer> {
  return typed === undefined ? {} : { server: typed.server, headers: typed.headers };
}

function optionsOf(flags: OptionFlags): Partial<ConnectorSpec["options"]> {
  const { trusted, recovery, recoveryWindow, maxMessage, startTimeout } = flags;
  return {
    ...(trusted === undefined ? {} : { trusted }),
    ...(recovery === undefined ? {} : { recovery }),
    ...(recoveryWindow === undefined ? {} : { recoveryWindowMs: recoveryWindow * 1_000 }),
    ...(maxMessage === undefined ? {} : { maxMessageBytes: maxMessage }),
    ...(startTimeout === undefined ? {} : { startTimeoutMs: startTimeout * 1_000 }),
  };
}
