// Config files as their clients document them, read unchanged; and each way of being wrong, with its place and without its value.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../index.ts";
import { type ConnectorEntry, readServers } from "./index.ts";

const read = (source: unknown, file = "mcp.json"): readonly ConnectorEntry[] =>
  readServers(typeof source === "string" ? source : JSON.stringify(source), file);

function only(source: unknown): ConnectorEntry {
  const entries = read(source);
  assert.equal(entries.length, 1);
  return entries[0] as ConnectorEntry;
}
const server = (value: unknown) => only({ mcpServers: { one: value } });

const common = { name: "one", headers: {}, options: {}, disabled: false, unknown: {}, notes: [] };
const url = "https://example.com/mcp";

describe("a config file of the ecosystem", () => {
  it("of Claude Code is read with its three kinds of servers", () => {
    const entries = read(`{
      "mcpServers": {
        "tools": { "type": "stdio", "command": "npx", "args": ["-y", "some-server"], "env": { "KEY": "\${KEY}" } },
        "remote": { "type": "http", "url": "${url}", "headers": { "Authorization": "Bearer \${TOKEN:-none}" } },
        "old": { "type": "sse", "url": "https://example.com/sse" }
      }
    }`);
    const tools = { kind: "stdio", command: "npx", args: ["-y", "some-server"], env: { KEY: "${KEY}" }, share: false };
    const headers = { Authorization: "Bearer ${TOKEN:-none}" };
    assert.deepEqual(entries, [
      { ...common, name: "tools", server: tools },
      { ...common, name: "remote", server: { kind: "http", url, wire: "auto" }, headers },
      { ...common, name: "old", server: { kind: "http", url: "https://example.com/sse", wire: "http-sse" } },
    ]);
  });

  it("of VS Code is read with its comments, inputs and trailing commas", () => {
    const entry = only(`// servers of this workspace
    {
      "inputs": [{ "type": "promptString", "id": "key", "description": "API key", "password": true }],
      "servers": {
        /* the remote one */
        "one": { "type": "http", "url": "${url}", "headers": { "X-Key": "\${input:key}" }, },
      },
    }`);
    assert.deepEqual(entry, {
      ...common,
      server: { kind: "http", url, wire: "auto" },
      headers: { "X-Key": "${input:key}" },
    });
  });

  it("of VS Code's user settings is read one level down", () => {
    assert.equal(only({ mcp: { servers: { one: { command: "x" } } } }).server.kind, "stdio");
  });

  it("of Claude Desktop and Cursor is read without types", () => {
    assert.equal(server({ command: "uvx", args: ["x"] }).server.kind, "stdio");
    assert.equal(server({ url }).server.kind, "http");
    assert.equal(server({ url: "wss://example.com/ws" }).server.kind, "websocket");
  });

  it("may begin with a byte order mark", () => {
    assert.equal(only(`\uFEFF{"mcpServers":{"one":{"command":"x"}}}`).server.kind, "stdio");
  });

  it("may hold no server at all", () => {
    assert.deepEqual(read({ mcpServers: {} }), []);
  });

  it("keeps keys that Holdfast has no use for", () => {
    const entry = server({ command: "x", autoApprove: ["a"], timeout: 60 });
    assert.deepEqual(entry.unknown, { autoApprove: ["a"], timeout: 60 });
  });

  it("takes what only Holdfast has a use for from an object of its own", () => {
    const holdfast = {
      trusted: true,
      recovery: "notify",
      recoveryWindow: 1.5,
      startTimeout: 2,
      maxMessage: 4096,
    };
    const { options, unknown } = server({ url, holdfast });
    assert.deepEqual(options, {
      trusted: true,
      recovery: "notify",
      recoveryWindowMs: 1_500,
      startTimeoutMs: 2_000,
      maxMessageBytes: 4_096,
    });
    assert.deepEqual(unknown, {});
  });

  it("names the file of a program's variables, and says where it is of no use", () => {
    const program = server({ command: "x", envFile: "${workspaceFolder}/.env" });
    assert.deepEqual(program.server.kind === "stdio" && program.server.envFile, "${workspaceFolder}/.env");
    assert.deepEqual(program.notes, []);
    assert.match(server({ url, envFile: ".env" }).notes.join(), /envFile is not read/);
  });

  it("says which servers are switched off", () => {
    assert.equal(server({ url, disabled: true }).disabled, true);
    assert.equal(server({ url, enabled: false }).disabled, true);
    assert.equal(server({ url, enabled: true }).disabled, false);
  });

  it("may name a server __proto__ and is not changed by it", () => {
    const [entry] = read('{"mcpServers":{"__proto__":{"command":"x"}}}');
    assert.equal(entry?.name, "__proto__");
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
  });

  for (const [spelling, wire] of [
    ["http", "auto"],
    ["streamable-http", "streamable-http"],
    ["streamableHttp", "streamable-http"],
    ["streamable_http", "streamable-http"],
    ["sse", "http-sse"],
    ["SSE", "http-sse"],
  ] as const) {
    it(`takes the type ${spelling} for the wire ${wire}`, () => {
      const entry = server({ type: spelling, url });
      assert.ok(entry.server.kind === "http");
      assert.equal(entry.server.wire, wire);
    });
  }

  it("takes the types ws and websocket for a WebSocket, stdio and local for a command", () => {
    for (const type of ["ws", "websocket"])
      assert.equal(server({ type, url: "ws://localhost:1/" }).server.kind, "websocket");
    for (const type of ["stdio", "local"]) assert.equal(server({ type, command: "x" }).server.kind, "stdio");
  });

  it("may give the URL as serverUrl or httpUrl, as Windsurf and Gemini do", () => {
    for (const key of ["serverUrl", "httpUrl"]) assert.equal(server({ [key]: url }).server.kind, "http");
  });
});

describe("an entry that starts mcp-remote", () => {
  const remote = (args: readonly string[], env: Record<string, string> = {}, command = "npx") =>
    server({ command, args, env });

  it("becomes the URL that it reaches, with its headers and its wire", () => {
    const args = [
      "-y",
      "mcp-remote@latest",
      url,
      "3334",
      "--header",
      "Authorization:${AUTH}",
      "--transport",
      "sse-only",
    ];
    assert.deepEqual(remote(args, { AUTH: "Bearer ${TOKEN}" }), {
      ...common,
      server: { kind: "http", url, wire: "http-sse" },
      headers: { Authorization: "Bearer ${TOKEN}" },
      notes: ["mcp-remote is not needed: Holdfast reaches the server itself."],
    });
  });

  it("is known behind every way to run a package", () => {
    for (const words of [
      "npx mcp-remote",
      "npx -y mcp-remote",
      "bunx mcp-remote",
      "pnpm dlx mcp-remote",
      "cmd /c npx -y mcp-remote",
      "/usr/bin/mcp-remote",
    ]) {
      const [command = "", ...args] = words.split(" ");
      assert.equal(remote([...args, url], {}, command).server.kind, "http", words);
    }
  });

  it("says which of its flags have no counterpart", () => {
    const { notes } = remote(["mcp-remote", url, "--allow-http", "--resource", "https://example.com/", "--debug"]);
    assert.deepEqual(notes, ["mcp-remote is not needed: Holdfast reaches the server itself, without --resource."]);
  });

  it("stays a command where only mcp-remote understands it", () => {
    assert.equal(remote(["mcp-remote", url, "--header-file", "headers.txt"]).server.kind, "stdio");
    assert.equal(remote(["some-server", "mcp-remote", url]).server.kind, "stdio");
    assert.equal(remote(["mcp-remote"]).server.kind, "stdio");
  });
});

const secret = "canary-s3cret";

describe("a config file that is wrong", () => {
  const refusal = (source: unknown): string => {
    try {
      read(source);
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      assert.ok(!error.message.includes(secret), error.message);
      return error.message;
    }
    throw new Error("it was read");
  };

  for (const [what, source, says] of [
    ["is empty", "", `mcp.json:1:1 A value is expected here.`],
    [
      "lacks a comma",
      `{"mcpServers": {"a": {"command": "x"}\n  "b": {}}}`,
      "mcp.json:2:3 A comma is missing before this.",
    ],
    ["lacks a brace", `{"mcpServers": {`, "mcp.json:1:17 A closing brace is missing."],
    [
      "leaves a text open",
      `{"mcpServers": {"a": {"command": "${secret}\n}}}`,
      "mcp.json:1:34 The text is not closed: a double quote is missing.",
    ],
    [
      "holds no servers",
      `{"name": "${secret}"}`,
      'mcp.json:1:1 There is no "mcpServers" (Claude, Cursor) and no "servers" (VS Code) in it.',
    ],
    ["is a list", `[]`, 'mcp.json:1:1 There is no "mcpServers" (Claude, Cursor) and no "servers" (VS Code) in it.'],
    [
      "has a list of servers",
      `{"mcpServers": []}`,
      "mcp.json:1:16 The servers must be an object of names and servers.",
    ],
    [
      "has a server that is a text",
      `{"mcpServers": {"a": "${secret}"}}`,
      'mcp.json:1:22 a must be an object such as {"url": "https://..."} or {"command": "..."}.',
    ],
    [
      "has a server without an address",
      `{"mcpServers": {\n  "a": {}}}`,
      'mcp.json:2:8 a needs a "url" or a "command".',
    ],
    [
      "has a server with two addresses",
      `{"mcpServers": {"a": {"url": "${url}", "command": "x"}}}`,
      'mcp.json:1:22 a has both "url" and "command": say which with "type".',
    ],
    [
      "sets Holdfast to what it cannot be",
      `{"mcpServers": {"a": {"holdfast": {"recovery": "often"}, "url": "${url}"}}}`,
      "mcp.json:1:48 a.holdfast.recovery is one of transparent, notify, strict.",
    ],
    [
      "has an unknown type",
      `{"mcpServers": {"a": {"type": "${secret}", "url": "${url}"}}}`,
      "mcp.json:1:31 a.type is none of http, streamable-http, sse, ws and stdio.",
    ],
    [
      "has a type without its address",
      `{"mcpServers": {"a": {"type": "stdio", "url": "${url}"}}}`,
      'mcp.json:1:22 a is of type stdio and needs a "command".',
    ],
    [
      "has a type without its URL",
      `{"mcpServers": {"a": {"type": "http", "command": "x"}}}`,
      'mcp.json:1:22 a needs a "url" for its type.',
    ],
    [
      "has a URL of another scheme",
      `{"mcpServers": {"a": {"url": "ftp://${secret}/"}}}`,
      "mcp.json:1:30 a.url must begin with http:// or https://.",
    ],
    [
      "has args that are a text",
      `{"mcpServers": {"a": {"command": "x", "args": "${secret}"}}}`,
      'mcp.json:1:47 a.args must be a list of texts, such as ["-y", "some-server"].',
    ],
    [
      "has an object among the args",
      `{"mcpServers": {"a": {"command": "x", "args": ["y", {}]}}}`,
      "mcp.json:1:53 a.args[1] must be a text.",
    ],
    [
      "has an object among the env",
      `{"mcpServers": {"a": {"command": "x", "env": {"K": {}}}}}`,
      "mcp.json:1:52 a.env.K must be a text.",
    ],
    [
      "has headers that are a list",
      `{"mcpServers": {"a": {"url": "${url}", "headers": ["${secret}"]}}}`,
      'mcp.json:1:68 a.headers must be an object of names and texts, such as {"NAME": "value"}.',
    ],
    [
      "names a server twice",
      `{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}`,
      "mcp.json:1:40 a stands here twice. Rename one.",
    ],
    [
      "names a key twice",
      `{"mcpServers": {"a": {"command": "x", "command": "y"}}}`,
      "mcp.json:1:39 a: command stands here twice.",
    ],
  ] as const) {
    it(`and ${what} is refused with place and remedy`, () => {
      assert.equal(refusal(source), says);
    });
  }

  it("tells five problems at once and counts the rest", () => {
    const lines = refusal({ mcpServers: Object.fromEntries("abcdefg".split("").map((name) => [name, {}])) }).split(
      "\n",
    );
    assert.equal(lines.length, 6);
    assert.match(lines[4] ?? "", /^mcp\.json:1:\d+ e needs/);
    assert.equal(lines[5], "... and 2 more.");
  });

  it("is refused beyond 1 MiB and read at it", () => {
    const rest = JSON.stringify({ mcpServers: {} });
    assert.deepEqual(read(rest + " ".repeat(1024 * 1024 - rest.length)), []);
    assert.match(refusal(rest + " ".repeat(1024 * 1024 - rest.length + 1)), /larger than 1 MiB/);
  });
});
