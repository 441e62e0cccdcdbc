// Starts programs for tests and ends them with everything they started, also when a test fails. Knows nothing of MCP.
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";

const readyTimeoutMs = 30_000;
const graceMs = 10_000;

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly exited: Promise<number | NodeJS.Signals>;
  output(stream?: "stdout" | "stderr"): string;
  /** Resolves with the first line, of either stream and printed at any time, that matches. */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends the signal to the whole group and resolves when it is gone; whoever ignores it for 10 s gets SIGKILL. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

const groups = new Set<number>();
const strays = new Set<number>();
const directories = new Set<string>();

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already, which is what the caller wants.
  }
}

const signalGroup = (pid: number, name: NodeJS.Signals) => signal(-pid, name);

/** Names a process that somebody else ends, to be ended should this one end first; call the result when it is gone. */
export function killAtExit(pid: number): () => void {
  strays.add(pid);
  return () => void strays.delete(pid);
}

function leaveNothing(): void {
  for (const pid of groups) signalGroup(pid, "SIGKILL");
  for (const pid of strays) signal(pid, "SIGKILL");
  for (const path of directories) rmSync(path, { recursive: true, force: true });
}

process.once("exit", leaveNothing);
// The test runner ends a file that took too long by a signal, and then "exit" is never emitted.
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(name, () => {
    // Only then does the signal end us: the runner and a terminal may send it twice within the clean-up.
    leaveNothing();
    process.removeAllListeners(name);
    process.kill(process.pid, name);
  });
}

/** The environment a child gets: ours, less what would make it behave like a part of this test run. */
export function childEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(NODE_|npm_|HOLDFAST_|MCP_)|_proxy$/i.test(name)) environment[name] = value;
  }
  return { ...environment, ...extra };
}

/** Collects what a child prints and finds lines in it. */
function collect(child: ChildProcess) {
  const text = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    const decoder = new StringDecoder("utf8");
    child[name]?.on("data", (chunk: Buffer) => {
      text[name] += decoder.write(chunk);
      for (const look of watchers) look();
    });
  }
  const find = (pattern: RegExp): RegExpExecArray | undefined => {
    for (const line of `${text.stdout}\n${text.stderr}`.split("\n")) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    return undefined;
  };
  return { text, watchers, find };
}

export async function startChild(command: string, args: readonly string[], options: StartOptions = {}): Promise<Child> {
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: childEnvironment(options.env),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const printed = collect(child);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} did not start`);
  groups.add(pid);

  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("exit", (code, signal) => {
      // A grandchild of the group may still live; nobody else will end it.
      signalGroup(pid, "SIGKILL");
      groups.delete(pid);
      resolve(code ?? signal ?? "SIGKILL");
    });
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));

  const waitForLine: Child["waitForLine"] = (pattern, timeoutMs = readyTimeoutMs) =>
    new Promise((resolve, reject) => {
      const fail = (reason: string) => {
        settle();
        const { stdout, stderr } = printed.text;
        reject(
          new Error(`${command}: ${reason} (waiting for ${pattern})\n${stdout.slice(-2_000)}${stderr.slice(-2_000)}`),
        );
      };
      const look = () => {
        const match = printed.find(pattern);
        if (match === undefined) return;
        settle();
        resolve(match);
      };
      const onClose = () => fail("ended first");
      const timer = setTimeout(() => fail(`said nothing of the kind for ${timeoutMs} ms`), timeoutMs);
      const settle = () => {
        clearTimeout(timer);
        printed.watchers.delete(look);
        child.off("close", onClose);
      };
      printed.watchers.add(look);
      child.once("close", onClose);
      look();
    });

  const end: Child["end"] = async (signal = "SIGTERM") => {
    if (child.exitCode === null && child.signalCode === null) signalGroup(pid, signal);
    const timer = setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs);
    const status = await exited;
    clearTimeout(timer);
    await closed;
    return status;
  };

  return {
    pid,
    exited,
    output: (stream) => (stream === undefined ? printed.text.stdout + printed.text.stderr : printed.text[stream]),
    waitForLine,
    end,
    [Symbol.asyncDispose]: async () => void (await end("SIGKILL")),
  };
}

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  directories.add(path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
      directories.delete(path);
    },
  };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

/**
 * A port for a server that must come back on it. Taken below the range from which kernels serve port 0 and outgoing
 * connections: one of those could sit on it while the server is down.
 */
export async function lastingPort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    if (await isFree(port)) return port;
  }
  throw new Error("found no free port between 12000 and 30000");
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** For programs that say nothing when they listen: asks until the port accepts a connection. */
export async function waitForPort(port: number, timeoutMs = readyTimeoutMs): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await accepts(port))) {
    if (Date.now() > end) throw new Error(`nobody listens on port ${port} after ${timeoutMs} ms`);
    await delay(20);
  }
}
