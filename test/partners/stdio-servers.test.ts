// The reference servers as stdio programs behind HTTP, called by real clients, each through the death of its process.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { clients } from "../support/clients.ts";
import { startChild, temporaryDirectory } from "../support/process.ts";
import { gone } from "../support/stdio-bridge.ts";
import type { Connection } from "../support/tool-result.ts";

const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const scriptOf = (name: string): string =>
  fileURLToPath(import.meta.resolve(`@modelcontextprotocol/${name}/dist/index.js`));

interface Partner {
  readonly name: string;
  readonly args: (directory: string) => readonly string[];
  readonly env: (directory: string) => Readonly<Record<string, string>>;
  /** Calls a tool, and again after the process is dead; each time the answer holds this. */
  readonly call: (connection: Connection, directory: string) => Promise<string>;
  readonly holds: RegExp;
}

function childrenOf(parent: number, script: string): readonly number[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
  return table.split("\n").flatMap((line) => {
    const [, pid, owner, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(owner) === parent && args.includes(script) ? [Number(pid)] : [];
  });
}

const partners: readonly Partner[] = [
  {
    name: "server-everything",
    args: () => [scriptOf("server-everything"), "stdio"],
    env: () => ({}),
    call: (connection) => connection.callTool("echo", { message: "hello" }),
    holds: /Echo: hello/,
  },
  {
    name: "server-memory",
    args: () => [scriptOf("server-memory")],
    env: (directory) => ({ MEMORY_FILE_PATH: join(directory, "memory.jsonl") }),
    call: async (connection) => {
      await connection.callTool("create_entities", {
        entities: [{ name: "Ada", entityType: "person", observations: ["wrote notes"] }],
      });
      return connection.callTool("read_graph", {});
    },
    holds: /Ada/,
  },
  {
    name: "server-filesystem",
    args: (directory) => [scriptOf("server-filesystem"), directory],
    env: () => ({}),
    call: (connection, directory) => connection.callTool("read_text_file", { path: join(directory, "note.txt") }),
    holds: /a note/,
  },
];

for (const { name, args, env, call, holds } of partners) {
  describe(`${name} as a program behind HTTP`, () => {
    for (const client of clients.slice(0, 2)) {
      it(`answers ${client.name}, also after its process was killed`, async () => {
        await using directory = await temporaryDirectory();
        await writeFile(join(directory.path, "note.txt"), "a note");
        const server = [process.execPath, ...args(directory.path)];
        const set = Object.entries(env(directory.path)).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
        await using holdfast = await startChild(process.execPath, [program, "--port", "0", ...set, "--", ...server]);
        const [, url = ""] = await holdfast.waitForLine(/MCP endpoint: (\S+)/);
        await using connection = await client.connect(url);
        assert.match(await call(connection, directory.path), holds);
        const children = childrenOf(holdfast.pid, server[1] ?? "");
        assert.equal(children.length, 1);
        for (const pid of children) process.kill(pid, "SIGKILL");
        for (const pid of children) await gone(pid);
        assert.match(await call(connection, directory.path), holds);
        assert.deepEqual(connection.errors(), []);
      });
    }
  });
}
