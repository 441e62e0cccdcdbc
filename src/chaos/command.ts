// `holdfast chaos`: starts the faulty server, says how to break it, and serves until told to stop. Parses no arguments.
import { isatty } from "node:tty";
import { type ChaosOptions, startChaos } from "./server.ts";

const defaultPort = 4748;

export async function runChaosCommand(options: ChaosOptions = {}): Promise<void> {
  const terminal = options.terminal ?? isatty(0);
  const chaos = await startChaos({ ...options, port: options.port ?? defaultPort, terminal });
  const stop = () => void chaos.close();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const order = JSON.stringify({ do: "forget", as: "404-json" });
  process.stdout.write(
    [
      `MCP endpoint: ${chaos.url}`,
      `Control: ${chaos.controlUrl}`,
      `Forget all sessions: curl -s ${chaos.controlUrl} -d '${order}'`,
      `See what happened: curl -s ${chaos.controlUrl}`,
      ...(terminal === false ? [] : [`Or type here: forget 404-json, refuse 1500, status, help, quit`]),
      "",
    ].join("\n"),
  );
  await chaos.closed;
  process.off("SIGINT", stop).off("SIGTERM", stop);
}
