// A stdio server whose program can be exchanged under its name, as an upgrade does: one of the modern era, a legacy one, or one that does not start.
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { temporaryDirectory } from "./process.ts";
import { isAlive } from "./stdio-bridge.ts";
import { type StdioServer, stdioServer } from "./stdio-eras.ts";

export interface ChangingProgram extends AsyncDisposable {
  readonly command: readonly [string, string];
  /** What is started from now on. */
  become(kind: StdioServer | "broken"): Promise<void>;
  /** Of every start that is still there, oldest first. */
  living(): readonly number[];
}

export async function changingProgram(first: StdioServer): Promise<ChangingProgram> {
  const directory = await temporaryDirectory();
  const script = join(directory.path, "server.mjs");
  const pidFile = join(directory.path, "pids");
  const become: ChangingProgram["become"] = (kind) => {
    if (kind === "broken") return writeFile(script, "process.exit(9);");
    const [, program = "", ...args] = stdioServer(kind, pidFile);
    const argv = JSON.stringify([process.execPath, program, ...args]);
    return writeFile(script, `process.argv = ${argv};\nawait import(${JSON.stringify(pathToFileURL(program))});\n`);
  };
  await become(first);
  return {
    command: [process.execPath, script],
    become,
    living: () =>
      existsSync(pidFile) ? readFileSync(pidFile, "utf8").trim().split("\n").map(Number).filter(isAlive) : [],
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
