// Starts the processes of the bench, each in its own group and pinned to one core, and ends them by that group. Measures nothing.
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { isAlive, treeOf } from "./usage.ts";

/** Generator and upstream share the first core, so that the contender has the second for itself. */
export type Core = 0 | 1;

export interface StartOptions {
  readonly core: Core;
  /** Everything it prints goes to this file. */
  readonly logFile: string;
  readonly ipc?: boolean;
  /** What it reads and prints is the starter's; the file gets its standard error alone. */
  readonly pipes?: boolean;
}

export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly process: ChildProcess;
  readonly startedAtMs: number;
  hasEnded(): boolean;
  end(): Promise<void>;
}

const graceMs = 3_000;
const groups = new Set<number>();

const pinCommand = "taskset";

export const canPin = (["0", "1"] as const).every((core) => spawnSync(pinCommand, ["-c", core, "true"]).status === 0);

/** Keeps this process on a core, too: what it does between slices must not take the contender's. */
export function pinSelf(core: Core): void {
  if (canPin) spawnSync(pinCommand, ["-cp", String(core), String(process.pid)]);
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // Gone already, which is what the caller wants.
  }
}

function endAll(): void {
  for (const pid of groups) signalGroup(pid, "SIGKILL");
}

process.once("exit", endAll);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(name, () => {
    endAll();
    process.exit(1);
  });
}

function environment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(NODE_|npm_|HOLDFAST_|MCP_)|_proxy$/i.test(name)) kept[name] = value;
  }
  return kept;
}

function stdioOf({ ipc, pipes }: StartOptions, log: number): StdioOptions {
  if (pipes === true) return ["pipe", "pipe", log];
  return ipc === true ? ["ignore", log, log, "ipc"] : ["ignore", log, log];
}

export async function startChild(command: string, args: readonly string[], options: StartOptions): Promise<Child> {
  const words = canPin ? [pinCommand, "-c", String(options.core), command, ...args] : [command, ...args];
  const [program = command, ...rest] = words;
  const log = openSync(options.logFile, "a");
  const startedAtMs = performance.now();
  const child = spawn(program, rest, {
    detached: true,
    stdio: stdioOf(options, log),
    env: environment(),
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} did not start`);
  groups.add(pid);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const end = async () => {
    // supergateway puts its children into groups of their own and may end before them.
    const family = treeOf(pid);
    if (!hasEnded()) signalGroup(pid, "SIGTERM");
    const timer = setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs);
    await exited;
    clearTimeout(timer);
    // A grandchild may still live in the group.
    signalGroup(pid, "SIGKILL");
    for (const member of family.filter(isAlive)) process.kill(member.pid, "SIGKILL");
    groups.delete(pid);
  };
  return { pid, process: child, startedAtMs, hasEnded, end, [Symbol.asyncDispose]: end };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Below the range from which kernels take the ports of outgoing connections: thousands of them are opened here. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    if (await isFree(port)) return port;
  }
  throw new Error("found no free port between 12000 and 30000");
}

export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
