// Real stdio servers behind a hub, upgraded while real clients call them: no call fails, and every session goes on at a new process.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { clients } from "../support/clients.ts";
import { startHub } from "../support/hub.ts";
import { gone } from "../support/stdio-bridge.ts";
import { steadyLoad } from "../support/steady-load.ts";

const script = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));

function processesOf(hub: number): readonly number[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
  return table.split("\n").flatMap((line) => {
    const [, pid, owner, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(owner) === hub && args.includes(script) ? [Number(pid)] : [];
  });
}

describe("server-everything on stdio", { timeout: 90_000 }, () => {
  it("is upgraded under 200 calls a second of the official clients, and none of them fails", async () => {
    await using hub = await startHub({ args: ["--no-demo"] });
    const server = { kind: "stdio", command: process.execPath, args: [script, "stdio"], env: {}, share: false };
    await hub.addLocal("everything", server);
    await hub.until("everything", "connected");
    const sdks = clients.filter(({ name }) => /sdk/i.test(name));
    assert.ok(sdks.length >= 2, clients.map(({ name }) => name).join());
    const connections = await Promise.all(sdks.map((sdk) => sdk.connect(`${hub.url}/c/everything/mcp`)));
    const before = processesOf(hub.pid());
    const sessions = connections.map((connection) => ({
      call: async (_tool: string, args: object = {}) =>
        (await connection.callTool("echo", { message: "text" in args ? args.text : "" })).replace(/^Echo: /, ""),
    }));
    const results: unknown[] = [];
    const load = await steadyLoad(sessions, 200, async () => {
      const { status, body } = await hub.api("POST", "/connectors/everything/upgrade");
      results.push(status, body["failed"]);
      // Modern clients share sessions, and under load there are more of these than clients.
      assert.ok(Number(body["moved"]) >= connections.length, JSON.stringify(body));
    });
    assert.deepEqual(load.wrong, []);
    assert.deepEqual(results, [200, 0]);
    assert.ok(load.perSecond > 190, `${load.perSecond} calls/s`);
    for (const pid of before) await gone(pid);
    assert.ok(processesOf(hub.pid()).length >= connections.length);
    for (const connection of connections) await connection.close();
  });
});
