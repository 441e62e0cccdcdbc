// The hub's verbs in a shell: each runs as a process of its own on one data directory. Knows nothing of what they do.
import assert from "node:assert/strict";
import { type Run, runHoldfast } from "./run-holdfast.ts";

type Json = Readonly<Record<string, unknown>>;

export interface Shell {
  run(...args: readonly string[]): Promise<Run>;
  /** With --json: expects exit code 0 and gives what was printed. */
  json(...args: readonly string[]): Promise<Json>;
}

export function shellOn(dataDir: string, env: Readonly<Record<string, string>> = {}): Shell {
  const run: Shell["run"] = (...args) =>
    runHoldfast(args, { env: { HOLDFAST_DATA_DIR: dataDir, ...env }, timeoutMs: 60_000 });
  return {
    run,
    json: async (...args) => {
      const { status, stdout, stderr } = await run(...args, "--json");
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout) as Json;
    },
  };
}
