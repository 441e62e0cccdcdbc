// What `export` writes for a client, given to real readers: Codex itself, and MCP Inspector for the mcpServers shape. Nothing of it is a mock.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { type ExportTarget, exportFor } from "../../src/config/servers/index.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { childEnvironment, startChild, temporaryDirectory } from "../support/process.ts";
import { program } from "../support/run-holdfast.ts";
import { everything } from "../support/upstreams.ts";

const timeout = 120_000;
const launcher = { command: process.execPath, args: ["holdfast"] };
const target: ExportTarget = { name: "memory", url: "http://127.0.0.1:4747/c/memory/mcp", launcher };

async function run(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  await using child = await startChild(command, args, { env });
  assert.equal(await child.exited, 0, child.output());
  await child.end();
  return child.output("stdout");
}

const codexScript = fileURLToPath(import.meta.resolve("@openai/codex/bin/codex.js"));
const codex = (home: string, args: readonly string[]) =>
  run(process.execPath, [codexScript, ...args], { CODEX_HOME: home });

interface CodexServer {
  readonly name: string;
  readonly transport: { readonly type: string; readonly url: string; readonly bearer_token_env_var: string | null };
}

const listed = async (home: string) =>
  JSON.parse(await codex(home, ["mcp", "list", "--json"])) as readonly CodexServer[];

describe("what is exported for Codex", { timeout }, () => {
  for (const [what, given] of [
    ["without a token", target],
    ["with a token", { ...target, tokenVariable: "HOLDFAST_TOKEN" }],
  ] as const) {
    it(`${what} is read by codex mcp list, as file and as command`, async () => {
      await using directory = await temporaryDirectory();
      const { entry, command = "" } = exportFor("codex", given);
      const byFile = join(directory.path, "file");
      const byCommand = join(directory.path, "command");
      await Promise.all([mkdir(byFile), mkdir(byCommand)]);
      await writeFile(join(byFile, "config.toml"), entry);
      const [program, ...args] = command.split(" ");
      assert.equal(program, "codex");
      await codex(byCommand, args);
      const servers = await Promise.all([listed(byFile), listed(byCommand)]);
      for (const [server, ...more] of servers) {
        assert.equal(more.length, 0);
        assert.equal(server?.name, "memory");
        assert.equal(server?.transport.type, "streamable_http");
        assert.equal(server?.transport.url, target.url);
        assert.equal(
          server?.transport.bearer_token_env_var ?? undefined,
          given === target ? undefined : "HOLDFAST_TOKEN",
        );
      }
    });
  }
});

const inspector = fileURLToPath(import.meta.resolve("@modelcontextprotocol/inspector/package.json"));

describe("what is exported for Claude Code", { timeout }, () => {
  it("leads MCP Inspector, which reads the same file, through Holdfast to the server's tools", async () => {
    await using server = await everything();
    await using holdfast = await startHoldfast(server.url);
    await using directory = await temporaryDirectory();
    const file = join(directory.path, ".mcp.json");
    await writeFile(file, exportFor("claude-code", { ...target, url: holdfast.url }).entry);
    const bin = join(inspector, "..", "..", "..", ".bin", "mcp-inspector");
    const args = ["--cli", "--config", file, "--server", "memory", "--method", "tools/list"];
    const answer = JSON.parse(await run(bin, args, { HOME: directory.path })) as { tools: readonly { name: string }[] };
    assert.ok(answer.tools.some(({ name }) => name === "echo"));
    await holdfast.stop();
    assert.equal(holdfast.requests("tools/list").length, 1);
  });
});

describe("what is exported for Claude Desktop", { timeout }, () => {
  it("starts Holdfast on standard input and output, in front of the connector", async () => {
    await using server = await everything();
    await using holdfast = await startHoldfast(server.url);
    const own = { command: process.execPath, args: [program] };
    const exported = exportFor("claude-desktop", { ...target, url: holdfast.url, launcher: own });
    const { mcpServers } = JSON.parse(exported.entry) as {
      mcpServers: Record<string, { command: string; args: string[] }>;
    };
    const { command, args } = mcpServers["memory"] ?? { command: "", args: [] };
    const transport = new StdioClientTransport({ command, args, env: childEnvironment() });
    const client = new Client({ name: "holdfast-tests", version: "1.0.0" });
    await client.connect(transport);
    try {
      const { tools } = await client.listTools();
      assert.ok(tools.some(({ name }) => name === "echo"));
    } finally {
      await client.close();
    }
  });
});
