// Whether a command can be started at all: the file that a shell would take. Starts nothing.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, resolve } from "node:path";
import type { StdioAddress } from "../../config/index.ts";
import type { Finding } from "./report.ts";

export function findCommand({ command, env, cwd }: StdioAddress): Finding {
  const failed = (sentence: string, action: string): Finding => ({ outcome: "failed", sentence, action });
  if (cwd !== undefined && !isDirectory(cwd))
    return failed("The directory to start it in does not exist.", "Mend cwd, or leave it out.");
  const name = command.split(/[/\\]/).at(-1) ?? command;
  const isPath = /[/\\]/.test(command);
  const found = candidates(command, isPath, env["PATH"] ?? process.env["PATH"] ?? "", cwd ?? process.cwd()).some(
    isExecutable,
  );
  if (found) return { outcome: "ok", sentence: `The command ${name} is there.` };
  return isPath
    ? failed(
        `There is no program ${name} at the path of the command.`,
        "Mend the command's path, or its right to be executed.",
      )
    : failed(`The command ${name} is not found in PATH.`, "Install it, or give its whole path as the command.");
}

function candidates(command: string, isPath: boolean, path: string, cwd: string): readonly string[] {
  const directories = isPath ? [cwd] : path.split(delimiter).filter((part) => part !== "");
  const endings =
    process.platform === "win32" ? ["", ...(process.env["PATHEXT"] ?? ".EXE;.CMD;.BAT").split(";")] : [""];
  return directories.flatMap((directory) =>
    endings.map((ending) => (isAbsolute(command) ? command : resolve(directory, command)) + ending),
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
