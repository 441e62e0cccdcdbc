// What every measure is given: the upstream, the generator, the contenders and how long to run. Starts and ends them; measures nothing.
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  type ContenderName,
  copyBuild,
  plainScript,
  type Running,
  type StartOptions,
  startContender,
} from "./contenders/contenders.ts";
import type { LoadService } from "./load/load.ts";
import { removeDirectory, startChild } from "./processes/child.ts";
import { openRemote, type Remote } from "./processes/rpc.ts";
import type { UpstreamService } from "./upstream.ts";
import type { Endpoint } from "./wire/connection.ts";

export interface Bench {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly sliceMs: number;
  readonly names: readonly ContenderName[];
  readonly upstream: Remote<UpstreamService>;
  readonly load: Remote<LoadService>;
  /** One behind each HTTP transport, for what bridges to a stdio client. */
  otherServers(): Promise<OtherServers>;
  start(name: ContenderName, options?: StartOptions): Promise<Running>;
  note(line: string): void;
}

export interface OtherServers extends AsyncDisposable {
  readonly http: string;
  readonly sse: string;
}

export interface BenchOptions {
  readonly isQuick: boolean;
  readonly names: readonly ContenderName[];
  readonly note: (line: string) => void;
}

async function startOthers({ port, path }: Endpoint, directory: string): Promise<OtherServers> {
  const script = await plainScript(new URL("./servers/sse-server.ts", import.meta.url));
  const logFile = join(directory, "sse-server");
  const child = await startChild(process.execPath, [script], { core: 0, logFile });
  for (let waits = 0; waits < 500; waits++) {
    const sse = /port (\d+)/.exec(await readFile(logFile, "utf8"))?.[1];
    const http = `http://127.0.0.1:${port}${path}`;
    if (sse !== undefined)
      return { http, sse: `http://127.0.0.1:${sse}/sse`, [Symbol.asyncDispose]: () => child.end() };
    await delay(20);
  }
  await child.end();
  throw new Error("the HTTP+SSE server did not start");
}

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export async function openBench(options: BenchOptions): Promise<Bench & AsyncDisposable> {
  await using resources = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  resources.defer(() => removeDirectory(directory));
  resources.defer(await copyBuild());
  const startOwn = async (name: string, file: string) => {
    const started = { core: 0, logFile: join(directory, name), ipc: true } as const;
    return resources.use(await startChild(process.execPath, [local(file)], started));
  };
  const upstreamChild = await startOwn("upstream", "./upstream.ts");
  const upstream = openRemote<UpstreamService>(upstreamChild.process);
  const load = openRemote<LoadService>((await startOwn("load", "./load/load.ts")).process);
  const endpoint: Endpoint = { port: await upstream.ask("listen"), path: "/mcp" };
  const owned = resources.move();

  const start = async (name: ContenderName, startOptions: StartOptions = {}): Promise<Running> => {
    const running = await startContender(name, { endpoint, pid: upstreamChild.pid }, startOptions);
    return {
      ...running,
      [Symbol.asyncDispose]: async () => {
        await running[Symbol.asyncDispose]();
        await load.ask("forgetSessions", running.endpoint);
      },
    };
  };
  return {
    isQuick: options.isQuick,
    rounds: options.isQuick ? 2 : 7,
    sliceMs: options.isQuick ? 300 : 1_500,
    names: options.names,
    upstream,
    load,
    start,
    otherServers: () => startOthers(endpoint, directory),
    note: options.note,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
