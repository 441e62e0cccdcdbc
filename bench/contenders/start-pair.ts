// Starts a contender between two wires and opens a session through it. Ends both; measures nothing.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadService } from "../load/load.ts";
import type { CallsAnswer } from "../load/service.ts";
import { freePort, removeDirectory, startChild } from "../processes/child.ts";
import type { Remote } from "../processes/rpc.ts";
import type { Endpoint } from "../wire/connection.ts";
import type { ContenderName } from "./contenders.ts";
import { waitForFirstAnswer } from "./first-answer.ts";
import type { Pair, PairLaunch } from "./pairs.ts";

export interface PairRunning extends AsyncDisposable {
  readonly name: ContenderName;
  readonly pid: number;
  /** Undefined where the client is one of stdio. */
  readonly endpoint: Endpoint | undefined;
  readonly logFile: string;
  calls(concurrency: number, durationMs: number): Promise<CallsAnswer>;
}

export interface PairStart {
  readonly name: ContenderName;
  readonly servers: Pick<PairLaunch, "http" | "sse">;
  readonly load: Remote<LoadService>;
  readonly sessions: number;
  readonly isInspected?: boolean;
}

const readyLimitMs = 30_000;

export async function startPair(pair: Pair, options: PairStart): Promise<PairRunning> {
  const { name, servers, isInspected = false } = options;
  await using resources = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  resources.defer(() => removeDirectory(directory));
  const port = await freePort();
  const logFile = join(directory, "log");
  const words = await pair.contenders[name]?.({ ...servers, port, directory, isInspected });
  if (words === undefined) throw new Error(`${name} does not carry this pair`);
  const open = pair.client === "stdio" ? startProgram : startListening;
  const running = await open(pair, options, words, { port, logFile, resources });
  const owned = resources.move();
  return { name, logFile, ...running, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface Place {
  readonly port: number;
  readonly logFile: string;
  readonly resources: AsyncDisposableStack;
}

type Opened = Pick<PairRunning, "pid" | "endpoint" | "calls">;

/** The generator starts it, since it holds both ends of its pipes. */
async function startProgram(
  _pair: Pair,
  { load }: PairStart,
  [command, ...args]: readonly [string, ...string[]],
  { logFile, resources }: Place,
): Promise<Opened> {
  const { wire, pid = 0 } = await load.ask("openWire", { kind: "stdio", command, args, logFile });
  resources.defer(() => load.ask("closeWire", wire));
  return {
    pid,
    endpoint: undefined,
    calls: (concurrency, durationMs) => load.ask("wireCalls", { wire, concurrency, durationMs }),
  };
}

async function startListening(
  { client }: Pair,
  { load, sessions }: PairStart,
  [command, ...args]: readonly [string, ...string[]],
  { port, logFile, resources }: Place,
): Promise<Opened> {
  const child = resources.use(await startChild(command, args, { core: 1, logFile }));
  if (client === "sse") {
    const endpoint = { port, path: "/sse" };
    const { wire } = await whenReady(() => load.ask("openWire", { kind: "sse", endpoint }));
    resources.defer(() => load.ask("closeWire", wire));
    const calls: PairRunning["calls"] = (concurrency, durationMs) =>
      load.ask("wireCalls", { wire, concurrency, durationMs });
    return { pid: child.pid, endpoint, calls };
  }
  const endpoint = { port, path: "/mcp" };
  await waitForFirstAnswer(endpoint, child, logFile);
  resources.defer(() => load.ask("forgetSessions", endpoint));
  await load.ask("openSessions", { endpoint, count: sessions });
  const calls: PairRunning["calls"] = (concurrency, durationMs) =>
    load.ask("calls", { endpoint, era: "legacy", concurrency, durationMs });
  return { pid: child.pid, endpoint, calls };
}

async function whenReady<T>(attempt: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + readyLimitMs; ; await delay(20)) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}
