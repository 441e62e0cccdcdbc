// Who bridges which wires, and how each is started: the same small call between a client of one transport and a server of another.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ContenderName, nodeCommand, plainScript, programDirectory, supergateway } from "./contenders.ts";

export interface PairLaunch {
  /** Where it is to listen; without meaning for a stdio client's. */
  readonly port: number;
  readonly directory: string;
  readonly isInspected: boolean;
  /** URLs of the servers that are not programs. */
  readonly http: string;
  readonly sse: string;
}

type Command = readonly [string, ...string[]];
type Launcher = (launch: PairLaunch) => Promise<Command>;

export interface Pair {
  /** How the generator reaches the contender. */
  readonly client: "http" | "sse" | "stdio";
  readonly contenders: Readonly<Partial<Record<ContenderName, Launcher>>>;
}

const mcpProxy = fileURLToPath(new URL("../../node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs", import.meta.url));
const holdfast = join(programDirectory, "dist/main.js");
export const smallServer = fileURLToPath(new URL("../servers/small-server.sh", import.meta.url));

const stdioServer = async (): Promise<Command> => [
  process.execPath,
  await plainScript(new URL("../servers/stdio-server.ts", import.meta.url)),
];

const start = ({ isInspected }: PairLaunch, ...args: readonly string[]): Command => nodeCommand(isInspected, ...args);

const place = ({ port, directory }: PairLaunch): readonly string[] => [
  "--port",
  String(port),
  "--data-dir",
  join(directory, "data"),
];

const supergatewayStdio = async (launch: PairLaunch, server: Command, ...output: readonly string[]): Promise<Command> =>
  start(
    launch,
    supergateway,
    "--logLevel",
    "none",
    "--stdio",
    server.join(" "),
    "--port",
    String(launch.port),
    ...output,
  );

const mcpProxyStdio = async (launch: PairLaunch, kind: "stream" | "sse"): Promise<Command> => {
  const options = ["--host", "127.0.0.1", "--port", String(launch.port), "--server", kind];
  return start(launch, mcpProxy, ...options, "--", ...(await stdioServer()));
};

const holdfastStdio: Launcher = async (launch) =>
  start(launch, holdfast, ...place(launch), "--", ...(await stdioServer()));

export const pairs = {
  /** A stdio server for clients of Streamable HTTP. */
  fromStdio: {
    client: "http",
    contenders: {
      holdfast: holdfastStdio,
      "mcp-proxy": (launch) => mcpProxyStdio(launch, "stream"),
      supergateway: async (launch) =>
        supergatewayStdio(launch, await stdioServer(), "--outputTransport", "streamableHttp", "--stateful"),
    },
  },
  /** A stdio server for clients of HTTP+SSE. */
  fromStdioToSse: {
    client: "sse",
    contenders: {
      holdfast: holdfastStdio,
      "mcp-proxy": (launch) => mcpProxyStdio(launch, "sse"),
      supergateway: async (launch) => supergatewayStdio(launch, await stdioServer(), "--outputTransport", "sse"),
    },
  },
  /** A Streamable HTTP server for clients that start a program. */
  toStdio: {
    client: "stdio",
    contenders: {
      holdfast: async (launch) => start(launch, holdfast, "stdio", launch.http),
      supergateway: async (launch) =>
        start(launch, supergateway, "--logLevel", "none", "--streamableHttp", launch.http),
    },
  },
  /** An HTTP+SSE server for clients that start a program. */
  fromSseToStdio: {
    client: "stdio",
    contenders: {
      holdfast: async (launch) => start(launch, holdfast, "stdio", "--transport", "sse", launch.sse),
      supergateway: async (launch) => start(launch, supergateway, "--logLevel", "none", "--sse", launch.sse),
    },
  },
  /** A small program for each session. */
  children: {
    client: "http",
    contenders: {
      holdfast: async (launch) => start(launch, holdfast, ...place(launch), "--", "sh", smallServer),
      supergateway: async (launch) =>
        supergatewayStdio(launch, ["sh", smallServer], "--outputTransport", "streamableHttp", "--stateful"),
    },
  },
} as const satisfies Readonly<Record<string, Pair>>;
