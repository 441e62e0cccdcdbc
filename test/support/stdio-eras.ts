// The built program in front of a stdio server of one era, and what became of each process of that server.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eraServerProgram } from "./era-servers.ts";
import { type Holdfast, type HoldfastOptions, startHoldfast } from "./holdfast.ts";
import { temporaryDirectory } from "./process.ts";
import { gone, isAlive, scriptedServer } from "./stdio-bridge.ts";

/** `modern` and `dual` are the official package's; the others a legacy server that does so with whatever comes before `initialize`. */
export type StdioServer = "modern" | "dual" | "legacy" | "exits-before-initialize" | "silent-before-initialize";

export interface StdioEras extends AsyncDisposable {
  readonly holdfast: Holdfast;
  readonly url: string;
  /** Of every start, oldest first. */
  pids(): readonly number[];
  living(): readonly number[];
  /** Resolves when all but these have ended. */
  left(...pids: readonly number[]): Promise<void>;
}

export function stdioServer(kind: StdioServer, pidFile: string): readonly string[] {
  if (kind === "modern" || kind === "dual") {
    const era = kind === "modern" ? "modern" : "legacy";
    return [process.execPath, eraServerProgram, "--era", era, "--stdio", "--pid-file", pidFile];
  }
  return [process.execPath, scriptedServer, `pids=${pidFile}`, ...(kind === "legacy" ? [] : [kind])];
}

/** `command`: instead of a server of that kind. */
export async function stdioEras(
  kind: StdioServer,
  { args = [], ...options }: HoldfastOptions = {},
): Promise<StdioEras> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const pidFile = join(path, "pids");
  const holdfast = resources.use(
    await startHoldfast(undefined, { ...options, args: [...args, "--", ...stdioServer(kind, pidFile)] }),
  );
  const pids = (): readonly number[] =>
    existsSync(pidFile) ? readFileSync(pidFile, "utf8").trim().split("\n").map(Number) : [];
  const owned = resources.move();
  return {
    holdfast,
    url: holdfast.url,
    pids,
    living: () => pids().filter(isAlive),
    left: async (...kept) => {
      for (const pid of pids()) if (!kept.includes(pid)) await gone(pid);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
