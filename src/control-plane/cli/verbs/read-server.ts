// What is typed behind `add NAME`, as a server: a URL, or a command with its arguments. Says what does not go together.
import { ConfigError } from "../../../config/index.ts";
import { type Resolved, readServerUrl, resolveConnector, type WrittenServer } from "../../../config/servers/index.ts";

export interface ServerFlags {
  readonly transport?: string;
  readonly header: readonly string[];
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly share?: boolean;
}

export interface TypedServer {
  readonly server: WrittenServer;
  readonly headers: Readonly<Record<string, string>>;
}

type Wire = Extract<WrittenServer, { kind: "http" }>["wire"];

const wires: Readonly<Record<string, Wire>> = {
  http: "auto",
  auto: "auto",
  streamablehttp: "streamable-http",
  sse: "http-sse",
  httpsse: "http-sse",
};

const example = "holdfast add NAME URL, or holdfast add NAME -- command";

/** @throws ConfigError */
export function readServer(words: readonly string[], flags: ServerFlags): TypedServer {
  const [first = "", ...args] = words;
  const transport = flags.transport?.toLowerCase().replaceAll(/[-_]/g, "");
  const isUrl = /^(?:https?|wss?):\/\//i.test(first);
  if (first === "") throw new ConfigError(`A URL or a command is missing: ${example}`);
  if (transport === "stdio" || (transport === undefined && !isUrl)) return readCommand(first, args, flags);
  if (args.length > 0) throw new ConfigError("Behind a URL nothing else is expected; a command stands behind --.");
  if ((flags.env ?? []).length > 0 || flags.cwd !== undefined || flags.share === true)
    throw new ConfigError("--env, --cwd and --share are for commands; a URL takes --header.");
  const headers = readHeaders(flags.header);
  if (transport === "ws" || transport === "websocket" || (transport === undefined && /^ws/i.test(first))) {
    checkUrl(first, "websocket");
    return { server: { kind: "websocket", url: first }, headers };
  }
  const wire = wires[transport ?? "auto"];
  if (wire === undefined) throw new ConfigError("--transport is one of http, streamable-http, sse, ws and stdio.");
  checkUrl(first, "http");
  return { server: { kind: "http", url: first, wire }, headers };
}

/** Resolved at once, for a diagnosis without a connector. @throws ConfigError */
export function addressOf(url: string, flags: ServerFlags): Resolved {
  return resolveConnector({ name: "given here", ...readServer([url], flags) });
}

/** What a variable will bring is looked at when it is filled in. */
function checkUrl(url: string, kind: "http" | "websocket"): void {
  if (!url.includes("${")) readServerUrl(url, kind, "The server");
}

function readCommand(command: string, args: readonly string[], flags: ServerFlags): TypedServer {
  if (flags.header.length > 0) throw new ConfigError("--header is for URLs; a command takes --env.");
  const { cwd, share = false, env = [] } = flags;
  return {
    server: { kind: "stdio", command, args, env: readEnv(env), ...(cwd === undefined ? {} : { cwd }), share },
    headers: {},
  };
}

function readEnv(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf("=");
      if (equals < 1) throw new ConfigError("--env must read NAME=value.");
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

export function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new ConfigError("A header must read 'Name: value'.");
    const name = line.slice(0, colon).trim();
    if (name in headers) throw new ConfigError(`The header ${name} is given twice.`);
    headers[name] = line.slice(colon + 1).trim();
  }
  return headers;
}
