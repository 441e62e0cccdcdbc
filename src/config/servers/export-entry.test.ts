// What each client is given to paste, to the letter; test/partners/export.test.ts shows it to the clients themselves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ExportTarget, exportFor, readServers } from "./index.ts";

const target: ExportTarget = {
  name: "memory",
  url: "http://127.0.0.1:4747/c/memory/mcp",
  launcher: { command: "/usr/bin/node", args: ["/opt/holdfast/main.js"] },
};
const withToken: ExportTarget = { ...target, tokenVariable: "HOLDFAST_TOKEN" };

describe("an export", () => {
  it("for Claude Code is an entry and a command", () => {
    assert.deepEqual(exportFor("claude-code", target), {
      client: "claude-code",
      file: ".mcp.json",
      entry:
        '{\n  "mcpServers": {\n    "memory": {\n      "type": "http",\n      "url": "http://127.0.0.1:4747/c/memory/mcp"\n    }\n  }\n}\n',
      command: "claude mcp add --transport http memory http://127.0.0.1:4747/c/memory/mcp",
    });
    const { entry, command } = exportFor("claude-code", withToken);
    assert.deepEqual(JSON.parse(entry), {
      mcpServers: { memory: { type: "http", url: target.url, headers: { Authorization: "Bearer ${HOLDFAST_TOKEN}" } } },
    });
    assert.equal(
      command,
      `claude mcp add --transport http memory ${target.url} --header 'Authorization: Bearer \${HOLDFAST_TOKEN}'`,
    );
  });

  it("for Claude Desktop starts Holdfast, as that client speaks only stdio", () => {
    const { entry, command, file } = exportFor("claude-desktop", target);
    assert.equal(file, "claude_desktop_config.json");
    assert.equal(command, undefined);
    assert.deepEqual(JSON.parse(entry), {
      mcpServers: { memory: { command: "/usr/bin/node", args: ["/opt/holdfast/main.js", "stdio", target.url] } },
    });
    assert.deepEqual(JSON.parse(exportFor("claude-desktop", withToken).entry), {
      mcpServers: {
        memory: {
          command: "/usr/bin/node",
          args: ["/opt/holdfast/main.js", "stdio", target.url, "--header", "Authorization: Bearer ${HOLDFAST_TOKEN}"],
          env: { HOLDFAST_TOKEN: "" },
        },
      },
    });
  });

  it("for Cursor is an entry and a link that installs it", () => {
    const { entry, command = "", file } = exportFor("cursor", withToken);
    const server = { url: target.url, headers: { Authorization: "Bearer ${env:HOLDFAST_TOKEN}" } };
    assert.equal(file, ".cursor/mcp.json");
    assert.deepEqual(JSON.parse(entry), { mcpServers: { memory: server } });
    const link = new URL(command);
    assert.equal(link.protocol, "cursor:");
    assert.equal(link.searchParams.get("name"), "memory");
    assert.deepEqual(JSON.parse(Buffer.from(link.searchParams.get("config") ?? "", "base64").toString()), server);
  });

  it("for VS Code asks for the token instead of naming a variable", () => {
    assert.equal(
      exportFor("vscode", target).command,
      `code --add-mcp '{"name":"memory","type":"http","url":"${target.url}"}'`,
    );
    const { entry, command } = exportFor("vscode", withToken);
    assert.equal(command, undefined);
    assert.deepEqual(JSON.parse(entry), {
      inputs: [{ type: "promptString", id: "holdfast-token", description: "Holdfast API token", password: true }],
      servers: {
        memory: { type: "http", url: target.url, headers: { Authorization: "Bearer ${input:holdfast-token}" } },
      },
    });
  });

  it("for Codex is TOML and a command", () => {
    assert.deepEqual(exportFor("codex", withToken), {
      client: "codex",
      file: "~/.codex/config.toml",
      entry: `[mcp_servers.memory]\nurl = "${target.url}"\nbearer_token_env_var = "HOLDFAST_TOKEN"\n`,
      command: `codex mcp add memory --url ${target.url} --bearer-token-env-var HOLDFAST_TOKEN`,
    });
    assert.equal(exportFor("codex", target).entry, `[mcp_servers.memory]\nurl = "${target.url}"\n`);
  });

  it("quotes what a shell would take apart", () => {
    const { command } = exportFor("codex", { ...target, url: "http://h/a?b=1&c='d" });
    assert.equal(command, `codex mcp add memory --url 'http://h/a?b=1&c='\\''d'`);
  });

  it("of JSON is read back by Holdfast's own import", () => {
    for (const client of ["claude-code", "claude-desktop", "cursor", "vscode"] as const) {
      const [entry] = readServers(exportFor(client, withToken).entry, "exported");
      assert.equal(entry?.name, "memory", client);
    }
  });
});
