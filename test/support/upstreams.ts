// Real MCP servers as users run them, each on one port for its life so that a restart comes back at the same URL.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, lastingPort, startChild, temporaryDirectory, waitForPort } from "./process.ts";

export interface Upstream extends AsyncDisposable {
  readonly url: string;
  /** Everything printed by the program that runs now. */
  output(): string;
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  restart(options?: { readonly signal?: NodeJS.Signals }): Promise<void>;
  stop(): Promise<void>;
}

/** Makes an upstream of a way to launch its program; `launch` resolves when the program listens. */
export async function upstream(
  url: string,
  launch: () => Promise<Child>,
  resources: AsyncDisposableStack = new AsyncDisposableStack(),
): Promise<Upstream> {
  let child = await launch();
  const kill = async (signal: NodeJS.Signals = "SIGKILL") => void (await child.end(signal));
  const start = async () => {
    child = await launch();
  };
  const stop = async () => {
    await kill();
    await resources.disposeAsync();
  };
  return {
    url,
    output: () => child.output(),
    waitForLine: (pattern, timeoutMs) => child.waitForLine(pattern, timeoutMs),
    kill,
    start,
    restart: async ({ signal } = {}) => {
      await kill(signal);
      await start();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function launchNode(
  script: string,
  args: readonly string[],
  ready: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const child = await startChild(process.execPath, [fileURLToPath(script), ...args], { env });
  try {
    await child.waitForLine(ready);
    return child;
  } catch (error) {
    await child.end("SIGKILL");
    throw error;
  }
}

/** The reference server that shows every feature; it refuses a lost session with 400. */
export async function everything(): Promise<Upstream> {
  const port = await lastingPort();
  return upstream(`http://127.0.0.1:${port}/mcp`, () =>
    launchNode(
      import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"),
      ["streamableHttp"],
      /listening on port/,
      { PORT: String(port) },
    ),
  );
}

export type SupergatewayVersion = "3.4.3" | "4.0.0";

export interface Supergateway extends Upstream {
  /** Ends the running version and starts the other one on the same port, over the same memory. */
  swap(version: SupergatewayVersion): Promise<void>;
}

function memoryServer(): string {
  return fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-memory/dist/index.js"));
}

/** The stdio memory server behind a session-keeping gateway: 3.4.3 refuses a lost session with 400, 4.0.0 with 404. */
export async function memoryBehindSupergateway(
  version: SupergatewayVersion,
  options: { readonly sessionTimeoutMs?: number } = {},
): Promise<Supergateway> {
  const resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const env = { MEMORY_FILE_PATH: join(path, "memory.jsonl") };
  const timeout = options.sessionTimeoutMs === undefined ? [] : ["--sessionTimeout", String(options.sessionTimeoutMs)];
  return behindSupergateway(version, `"${process.execPath}" "${memoryServer()}"`, timeout, env, resources);
}

/** The reference server of every feature, over stdio, behind the same gateway. */
export function everythingBehindSupergateway(version: SupergatewayVersion): Promise<Supergateway> {
  const script = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));
  return behindSupergateway(version, `"${process.execPath}" "${script}" stdio`, [], {}, new AsyncDisposableStack());
}

async function behindSupergateway(
  version: SupergatewayVersion,
  stdioCommand: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  resources: AsyncDisposableStack,
): Promise<Supergateway> {
  const port = await lastingPort();
  let running = version;
  const launch = () =>
    launchNode(
      running === "3.4.3"
        ? import.meta.resolve("supergateway3/dist/index.js")
        : import.meta.resolve("supergateway/dist/index.js"),
      ["--stdio", stdioCommand, "--outputTransport", "streamableHttp", "--stateful", "--port", String(port), ...args],
      /Listening on port/,
      env,
    );
  const gateway = await upstream(`http://127.0.0.1:${port}/mcp`, launch, resources);
  return {
    ...gateway,
    swap: async (next) => {
      running = next;
      await gateway.restart({ signal: "SIGTERM" });
    },
  };
}

/** The stdio memory server behind mcp-proxy, which refuses a lost session with 404. */
export async function mcpProxyMemory(): Promise<Upstream> {
  const port = await lastingPort();
  const resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const launch = async () => {
    const child = await launchNode(
      import.meta.resolve("mcp-proxy/dist/bin/mcp-proxy.mjs"),
      ["--port", String(port), "--host", "127.0.0.1", "--server", "stream", "--", process.execPath, memoryServer()],
      /starting server/,
      { MEMORY_FILE_PATH: join(path, "memory.jsonl") },
    );
    await waitForPort(port);
    return child;
  };
  return upstream(`http://127.0.0.1:${port}/mcp`, launch, resources);
}
