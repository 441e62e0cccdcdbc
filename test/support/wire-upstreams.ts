// Real servers on the wires of old: HTTP+SSE and WebSocket, each on one port for its life.
import { fileURLToPath } from "node:url";
import { lastingPort, startChild } from "./process.ts";
import { scriptedServer } from "./stdio-bridge.ts";
import { type Upstream, upstream } from "./upstreams.ts";

async function launch(script: string, args: readonly string[], ready: RegExp, env: Readonly<Record<string, string>>) {
  const child = await startChild(process.execPath, [fileURLToPath(script), ...args], { env });
  try {
    await child.waitForLine(ready);
    return child;
  } catch (error) {
    await child.end("SIGKILL");
    throw error;
  }
}

/** The reference server over HTTP+SSE. */
export async function everythingOverSse(): Promise<Upstream> {
  const port = await lastingPort();
  const script = import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js");
  return upstream(`http://127.0.0.1:${port}/sse`, () =>
    launch(script, ["sse"], /running on port/i, { PORT: String(port) }),
  );
}

/** The scripted stdio server behind supergateway 4.0.0. */
export async function supergateway(transport: "sse" | "ws", extra: readonly string[] = []): Promise<Upstream> {
  const port = await lastingPort();
  const stdio = `"${process.execPath}" "${scriptedServer}"`;
  const args = ["--stdio", stdio, "--outputTransport", transport, "--port", String(port), ...extra];
  const url = transport === "sse" ? `http://127.0.0.1:${port}/sse` : `ws://127.0.0.1:${port}/message`;
  return upstream(url, () => launch(import.meta.resolve("supergateway/dist/index.js"), args, /Listening on port/, {}));
}
