// Starts the era server on one port for its life, so that it comes back at the same URL, perhaps as one of the other era.
import { fileURLToPath } from "node:url";
import { lastingPort, startChild } from "./process.ts";
import { type Upstream, upstream } from "./upstreams.ts";

export const eraServerProgram = fileURLToPath(new URL("era-server/main.ts", import.meta.url));

export type Era = "legacy" | "modern";

export interface EraServer extends Upstream {
  /** Ends the server with SIGKILL and starts one of this era in its place. */
  become(era: Era): Promise<void>;
}

export async function eraServer(first: Era): Promise<EraServer> {
  const port = await lastingPort();
  let era = first;
  const launch = async () => {
    const child = await startChild(process.execPath, [eraServerProgram, "--era", era, "--port", String(port)]);
    try {
      await child.waitForLine(/^listening on/);
      return child;
    } catch (error) {
      await child.end("SIGKILL");
      throw error;
    }
  };
  const server = await upstream(`http://127.0.0.1:${port}/mcp`, launch);
  return {
    ...server,
    become: async (next) => {
      era = next;
      await server.restart();
    },
  };
}
