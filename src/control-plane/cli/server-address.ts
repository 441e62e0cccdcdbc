// Where the server is, as it was typed: a URL, or a command after --. Says what is wrong in a sentence that names the flag.
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { Option } from "commander";
import { ConfigError, type ServerAddress } from "../../config/index.ts";

/** What stands on the command line besides flags. */
export interface Typed {
  readonly url: string | undefined;
  /** What came after --; undefined without one. */
  readonly command: readonly string[] | undefined;
}

/** mcp-remote's words for the same are taken as well. */
const transports = {
  auto: "auto",
  http: "http",
  sse: "sse",
  ws: "ws",
  stdio: "stdio",
  "http-first": "auto",
  "http-only": "http",
  "sse-first": "sse",
  "sse-only": "sse",
} as const;

export interface AddressFlags {
  readonly transport: keyof typeof transports;
  readonly env: readonly string[];
  readonly envFile?: string;
  readonly cwd?: string;
  readonly share: boolean;
  readonly allowHttp: boolean;
}

export function addressOptions(): Option[] {
  return [
    new Option("--transport <name>", "the server's: auto, http (Streamable HTTP), sse, ws or stdio")
      .choices(Object.keys(transports))
      .default("auto"),
    new Option("-e, --env <KEY=VALUE>", "for the server's process; KEY alone passes on ours (repeatable)")
      .argParser((value: string, before: readonly string[]) => [...before, value])
      .default([]),
    new Option("--env-file <path>", "file with one KEY=VALUE per line for the server's process"),
    new Option("--cwd <path>", "the directory that the server's process starts in"),
    new Option("--share", "one process for all sessions, where the server bears it (default: one for each)").default(
      false,
    ),
    new Option("--allow-http", "taken from mcp-remote; not needed, http:// URLs are served as they are")
      .default(false)
      .hideHelp(),
  ];
}

/** @throws ConfigError */
export function readAddress({ url, command }: Typed, flags: AddressFlags): ServerAddress {
  const transport = transports[flags.transport];
  if (url !== undefined && command !== undefined)
    throw new ConfigError("Give the server's URL, or after -- the command that starts it, not both.");
  if (command !== undefined) return readCommand(command, transport, flags);
  if (flags.env.length > 0 || flags.envFile !== undefined || flags.cwd !== undefined || flags.share)
    throw new ConfigError(
      "--env, --env-file, --cwd and --share are for a server that is started by a command after --.",
    );
  if (transport === "stdio") throw new ConfigError("--transport stdio needs the server's command after --.");
  return readUrl(url ?? "", transport);
}

function readCommand([command, ...args]: readonly string[], transport: string, flags: AddressFlags): ServerAddress {
  if (command === undefined || command === "")
    throw new ConfigError(
      "After -- comes the command that starts the server, for example: holdfast -- npx -y some-server.",
    );
  if (transport !== "auto" && transport !== "stdio")
    throw new ConfigError("A server that is started by a command is reached over stdio; leave --transport out.");
  const env = { ...(flags.envFile === undefined ? {} : readEnvFile(flags.envFile)), ...readEnv(flags.env) };
  return { kind: "stdio", command, args, env, cwd: flags.cwd, share: flags.share };
}

function readUrl(text: string, transport: "auto" | "http" | "sse" | "ws"): ServerAddress {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:", "ws:", "wss:"].includes(url.protocol)) {
    throw new ConfigError(
      "The server's URL must begin with http://, https://, ws:// or wss://, for example https://example.com/mcp. A command that starts the server comes after --.",
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new ConfigError(
      "Leave user name and password out of the URL; give --header 'Authorization: Basic ...' instead.",
    );
  }
  url.hash = "";
  const isWebSocket = url.protocol.startsWith("ws");
  if (isWebSocket && transport !== "auto" && transport !== "ws")
    throw new ConfigError(`--transport ${transport} needs a URL that begins with http:// or https://.`);
  if (isWebSocket) return { kind: "websocket", url };
  if (transport === "ws") throw new ConfigError("--transport ws needs a URL that begins with ws:// or wss://.");
  return { kind: "http", url, wire: ({ auto: "auto", http: "streamable-http", sse: "http-sse" } as const)[transport] };
}

/** Values are secret: a message names the variable, never what it holds. */
function readEnv(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const equals = text.indexOf("=");
      const name = equals < 0 ? text : text.slice(0, equals);
      if (!/^[^\s=\0]+$/.test(name))
        throw new ConfigError("--env must read KEY=VALUE, or KEY for one of Holdfast's own.");
      const value = equals < 0 ? process.env[name] : text.slice(equals + 1);
      if (value === undefined) throw new ConfigError(`--env ${name}: there is no such variable to pass on.`);
      return [name, value];
    }),
  );
}

function readEnvFile(path: string): Record<string, string> {
  try {
    return parseEnv(readFileSync(path, "utf8")) as Record<string, string>;
  } catch (error) {
    throw new ConfigError(`--env-file cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"}).`);
  }
}
