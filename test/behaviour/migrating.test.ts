// Runs each command line of docs/migrating.md, with a real server in place of the example, and connects as its comment says.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { childEnvironment, lastingPort, startChild, temporaryDirectory } from "../support/process.ts";
import { program } from "../support/run-holdfast.ts";
import { everything } from "../support/upstreams.ts";
import { everythingOverSse } from "../support/wire-upstreams.ts";

const page = readFileSync(new URL("../../docs/migrating.md", import.meta.url), "utf8");
const lines = page.split("\n").filter((line) => line.startsWith("holdfast "));
const memory = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-memory/dist/index.js"));
const examples = { "https://example.com/mcp": everything, "https://example.com/sse": everythingOverSse } as const;

const transports = {
  http: (port: number, path: string) => new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}${path}`)),
  sse: (port: number, path: string) => new SSEClientTransport(new URL(`http://127.0.0.1:${port}${path}`)),
  ws: (port: number, path: string) => new WebSocketClientTransport(new URL(`ws://127.0.0.1:${port}${path}`)),
} as const;

async function toolsOver(transport: Transport): Promise<readonly string[]> {
  const client = new Client({ name: "migrating", version: "1" });
  await client.connect(transport);
  const { tools } = await client.listTools();
  await client.close();
  return tools.map(({ name }) => name);
}

/** The line with what exists here in place of the examples. */
async function prepare(line: string, resources: AsyncDisposableStack) {
  const [typed = "", clients = ""] = line.split(/ {3}# /);
  const port = await lastingPort();
  const { path } = resources.use(await temporaryDirectory());
  let command = typed.replace("npx -y @modelcontextprotocol/server-memory", `${process.execPath} ${memory}`);
  for (const [url, start] of Object.entries(examples))
    if (command.includes(url)) command = command.replace(url, resources.use(await start()).url);
  command = command
    .replaceAll(/\b80[08]0\b/g, String(port))
    .replace(/^holdfast/, `exec ${process.execPath} ${program}`);
  if (clients !== "stdio" && !typed.includes("--port")) command = command.replace(program, `${program} --port ${port}`);
  const env = { HOLDFAST_DATA_DIR: join(path, "data"), MEMORY_FILE_PATH: join(path, "memory.jsonl"), TOKEN: "example" };
  return { command, clients, port, env, typed };
}

describe("docs/migrating.md", { timeout: 120_000 }, () => {
  it("documents the three programs", () => {
    for (const name of ["supergateway", "mcp-remote", "mcp-proxy"])
      assert.ok(page.includes(`\n## From ${name}\n`), name);
    assert.ok(lines.length >= 12, `${lines.length} lines`);
  });

  for (const line of lines) {
    it(`runs: ${line}`, async () => {
      await using resources = new AsyncDisposableStack();
      const { command, clients, port, env, typed } = await prepare(line, resources);
      const expected = typed.includes("example.com") ? "echo" : "create_entities";
      if (clients === "stdio") {
        const args = ["-c", command];
        const transport = new StdioClientTransport({
          command: "/bin/sh",
          args,
          env: childEnvironment(env),
          stderr: "ignore",
        });
        return assert.ok((await toolsOver(transport)).includes(expected));
      }
      const [kind = "", path = ""] = clients.split(" ");
      const child = resources.use(await startChild("/bin/sh", ["-c", command], { env }));
      await child.waitForLine(/^MCP endpoint: /);
      const transport = transports[kind as keyof typeof transports](port, path);
      assert.ok((await toolsOver(transport)).includes(expected));
      if (!typed.includes("--cors")) return;
      const health = await fetch(`http://127.0.0.1:${port}/ok`, { headers: { origin: "https://page.example" } });
      assert.equal(await health.text(), "ok");
      assert.equal(health.headers.get("access-control-allow-origin"), "https://page.example");
      const headers = { origin: "https://page.example", "access-control-request-method": "POST" };
      const asked = await fetch(`http://127.0.0.1:${port}${path}`, { method: "OPTIONS", headers });
      assert.equal(asked.status, 204);
      assert.match(asked.headers.get("access-control-allow-methods") ?? "", /POST/);
    });
  }
});
