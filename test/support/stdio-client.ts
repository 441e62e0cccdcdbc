// Holdfast as a stdio server, driven line by line: what it prints on standard output is kept as it came. Knows nothing of MCP.
import { spawn } from "node:child_process";
import { childEnvironment, killAtExit } from "./process.ts";
import { program } from "./run-holdfast.ts";
import { conversation, Inbox, type WireClient } from "./wire-clients.ts";

export interface StdioClient extends WireClient {
  readonly pid: number;
  /** Standard output and error so far. */
  output(): string;
  errors(): string;
  /** Closes its standard input. */
  endInput(): void;
  signal(name: NodeJS.Signals): void;
  /** Reads no more of its standard output, or again. */
  pauseReading(isPaused: boolean): void;
  /** Resolves with the exit status. */
  readonly exited: Promise<number | NodeJS.Signals>;
}

/** `args`: what is typed after `holdfast`. */
export function startStdio(args: readonly string[], env: Readonly<Record<string, string>> = {}): StdioClient {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: childEnvironment(env),
  });
  const release = child.pid === undefined ? () => {} : killAtExit(child.pid);
  const inbox = new Inbox();
  const whole: string[] = [];
  let parts: string[] = [];
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    whole.push(text);
    const lines = text.split("\n");
    for (const line of lines.slice(0, -1)) {
      inbox.add(parts.join("") + line);
      parts = [];
    }
    parts.push(lines.at(-1) ?? "");
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  // Whoever writes to a process that has ended learns it from the answer that does not come.
  child.stdin.on("error", () => undefined);
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("close", (code, signal) => {
      release();
      inbox.end();
      resolve(code ?? signal ?? "SIGKILL");
    });
  });
  return {
    ...conversation(inbox, (text) => {
      child.stdin.write(`${text}\n`);
      return Promise.resolve();
    }),
    pid: child.pid ?? 0,
    output: () => whole.join(""),
    errors: () => errors,
    endInput: () => void child.stdin.end(),
    signal: (name) => void child.kill(name),
    pauseReading: (isPaused) => void (isPaused ? child.stdout.pause() : child.stdout.resume()),
    exited,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
