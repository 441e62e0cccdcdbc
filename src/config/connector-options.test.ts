// What a server's address shows of itself (a name), and what tells it from others (a key).
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressKey, addressName, type StdioAddress } from "./index.ts";

const child = (command: string, args: readonly string[] = [], others: Partial<StdioAddress> = {}): StdioAddress => ({
  kind: "stdio",
  command,
  args,
  env: {},
  cwd: undefined,
  share: false,
  ...others,
});

describe("the name of a server that was given none", () => {
  const names: readonly (readonly [string, StdioAddress])[] = [
    ["mcp-server-git", child("/usr/local/bin/mcp-server-git", ["--token", "s3cret"])],
    ["@modelcontextprotocol/server-memory", child("npx", ["-y", "@modelcontextprotocol/server-memory@2026.1.1"])],
    ["mcp-server-fetch", child("uvx", ["mcp-server-fetch"])],
    ["server", child(String.raw`C:\tools\server.exe`, [])],
    ["npx", child("npx", ["--token", "s3cret", "some-package"])],
    ["node", child("node", ["server.js"])],
  ];
  for (const [name, address] of names) {
    it(`is ${name} for ${address.command}, and shows no argument`, () => assert.equal(addressName(address), name));
  }

  it("is the host of a URL", () => {
    assert.equal(addressName({ kind: "websocket", url: new URL("wss://example.com/secret?key=1") }), "example.com");
  });
});

describe("the key of a program", () => {
  it("differs by command, arguments, variables and directory, not by the order of variables", () => {
    const keys = [
      child("a"),
      child("b"),
      child("a", ["x"]),
      child("a", [], { env: { A: "1", B: "2" } }),
      child("a", [], { env: { A: "1", B: "3" } }),
      child("a", [], { cwd: "/" }),
    ].map(addressKey);
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(addressKey(child("a", [], { env: { B: "2", A: "1" } })), keys[3]);
  });
});
