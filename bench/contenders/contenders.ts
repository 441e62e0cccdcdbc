// Who takes part, and how each is started in front of the upstream. A new contender is one more row here.
import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, freePort, removeDirectory, startChild } from "../processes/child.ts";
import type { Endpoint } from "../wire/connection.ts";
import { waitForFirstAnswer } from "./first-answer.ts";
import { findNginx, nginxConfiguration } from "./nginx.ts";

export const contenderNames = ["direct", "nginx", "bare", "holdfast", "mcp-proxy", "supergateway"] as const;
export type ContenderName = (typeof contenderNames)[number];
/** Direct is no proxy: the generator then talks to the upstream itself. */
type ProxyName = Exclude<ContenderName, "direct">;

export interface StartOptions {
  /** Where the upstream speaks the era that is wanted of it; its legacy place unless given. */
  readonly upstreamPath?: string;
  /** How it is asked to answer, where that is its own choice and not the upstream's. */
  readonly answers?: "json" | "sse";
  /** Starts Node with an inspector, so that it can be made to collect its garbage. */
  readonly inspect?: boolean;
}

interface Launch {
  readonly upstream: Endpoint;
  readonly port: number;
  readonly directory: string;
  readonly options: StartOptions;
}

interface Proxy {
  /** The most sessions it bears: supergateway starts two processes for each. */
  readonly mostSessions: number;
  readonly isNode: boolean;
  readonly command: (launch: Launch) => Promise<readonly [string, ...string[]]>;
}

export interface Running extends AsyncDisposable {
  readonly name: ContenderName;
  readonly pid: number;
  readonly endpoint: Endpoint;
  readonly mostSessions: number;
  /** Set where an inspector was asked for and the program is Node's: where its address is printed. */
  readonly inspectorLog: string | undefined;
  /** From the start of the process to its first right answer. */
  readonly firstAnswerMs: number;
}

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const urlOf = ({ port, path }: Endpoint) => `http://127.0.0.1:${port}${path}`;
export const supergateway = local("../../node_modules/supergateway/dist/index.js");

function node({ options }: Launch, ...args: readonly string[]): readonly [string, ...string[]] {
  return nodeCommand(options.inspect === true, ...args);
}

export function nodeCommand(isInspected: boolean, ...args: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, ...(isInspected ? ["--inspect=127.0.0.1:0"] : []), ...args];
}

/** Inside the repository, where imports are found, and for this run alone. */
export const programDirectory = local(`../results/${process.pid}`);

/** A copy of the build: one run must measure one build, whatever is built meanwhile. The result takes it away again. */
export async function copyBuild(): Promise<() => Promise<void>> {
  await cp(local("../../dist"), join(programDirectory, "dist"), { recursive: true });
  await cp(local("../../package.json"), join(programDirectory, "package.json"));
  return () => removeDirectory(programDirectory);
}

/** Our own contenders without their types: what they start with must not include the work of taking those off. */
export async function plainScript(script: URL): Promise<string> {
  const source = await readFile(script, "utf8");
  const target = join(programDirectory, `${basename(script.pathname, ".ts")}.mjs`);
  await writeFile(target, stripTypeScriptTypes(source));
  return target;
}

const proxies: Readonly<Record<ProxyName, Proxy>> = {
  nginx: {
    mostSessions: Number.POSITIVE_INFINITY,
    isNode: false,
    command: async ({ upstream, port, directory }) => {
      const file = join(directory, "nginx.conf");
      await writeFile(file, nginxConfiguration(port, upstream.port, directory));
      return [findNginx() ?? "nginx", "-p", directory, "-e", "stderr", "-c", file];
    },
  },
  bare: {
    mostSessions: Number.POSITIVE_INFINITY,
    isNode: true,
    command: async (launch) =>
      node(
        launch,
        await plainScript(new URL("./bare.ts", import.meta.url)),
        urlOf(launch.upstream),
        String(launch.port),
      ),
  },
  holdfast: {
    mostSessions: Number.POSITIVE_INFINITY,
    isNode: true,
    command: async (launch) => {
      const place = ["--port", String(launch.port), "--data-dir", join(launch.directory, "data")];
      return node(launch, join(programDirectory, "dist/main.js"), urlOf(launch.upstream), ...place);
    },
  },
  "mcp-proxy": {
    mostSessions: 1_000,
    isNode: true,
    command: async (launch) => {
      const script = await plainScript(new URL("./mcp-proxy-server.ts", import.meta.url));
      return node(launch, script, urlOf(launch.upstream), String(launch.port), launch.options.answers ?? "json");
    },
  },
  supergateway: {
    mostSessions: 1,
    isNode: true,
    command: async (launch) => {
      const inner = `${process.execPath} ${supergateway} --logLevel none --streamableHttp ${urlOf(launch.upstream)}`;
      const outer = ["--outputTransport", "streamableHttp", "--stateful", "--port", String(launch.port)];
      return node(launch, supergateway, "--logLevel", "none", "--stdio", inner, ...outer);
    },
  },
};

export async function startContender(
  name: ContenderName,
  upstream: { readonly endpoint: Endpoint; readonly pid: number },
  options: StartOptions = {},
): Promise<Running> {
  if (name === "direct") {
    const mostSessions = Number.POSITIVE_INFINITY;
    const nothing = { inspectorLog: undefined, firstAnswerMs: 0, [Symbol.asyncDispose]: async () => undefined };
    return { name, ...upstream, mostSessions, ...nothing };
  }
  const proxy = proxies[name];
  const directory = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const logFile = join(directory, "log");
  let child: Child | undefined;
  const end = async () => {
    await child?.end();
    await removeDirectory(directory);
  };
  try {
    const port = await freePort();
    const behind = { ...upstream.endpoint, path: options.upstreamPath ?? upstream.endpoint.path };
    const [command, ...args] = await proxy.command({ upstream: behind, port, directory, options });
    child = await startChild(command, args, { core: 1, logFile });
    const endpoint = { port, path: "/mcp" };
    const answeredAtMs = await waitForFirstAnswer(endpoint, child, logFile);
    return {
      name,
      pid: child.pid,
      endpoint,
      mostSessions: proxy.mostSessions,
      inspectorLog: options.inspect === true && proxy.isNode ? logFile : undefined,
      firstAnswerMs: answeredAtMs - child.startedAtMs,
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw new Error(`${name} did not start`, { cause: error });
  }
}
