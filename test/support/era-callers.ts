// Real clients of both eras that let themselves be asked, over one interface: the official ones in each of their modes, and mcp-remote, which speaks either for a client that cannot.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport as AnyTransport1 } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { childEnvironment, killAtExit, temporaryDirectory } from "./process.ts";

const identity = { name: "holdfast-tests", version: "1.0.0" };
/** Fits the forms of both era servers. */
const accepted = { action: "accept" as const, content: { ok: true, name: "Anna" } };

export interface EraCaller extends AsyncDisposable {
  call(name: string, args?: Record<string, unknown>): Promise<unknown>;
}

type Connect = (url: string) => Promise<EraCaller>;

const modes = { legacy: "legacy", auto: "auto", pinned: { pin: "2026-07-28" } } as const;

export async function client2(url: string, mode: keyof typeof modes): Promise<EraCaller> {
  const client = new Client(identity, {
    capabilities: { elicitation: {} },
    versionNegotiation: { mode: modes[mode] },
  });
  client.setRequestHandler("elicitation/create", () => accepted);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    call: (name, args = {}) => client.callTool({ name, arguments: args }),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** A client of the legacy SDK over its transport. */
async function client1(transport: AnyTransport1, closed: () => Promise<void> = async () => {}): Promise<EraCaller> {
  const client = new Client1(identity, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => accepted);
  const close = async () => {
    await client.close();
    await closed();
  };
  try {
    await client.connect(transport);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    call: (name, args = {}) => client.callTool({ name, arguments: args }),
    [Symbol.asyncDispose]: close,
  };
}

/** A legacy client on its standard streams, and toward the URL whichever era `server/discover` finds there. */
async function mcpRemote(url: string): Promise<EraCaller> {
  const home = await temporaryDirectory();
  const script = fileURLToPath(import.meta.resolve("mcp-remote/dist/proxy.js"));
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [script, url, "--allow-http", "--transport", "http-only", "--protocol", "auto"],
    env: childEnvironment({ HOME: home.path, MCP_REMOTE_CONFIG_DIR: join(home.path, "mcp-auth") }),
    stderr: "ignore",
  });
  let release = () => {};
  const connected = client1(transport, async () => {
    release();
    await home[Symbol.asyncDispose]();
  });
  if (transport.pid !== null) release = killAtExit(transport.pid);
  return connected;
}

interface EraClient {
  readonly connect: Connect;
  /** The era in which it speaks to Holdfast, which offers both. */
  readonly speaks: "L" | "M";
}

export const eraCallers: Readonly<Record<string, EraClient>> = {
  "the official client 2.4 in its legacy mode": { speaks: "L", connect: (url) => client2(url, "legacy") },
  "the official client 2.4 in its auto mode": { speaks: "M", connect: (url) => client2(url, "auto") },
  "the official client 2.4 pinned to 2026-07-28": { speaks: "M", connect: (url) => client2(url, "pinned") },
  "the official SDK 1.32": { speaks: "L", connect: (url) => client1(new Transport1(new URL(url))) },
  "mcp-remote 0.15.1 with --protocol auto": { speaks: "M", connect: mcpRemote },
};
