// supergateway 4 and mcp-proxy as they serve both eras over HTTP from a stdio server, each on one port for its life.
import { fileURLToPath } from "node:url";
import { type Era, eraServerProgram } from "./era-servers.ts";
import { lastingPort, startChild, waitForPort } from "./process.ts";
import { type Upstream, upstream } from "./upstreams.ts";

type Command = readonly string[];

export const everythingOverStdio: Command = [
  process.execPath,
  fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js")),
  "stdio",
];

/** Over stdio the one that is called legacy answers the modern era as well. */
export const eraServerOverStdio = (era: Era): Command => [process.execPath, eraServerProgram, "--era", era, "--stdio"];

async function gateway(script: string, argsFor: (port: number) => readonly string[]): Promise<Upstream> {
  const port = await lastingPort();
  return upstream(`http://127.0.0.1:${port}/mcp`, async () => {
    const child = await startChild(process.execPath, [fileURLToPath(script), ...argsFor(port)]);
    try {
      await waitForPort(port);
      return child;
    } catch (error) {
      await child.end("SIGKILL");
      throw error;
    }
  });
}

export function behindSupergateway4(command: Command): Promise<Upstream> {
  const stdio = command.map((word) => `"${word}"`).join(" ");
  return gateway(import.meta.resolve("supergateway/dist/index.js"), (port) => [
    "--stdio",
    stdio,
    "--outputTransport",
    "streamableHttp",
    "--stateful",
    "--port",
    String(port),
  ]);
}

export function behindMcpProxy(command: Command): Promise<Upstream> {
  const script = import.meta.resolve("mcp-proxy/dist/bin/mcp-proxy.mjs");
  const args = ["--host", "127.0.0.1", "--server", "stream", "--upstreamProtocol", "auto", "--"];
  return gateway(script, (port) => ["--port", String(port), ...args, ...command]);
}
