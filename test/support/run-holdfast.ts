// Runs the built program to its end, for command lines that print something and stop. Kills it if it does not.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { childEnvironment, killAtExit } from "./process.ts";

export const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: string;
  readonly nodeArgs?: readonly string[];
  readonly timeoutMs?: number;
}

export interface Run {
  readonly status: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runHoldfast(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { env = {}, node = process.execPath, nodeArgs = [], timeoutMs = 20_000 } = options;
  const child = spawn(node, [...nodeArgs, program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: childEnvironment(env),
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const release = child.pid === undefined ? () => {} : killAtExit(child.pid);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      release();
      resolve({ status: code ?? signal ?? "SIGKILL", stdout, stderr });
    });
  });
}
