// Finds the system programs that some tests stand on. A test whose part is missing is named at the end of the run, never hidden.
import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { it } from "node:test";

export const parts = {
  nginx: { commands: ["nginx", "/usr/sbin/nginx"], install: "apt-get install nginx" },
  caddy: { commands: ["caddy", "/usr/bin/caddy"], install: "apt-get install caddy" },
} as const;

export type Part = keyof typeof parts;

/** The command that starts the part on this machine, or undefined where it is not installed. */
export function findPart(part: Part): string | undefined {
  const version = part === "nginx" ? "-v" : "version";
  return parts[part].commands.find((command) => spawnSync(command, [version]).status === 0);
}

/** Registers the test where every part is installed; otherwise notes it for the list that `test/run.ts` prints. */
export function itWith(
  needed: readonly Part[],
  name: string,
  run: (commands: Record<Part, string>) => Promise<void>,
): void {
  const commands: Record<Part, string> = { nginx: "", caddy: "" };
  for (const part of needed) commands[part] = findPart(part) ?? "";
  const missing = needed.filter((part) => commands[part] === "");
  if (missing.length === 0) {
    it(name, () => run(commands));
    return;
  }
  const notRun = process.env["HOLDFAST_TESTS_NOT_RUN"];
  const line = `${name} (needs ${missing.join(", ")}: ${missing.map((part) => parts[part].install).join(" && ")})\n`;
  if (notRun === undefined) process.stderr.write(`not run: ${line}`);
  else appendFileSync(notRun, line);
}
