// Real clients of both eras on servers of both eras, through Holdfast on one URL: plain calls, a question in the middle of a call, and a restart of the server.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { type Era, type EraServer, startEraServer } from "../support/era-server.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { startChild, temporaryDirectory } from "../support/process.ts";

const identity = { name: "holdfast-tests", version: "1.0.0" };
const accepted = { action: "accept" as const, content: { ok: true } };

interface Caller extends AsyncDisposable {
  call(name: string, args?: Record<string, unknown>): Promise<unknown>;
}

const modes = { legacy: "legacy", auto: "auto", pinned: { pin: "2026-07-28" } } as const;

async function client2(url: string, mode: keyof typeof modes): Promise<Caller> {
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

async function client1(url: string): Promise<Caller> {
  const client = new Client1(identity, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => accepted);
  await client.connect(new Transport1(new URL(url)));
  return {
    call: (name, args = {}) => client.callTool({ name, arguments: args }),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

const callers: Readonly<Record<string, (url: string) => Promise<Caller>>> = {
  "the official client 2.4 in its legacy mode": (url) => client2(url, "legacy"),
  "the official client 2.4 in its auto mode": (url) => client2(url, "auto"),
  "the official client 2.4 pinned to 2026-07-28": (url) => client2(url, "pinned"),
  "the official SDK 1.32": client1,
};

const textOf = (result: unknown): string => JSON.stringify(result);

async function withBoth(era: Era, use: (server: EraServer, url: string) => Promise<void>): Promise<void> {
  await using server = await startEraServer(era);
  await using holdfast = await startHoldfast(server.url);
  await use(server, holdfast.url);
}

for (const era of ["legacy", "modern"] as const) {
  describe(`a ${era} server`, () => {
    for (const [name, connect] of Object.entries(callers)) {
      it(`answers ${name}, asks it, and is not missed while it restarts`, () =>
        withBoth(era, async (server, url) => {
          await using caller = await connect(url);
          assert.match(textOf(await caller.call("echo", { said: "one" })), /one/);
          assert.match(textOf(await caller.call("confirm")), /confirmed/);
          await server.restart();
          assert.match(textOf(await caller.call("echo", { said: "two" })), /two/);
          assert.equal(server.ran.get("confirm"), 1);
        }));
    }

    for (const mode of ["legacy", "auto", "modern"] as const) {
      it(`shows its tools to the Inspector in its ${mode} era`, () =>
        withBoth(era, async (_server, url) => {
          await using home = await temporaryDirectory();
          const bin = fileURLToPath(new URL("../../node_modules/.bin/mcp-inspector", import.meta.url));
          const args = [bin, "--cli", url, "--transport", "http", "--protocol-era", mode, "--method", "tools/list"];
          await using child = await startChild(process.execPath, args, { cwd: home.path, env: { HOME: home.path } });
          assert.equal(await child.exited, 0, child.output());
          assert.match(child.output("stdout"), /"confirm"/);
        }));
    }
  });
}
