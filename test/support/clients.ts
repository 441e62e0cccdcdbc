// Real MCP clients behind one small interface, each used as its documentation says. Keeps what they report beside answers.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { childEnvironment, killAtExit, temporaryDirectory } from "./process.ts";
import { type Connection, connection, textOf } from "./tool-result.ts";

export interface RealClient {
  readonly name: string;
  readonly connect: (url: string, headers?: Readonly<Record<string, string>>) => Promise<Connection>;
}

type Connect = RealClient["connect"];

const identity = { name: "holdfast-tests", version: "1.0.0" };

interface SdkClient {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  close(): Promise<void>;
}

export function collectErrors(
  client: { onerror?: ((error: Error) => void) | undefined },
  errors: string[] = [],
): readonly string[] {
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- these clients have nothing else
  client.onerror = (error) => errors.push(error.message);
  return errors;
}

interface SdkParts {
  readonly client: SdkClient;
  readonly errors: readonly string[];
  readonly close?: () => Promise<void>;
  readonly sessionId?: () => string | undefined;
}

function sdkConnection({ client, errors, close, sessionId }: SdkParts): Connection {
  return connection({
    callTool: async (name, args) => textOf(await client.callTool({ name, arguments: args })),
    listTools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    close: close ?? (() => client.close()),
    errors: () => errors,
    sessionId: sessionId ?? (() => undefined),
  });
}

const connectSdk1: Connect = async (url, headers = {}) => {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const client = new Client(identity);
  const errors = collectErrors(client);
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  return sdkConnection({ client, errors, sessionId: () => transport.sessionId });
};

const connectSdk2: Connect = async (url, headers = {}) => {
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const client = new Client(identity);
  const errors = collectErrors(client);
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  return sdkConnection({ client, errors, sessionId: () => transport.sessionId });
};

const connectMcpRemote: Connect = async (url, headers = {}) => {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  const home = await temporaryDirectory();
  const script = fileURLToPath(import.meta.resolve("mcp-remote/dist/proxy.js"));
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [
      script,
      url,
      "--allow-http",
      "--transport",
      "http-only",
      ...Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}:${value}`]),
    ],
    env: childEnvironment({ HOME: home.path, MCP_REMOTE_CONFIG_DIR: join(home.path, "mcp-auth") }),
    stderr: "pipe",
  });
  const errors: string[] = [];
  transport.stderr?.on("data", (chunk: Buffer) => {
    errors.push(
      ...chunk
        .toString("utf8")
        .split("\n")
        .filter((line) => /error/i.test(line)),
    );
  });
  const client = new Client(identity);
  collectErrors(client, errors);
  let release = () => {};
  const close = async () => {
    await client.close();
    release();
    await home[Symbol.asyncDispose]();
  };
  try {
    const connected = client.connect(transport);
    if (transport.pid !== null) release = killAtExit(transport.pid);
    await connected;
  } catch (error) {
    await close();
    throw error;
  }
  return sdkConnection({ client, errors, close });
};

const connectAiSdk: Connect = async (url, headers = {}) => {
  const { createMCPClient } = await import("@ai-sdk/mcp");
  const errors: string[] = [];
  const client = await createMCPClient({
    transport: { type: "http", url, headers },
    onUncaughtError: (error) => {
      // It takes the empty first event of a resumable stream for a message, with every server that sends one.
      if (!String(error).endsWith("Failed to parse message")) errors.push(String(error));
    },
  });
  return sdkConnection({ client, errors });
};

const connectMastra: Connect = async (url, headers = {}) => {
  const { MCPClient } = await import("@mastra/mcp");
  const { noopObserve } = await import("@mastra/core/tools");
  const client = new MCPClient({
    id: crypto.randomUUID(),
    // Its default of 3 s for connecting is short for a busy machine, and without a connection it lists no tools.
    servers: { upstream: { url: new URL(url), requestInit: { headers }, connectTimeout: 30_000 } },
    timeout: 60_000,
  });
  // As an agent does it: the tools are fetched once and then executed.
  const tools = await client.listTools();
  return connection({
    callTool: async (name, args) => {
      const execute = tools[`upstream_${name}`]?.execute;
      if (execute === undefined) throw new Error(`mastra knows no tool ${name}`);
      return textOf(await execute(args, { observe: noopObserve }));
    },
    listTools: async () => Object.keys(await client.listTools()).map((name) => name.replace(/^upstream_/, "")),
    close: () => client.disconnect(),
    errors: () => [],
    sessionId: () => undefined,
  });
};

export const sdk1: RealClient = { name: "@modelcontextprotocol/sdk 1.32", connect: connectSdk1 };

export const clients: readonly RealClient[] = [
  sdk1,
  { name: "@modelcontextprotocol/client 2.4", connect: connectSdk2 },
  { name: "mcp-remote 0.15.1", connect: connectMcpRemote },
  { name: "@ai-sdk/mcp 2", connect: connectAiSdk },
  { name: "@mastra/mcp 2", connect: connectMastra },
];
