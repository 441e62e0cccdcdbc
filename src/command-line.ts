// Runs one command line: gives the verbs their parts, prints what a person reads, and turns what went wrong into a sentence and an exit code.
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { startBridge } from "./compose.ts";
import { ConfigError } from "./config/index.ts";
import {
  type BridgeFlags,
  bridgeText,
  buildProgram,
  demoText,
  readFlags,
  runUntilSignal,
  type Verbs,
} from "./control-plane/cli/index.ts";

/** Exit codes of design.md section 1. */
const exitUsage = 1;
const exitCannotStart = 4;

export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const { version } = manifest as { version: string };
  try {
    await buildProgram(version, verbs).parseAsync([...argv], { from: "user" });
  } catch (error) {
    process.stderr.write(`holdfast: ${explain(error)}\n`);
    process.exitCode = error instanceof ConfigError ? exitUsage : exitCannotStart;
  }
}

const verbs: Verbs = {
  async bridge(url, flags) {
    const bridge = await startBridge(readFlags(url, flags, isatty(2)));
    // Whoever reads the line may send the signal at once.
    const ended = runUntilSignal(() => bridge.close());
    process.stdout.write(bridgeText(bridge.url, bridge.connector, flags.token));
    await ended;
  },

  async demo(flags: BridgeFlags) {
    const { startChaos } = await import("./chaos/index.ts");
    const chaos = await startChaos({ port: 0 });
    // The demo's sessions are nobody's: they are kept in memory and end with it.
    const bridge = await startBridge({
      ...readFlags(chaos.url, flags, isatty(2)),
      name: "demo",
      dataDir: flags.dataDir,
    });
    const ended = runUntilSignal(async () => {
      await bridge.close();
      await chaos.close();
    });
    process.stdout.write(demoText(bridge.url, chaos.url, chaos.controlUrl));
    await ended;
  },

  async chaos(flags) {
    const { runChaosCommand } = await import("./chaos/index.ts");
    await runChaosCommand(flags);
  },
};

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return "The port is taken by another program. Give another one with --port, or --port 0 for any free one.";
  if (code === "EACCES") return "This port may not be opened by this user. Give one above 1023 with --port.";
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return "--host names no address of this machine.";
  return message;
}
