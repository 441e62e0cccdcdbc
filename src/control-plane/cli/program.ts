// The command line: what can be typed, with its defaults and its help. Starts nothing itself.
import { Command, InvalidArgumentError, Option } from "commander";
import { bridgeDefaults } from "../../config/index.ts";
import { directory, hostAddress, mostMessageBytes, number, startSeconds, wholeNumber } from "./flag-values.ts";
import { hubHelp } from "./hub-verbs.ts";
import { addServe, type ServeFlags } from "./serve.ts";
import { type AddressFlags, addressOptions, type Typed } from "./server-address.ts";
import { type StreamFlags, streamFlagOptions } from "./stream-flags.ts";
import { isStdioSide, type SupergatewayFlags, supergatewayAddress, supergatewayOptions } from "./supergateway-flags.ts";

/** As commander gives them: what was typed, parsed value by value. */
export interface BridgeFlags extends AddressFlags, StreamFlags, SupergatewayFlags {
  readonly host: string;
  /** Undefined: not typed. */
  readonly port?: number;
  readonly dataDir?: string;
  readonly header: readonly string[];
  readonly headerFile?: string;
  readonly token?: string;
  readonly front: boolean;
  readonly allowedHost: readonly string[];
  readonly trustProxy: readonly string[];
  readonly principal: string;
  readonly adoptSessions: boolean;
  readonly recovery: "transparent" | "notify" | "strict";
  readonly recoveryWindow: number;
  readonly trusted: boolean;
  readonly maxBody: number;
  readonly maxMessage: number;
  readonly startTimeout: number;
  readonly maxSessions: number;
  readonly drainTimeout: number;
  readonly reconnectGrace: number;
  readonly idleTimeout: number;
  readonly logFormat?: "pretty" | "json" | "logfmt";
  readonly logFile?: string;
  readonly quiet: boolean;
  readonly name?: string;
}

export interface ChaosFlags {
  readonly port: number;
  readonly host: string;
  readonly resumable: boolean;
  readonly json: boolean;
}

/** What the verbs do; compose provides it. */
export interface Verbs {
  bridge(typed: Typed, flags: BridgeFlags): Promise<void>;
  stdio(typed: Typed, flags: BridgeFlags): Promise<void>;
  demo(flags: BridgeFlags): Promise<void>;
  chaos(flags: ChaosFlags): Promise<void>;
  serve(flags: ServeFlags): Promise<void>;
}

const examples = `
Examples:
  holdfast https://example.com/mcp                      keep that server's sessions alive for clients of this machine
  holdfast https://example.com/mcp --header 'Authorization: Bearer \${TOKEN}'
  holdfast http://127.0.0.1:3000/mcp --front --port 8080 --allowed-host mcp.example.com
                                                        stand between your edge and your own server
  holdfast -- npx -y @modelcontextprotocol/server-memory
                                                        a stdio server for clients of every transport
  holdfast stdio https://example.com/mcp                that server as a stdio process, for clients that start one
  holdfast                                              a demo: a faulty server, the proxy, and how to break it
  holdfast serve                                        the hub: many servers, a page, REST
  holdfast chaos --port 4748                            the faulty server alone

Exit codes: 0 ok, 1 usage, 3 sign-in needed (stdio), 4 cannot listen, start or reach the server.`;

/** What one may type before a command after --; all of `stdio` besides the server and its wire. */
const stdioFlags = new Set(
  "header header-file name recovery recovery-window trusted max-body max-message start-timeout drain-timeout log-format log-file quiet".split(
    " ",
  ),
);

/** `command`: what stood after --, taken off before. */
export function buildProgram(version: string, verbs: Verbs, command?: readonly string[]): Command {
  const program = new Command("holdfast")
    .description("An MCP proxy whose sessions never break: any MCP client, any MCP server.")
    .version(version)
    .usage("[options] [url | -- command args...]")
    .argument("[url]", "the server's MCP endpoint: http, https, ws or wss; without server, a demo starts")
    .addHelpText("after", hubHelp() + examples)
    .showHelpAfterError("(holdfast --help shows what can be typed)")
    .configureOutput({ outputError: (text, write) => write(withoutValues(text)) })
    // Otherwise the options of `chaos` that are named like ours would be taken for ours.
    .enablePositionalOptions();
  for (const option of [
    ...bridgeOptions(),
    ...serverOptions(),
    ...patienceOptions(),
    ...streamFlagOptions(),
    ...addressOptions(),
    ...supergatewayOptions(),
  ])
    program.addOption(option);
  program.action((url: string | undefined, flags: BridgeFlags) => {
    if (isStdioSide(flags)) return verbs.stdio({ url, command }, flags);
    const isDemo = url === undefined && command === undefined && supergatewayAddress(flags) === undefined;
    return isDemo ? verbs.demo(flags) : verbs.bridge({ url, command }, flags);
  });
  addStdio(program, verbs, command);
  addServe(program, (flags) => verbs.serve(flags));
  program
    .command("chaos")
    .description("a small MCP server that forgets, refuses, cuts and stalls when it is told to")
    .option("--port <number>", "port to listen on, 0 for any free one", wholeNumber(0, 65_535), 4748)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--resumable", "number the events and replay them on request", false)
    .option("--json", "answer with JSON instead of event streams", false)
    .action((flags: ChaosFlags) => verbs.chaos(flags));
  return program;
}

/** The flags that it has no use for keep their defaults. */
function addStdio(program: Command, verbs: Verbs, command: readonly string[] | undefined): void {
  const stdio = program
    .command("stdio")
    .description("the server as a stdio process, for clients that start one; sessions are kept in memory")
    .usage("[options] [url | -- command args...]")
    .argument("[url]", "the server's MCP endpoint: http, https, ws or wss");
  const all = [...bridgeOptions(), ...serverOptions()];
  const own = [...all.filter(({ long }) => stdioFlags.has(long?.slice(2) ?? "")), ...addressOptions()];
  const dataDir = dataDirOption("keep sessions there, so that they outlive a restart of the server's process");
  for (const option of [...own, dataDir]) stdio.addOption(option);
  stdio.action((url: string | undefined, flags: BridgeFlags) =>
    verbs.stdio({ url, command }, { ...program.opts<BridgeFlags>(), ...flags }),
  );
}

function bridgeOptions(): Option[] {
  const d = bridgeDefaults;
  return [
    new Option("--port <number>", `port to listen on, 0 for any free one (default: ${d.port})`).argParser(
      wholeNumber(0, 65_535),
    ),
    new Option("--host <address>", "address to listen on; beyond this machine only with --token or --front")
      .argParser(hostAddress)
      .default(d.host),
    new Option("--token <text>", "what clients must present as Authorization: Bearer").env("HOLDFAST_TOKEN"),
    new Option("--header <line>", "'Name: value' sent to the server, ${VAR} is filled in (repeatable)")
      .argParser(collect)
      .default([]),
    new Option("--header-file <path>", "file with one such header per line"),
    dataDirOption("where sessions outlive a restart (default: the platform's data directory)"),
    new Option("--name <text>", "the server's name in logs and errors (default: its host)"),
    new Option("--recovery <mode>", "what clients learn of a restored session")
      .choices(["transparent", "notify", "strict"])
      .default(d.recovery),
    new Option("--recovery-window <seconds>", "how long a request may wait for a server that is away")
      .argParser(number(0, 3_600))
      .default(d.recoveryWindowMs / 1_000),
    new Option("--trusted", "believe the server's tool annotations when deciding what may run twice").default(false),
    new Option("--front", "stand in front of your own server: its path, its OAuth, the client's credential").default(
      false,
    ),
    new Option("--allowed-host <name>", "a host name that clients may use, '*' for all (repeatable)")
      .argParser(collect)
      .default([]),
    new Option("--trust-proxy <cidr>", "a proxy whose X-Forwarded-* headers are believed (repeatable)")
      .argParser(collect)
      .default([]),
    new Option("--principal <rule>", "--front: whose a session is: jwt, authorization or header:NAME")
      .argParser(principal)
      .default(d.principal),
    new Option(
      "--adopt-sessions",
      "give a client that presents an unknown session id a new session under that id",
    ).default(false),
    new Option("--max-body <bytes>", "largest request body").argParser(wholeNumber(1, 2 ** 40)).default(d.maxBodyBytes),
    new Option("--max-sessions <number>", "most sessions at a time")
      .argParser(wholeNumber(1, 10_000_000))
      .default(d.maxSessions),
    new Option("--drain-timeout <seconds>", "how long a stop waits for calls in flight")
      .argParser(number(0, 3_600))
      .default(d.drainTimeoutMs / 1_000),
    new Option("--log-format <format>", "one line per request (default: pretty on a terminal, else json)").choices([
      "pretty",
      "json",
      "logfmt",
    ]),
    new Option("--log-file <path>", "append the log to a file instead of standard error"),
    new Option("--quiet", "log warnings and errors only").default(false),
  ];
}

function dataDirOption(description: string): Option {
  return new Option("--data-dir <path>", description).argParser(directory).env("HOLDFAST_DATA_DIR");
}

/** What is taken from a server that sends whole messages. */
function serverOptions(): Option[] {
  const d = bridgeDefaults;
  return [
    new Option("--max-message <bytes>", "largest message of a server on stdio, HTTP+SSE or WebSocket")
      .argParser(mostMessageBytes)
      .default(d.maxMessageBytes),
    new Option("--start-timeout <seconds>", "how long such a server may take to start and answer initialize")
      .argParser(startSeconds)
      .default(d.startTimeoutMs / 1_000),
  ];
}

/** How long what nobody uses is kept. */
function patienceOptions(): Option[] {
  const d = bridgeDefaults;
  return [
    new Option("--reconnect-grace <seconds>", "how long the session of an HTTP+SSE client whose stream broke is kept")
      .argParser(number(0, 86_400))
      .default(d.reconnectGraceMs / 1_000),
    new Option("--idle-timeout <seconds>", "after how long without use a session is ended on both sides")
      .argParser(number(1, 31_536_000))
      .default(d.idleTimeoutMs / 1_000),
  ];
}

/** What was typed by mistake may be a secret in the wrong place, and terminals are recorded. */
function withoutValues(text: string): string {
  return text.replace(/(unknown option '--?[^'=]*)=.*'/s, "$1'").replace(/(too many arguments[^:]*):.*/s, "$1.\n");
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function principal(text: string): string {
  if (text === "jwt" || text === "authorization" || /^header:[\w-]+$/.test(text)) return text;
  throw new InvalidArgumentError("It must be jwt, authorization or header:NAME.");
}
