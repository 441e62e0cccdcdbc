// `holdfast serve`: its options, how they are read, and what is printed at its start. Starts nothing itself.
import { type Command, Option } from "commander";
import { defaultDataDir, type HubOptions, hubDefaults } from "../../config/index.ts";
import { hostAddress } from "./flag-values.ts";
import type { BridgeFlags } from "./program.ts";

/** Options of the bridge that a hub has as well, by their long names. */
const shared: ReadonlySet<string> = new Set(
  "--port --data-dir --allowed-host --trust-proxy --max-body --drain-timeout --reconnect-grace --log-format --log-file --quiet".split(
    " ",
  ),
);

export interface ServeFlags
  extends Pick<
    BridgeFlags,
    | "port"
    | "host"
    | "dataDir"
    | "allowedHost"
    | "trustProxy"
    | "maxBody"
    | "drainTimeout"
    | "reconnectGrace"
    | "logFormat"
    | "logFile"
    | "quiet"
  > {
  readonly config?: string;
  readonly allowStdioOverApi: boolean;
  readonly allowPrivateAddresses: readonly string[];
  readonly requireToken: boolean;
  readonly demo: boolean;
}

const examples = `
Examples:
  holdfast serve                              many servers behind one port, each at /c/NAME/mcp, and a page to manage them
  holdfast add memory -- npx -y @modelcontextprotocol/server-memory
  holdfast serve --host 0.0.0.0 --allowed-host hub.example.com
                                              for others as well: each client then needs a token (made on the page)`;

export function addServe(program: Command, serve: (flags: ServeFlags) => Promise<void>): void {
  const command = program
    .command("serve")
    .description("the hub: many connectors behind one port, with a page, REST and metrics")
    .addHelpText("after", examples);
  const collect = (value: string, before: readonly string[]): string[] => [...before, value];
  for (const option of program.options) if (shared.has(option.long ?? "")) command.addOption(option);
  const host = new Option("--host <address>", "address to listen on; beyond this machine each client needs a token");
  command.addOption(host.argParser(hostAddress).default(hubDefaults.host));
  command
    .option("--config <file>", "keep connectors in this file, which is followed (mcpServers or servers)")
    .option("--allow-stdio-over-api", "take programs to run, and variables, over REST and from the page", false)
    .option(
      "--allow-private-addresses <cidr>",
      "a range that connectors added over REST may lead to (repeatable)",
      collect,
      [],
    )
    .option("--require-token", "ask clients for a token on this machine too", false)
    .option("--no-demo", "begin a new data directory without the demo connector")
    .action((flags: ServeFlags) => serve(flags));
}

export function readServeFlags(flags: ServeFlags, version: string, logIsTerminal: boolean): HubOptions {
  return {
    ...hubDefaults,
    version,
    host: flags.host,
    port: flags.port ?? hubDefaults.port,
    dataDir: flags.dataDir ?? defaultDataDir(),
    configFile: flags.config,
    allowedHosts: flags.allowedHost,
    trustedProxies: flags.trustProxy,
    maxBodyBytes: flags.maxBody ?? hubDefaults.maxBodyBytes,
    drainTimeoutMs: flags.drainTimeout * 1_000,
    reconnectGraceMs: flags.reconnectGrace * 1_000,
    logFormat: flags.logFormat ?? (logIsTerminal && flags.logFile === undefined ? "pretty" : "json"),
    logTo: flags.logFile ?? hubDefaults.logTo,
    quiet: flags.quiet,
    allowStdioOverApi: flags.allowStdioOverApi,
    allowPrivateAddresses: flags.allowPrivateAddresses,
    requireToken: flags.requireToken,
    demo: flags.demo,
  };
}

/** The first line is fixed: `Hub: URL`. */
export function serveText(url: string, loginUrl: string, connectors: readonly string[]): string {
  const endpoints = connectors.map((name) => `  ${name.padEnd(16)} ${url}/c/${name}/mcp\n`).join("");
  const first = connectors[0] ?? "NAME";
  return `Hub: ${url}
Page:  ${loginUrl}   (this link serves once, within ten minutes)
${connectors.length === 0 ? "No connectors yet: holdfast add NAME URL\n" : `Connectors:\n${endpoints}`}Claude Code:  claude mcp add --transport http ${first} ${url}/c/${first}/mcp
`;
}
