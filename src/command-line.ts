// Runs one command line: gives the verbs their parts, prints what a person reads, and turns what went wrong into a sentence and an exit code.
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { startBridge, startStdio } from "./compose.ts";
import { ConfigError } from "./config/index.ts";
import {
  type BridgeFlags,
  bridgeText,
  buildProgram,
  demoText,
  isHubVerb,
  type LocalParts,
  onHangup,
  readFlags,
  readServeFlags,
  runHubVerb,
  runUntilSignal,
  serverText,
  serveText,
  type Verbs,
} from "./control-plane/cli/index.ts";
import { catalog } from "./errors/index.ts";

/** Exit codes of design.md section 1. */
const exitUsage = 1;
const exitSignInNeeded = 3;
const exitCannotStart = 4;

export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const { version } = manifest as { version: string };
  // A variable without a value says nothing.
  for (const name of ["HOLDFAST_DATA_DIR", "HOLDFAST_TOKEN"]) if (process.env[name] === "") delete process.env[name];
  if (isHubVerb(argv[0])) return runHubVerb(version, argv, { runDoctor });
  try {
    const [words, command] = splitCommand(argv);
    await buildProgram(version, verbsOf(version), command).parseAsync([...words], { from: "user" });
  } catch (error) {
    process.stderr.write(`holdfast: ${explain(error)}\n`);
    process.exitCode = error instanceof ConfigError ? exitUsage : exitCannotStart;
  }
}

/** Takes off what stands after --, where that is the server's command: whatever it is called, it is no verb of ours. */
function splitCommand(argv: readonly string[]): readonly [readonly string[], readonly string[] | undefined] {
  const at = argv.indexOf("--");
  const [first = ""] = argv;
  const startsServer = first.startsWith("-") || first === "stdio" || /^(?:https?|wss?):/.test(first);
  return at < 0 || !startsServer ? [argv, undefined] : [argv.slice(0, at), argv.slice(at + 1)];
}

// Whoever reads the first line and goes must not take the proxy with it: what stdout would say afterwards is in the log as well.
process.stdout.on("error", () => {});

const runDoctor: LocalParts["runDoctor"] = async (patient) =>
  (await import("./data-plane/index.ts")).runDoctor(patient);

/** `version` is read with the manifest. */
const verbsOf = (version: string): Verbs => ({
  async bridge(typed, flags) {
    const bridge = await startBridge(readFlags(typed, flags, isatty(2)));
    // Whoever reads the line may send the signal at once.
    const ended = runUntilSignal(
      () => bridge.close(),
      () => bridge.upgrade(),
    );
    process.stdout.write(bridgeText(bridge, flags.token));
    // A server that was given by URL alone is asked when the first client comes.
    void bridge.wire.then((wire) => process.stdout.write(serverText(wire, bridge.connector)));
    await ended;
  },

  async stdio(typed, flags) {
    // What the client writes before everything is ready waits in the pipe.
    const options = { ...readFlags(typed, flags, isatty(2)), dataDir: flags.dataDir };
    writeWithoutBlocking(process.stdout);
    const bridge = await startStdio(options, process.stdin, process.stdout);
    const onSignal = () => void bridge.close();
    process.once("SIGTERM", onSignal).once("SIGINT", onSignal);
    onHangup({
      closed: onSignal,
      // A client that has closed its end has left, whatever else is still on its way.
      asked: () => void (process.stdin.readableEnded ? bridge.close() : bridge.upgrade()),
    });
    await bridge.ended;
    const code = bridge.failure();
    if (code !== undefined) {
      process.stderr.write(`holdfast: ${catalog[code].summary} ${catalog[code].remedy}\n`);
      process.exitCode = code === "AUTHORIZATION_REQUIRED" ? exitSignInNeeded : exitCannotStart;
    }
    // The client may hold its end open for longer than anybody reads from it.
    process.stdin.destroy();
  },

  async demo(flags: BridgeFlags) {
    const { startChaos } = await import("./chaos/index.ts");
    await using started = new AsyncDisposableStack();
    const chaos = await startChaos({ port: 0 });
    started.defer(() => chaos.close());
    // The demo's sessions are nobody's: they are kept in memory and end with it.
    const bridge = await startBridge({
      ...readFlags({ url: chaos.url, command: undefined }, flags, isatty(2)),
      name: "demo",
      dataDir: flags.dataDir,
    });
    const ended = runUntilSignal(() => bridge.close());
    process.stdout.write(demoText(bridge.url, chaos.url, chaos.controlUrl, flags.token));
    await ended;
  },

  async chaos(flags) {
    const { runChaosCommand } = await import("./chaos/index.ts");
    await runChaosCommand(flags);
  },

  async serve(flags) {
    const { startHub } = await import("./hub/index.ts");
    const hub = await startHub(readServeFlags(flags, version, isatty(2)));
    const ended = runUntilSignal(
      () => hub.close(),
      () => hub.upgrade(),
    );
    process.stdout.write(serveText(hub.url, hub.loginUrl, hub.connectors));
    await ended;
  },
});

/** Node writes to a pipe synchronously: while the client does not read, nothing else would happen here, and two that write would wait for ever. */
function writeWithoutBlocking(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (isBlocking: boolean) => void } };
  handle?.setBlocking?.(false);
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return "The port is taken by another program. Give another one with --port, or --port 0 for any free one.";
  if (code === "EACCES") return "This port may not be opened by this user. Give one above 1023 with --port.";
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return "--host names no address of this machine.";
  return message;
}
