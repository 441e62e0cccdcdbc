// Codex, whose client is Rust's rmcp: calls a tool through Holdfast before and after the server was killed. Needs no model and no account.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { childEnvironment, killAtExit, temporaryDirectory } from "../support/process.ts";
import { textOf } from "../support/tool-result.ts";
import { everything } from "../support/upstreams.ts";

const script = join(dirname(createRequire(import.meta.url).resolve("@openai/codex/package.json")), "bin/codex.js");

interface Codex extends AsyncDisposable {
  callTool(tool: string, args: object): Promise<string>;
}

interface Answer {
  readonly id?: number;
  readonly result?: { readonly thread?: { readonly id: string } };
  readonly error?: unknown;
}

/** `codex app-server`, asked line by line as an editor would; it finds the server in its own configuration file. */
async function startCodex(url: string): Promise<Codex> {
  const home = await temporaryDirectory();
  await writeFile(
    join(home.path, "config.toml"),
    `[analytics]\nenabled = false\n\n[mcp_servers.held]\nurl = "${url}"\n`,
  );
  const child = spawn(process.execPath, [script, "app-server"], {
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
    env: childEnvironment({ CODEX_HOME: home.path }),
  });
  const { pid = 0 } = child;
  const release = killAtExit(-pid);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const waiting = new Map<number, (answer: Answer) => void>();
  createInterface(child.stdout).on("line", (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id ?? -1)?.(answer);
  });
  let lastId = 0;
  const ask = (method: string, params: object): Promise<Answer> =>
    new Promise((resolve) => {
      lastId += 1;
      waiting.set(lastId, resolve);
      child.stdin.write(`${JSON.stringify({ id: lastId, method, params })}\n`);
    });
  await ask("initialize", { clientInfo: { name: "holdfast-tests", version: "1" } });
  child.stdin.write('{"method":"initialized"}\n');
  const { result, error } = await ask("thread/start", { cwd: home.path });
  const threadId = result?.thread?.id;
  assert.ok(threadId !== undefined, JSON.stringify(error));
  return {
    callTool: async (tool, args) => {
      const answer = await ask("mcpServer/tool/call", { threadId, server: "held", tool, arguments: args });
      assert.equal(answer.error, undefined, JSON.stringify(answer.error));
      return textOf(answer.result);
    },
    [Symbol.asyncDispose]: async () => {
      process.kill(-pid, "SIGKILL");
      await exited;
      release();
      await home[Symbol.asyncDispose]();
    },
  };
}

describe("Codex", { timeout: 90_000 }, () => {
  it("calls a tool before and after the server was killed, where without Holdfast it would hang", async () => {
    await using server = await everything();
    await using holdfast = await startHoldfast(server.url);
    await using codex = await startCodex(holdfast.url);
    assert.match(await codex.callTool("echo", { message: "one" }), /Echo: one/);
    await server.restart({ signal: "SIGKILL" });
    assert.match(await codex.callTool("echo", { message: "two" }), /Echo: two/);
    await holdfast.stop();
    assert.equal(holdfast.requests("initialize").length, 1);
  });
});
