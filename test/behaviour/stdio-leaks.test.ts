// No process of a server outlives Holdfast or its session, whatever happens to either.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startChild, temporaryDirectory } from "../support/process.ts";
import { openSession, send } from "../support/raw-client.ts";
import { calling, gone, isAlive, scriptedServer, stdioBridge } from "../support/stdio-bridge.ts";

const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** Processes whose command line holds this mark, which a test puts there. */
function processesWith(mark: string): readonly string[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,args="], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return table.split("\n").filter((line) => line.includes(mark) && !line.includes("ps -A"));
}

async function noneWith(mark: string): Promise<void> {
  for (const end = Date.now() + 15_000; processesWith(mark).length > 0; ) {
    if (Date.now() > end) assert.fail(processesWith(mark).join("\n"));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("a SIGKILL of Holdfast", () => {
  it("ends the processes of all its servers, also one that ignores SIGTERM and what it started itself", async () => {
    await using data = await temporaryDirectory();
    const server = [process.execPath, scriptedServer, "ignores-term"];
    const args = [program, "--port", "0", "--data-dir", data.path, "--", ...server];
    await using holdfast = await startChild(process.execPath, args);
    const [, url = ""] = await holdfast.waitForLine(/MCP endpoint: (\S+)/);
    const sessions = await Promise.all([1, 2, 3].map(async () => calling(await openSession(url))));
    const pids = await Promise.all(sessions.flatMap((session) => [session.call("pid"), session.call("child")]));
    for (const pid of pids) assert.ok(isAlive(Number(pid)), pid);
    // The servers are in groups of their own, so nothing but Holdfast itself gets this signal.
    process.kill(holdfast.pid, "SIGKILL");
    await holdfast.exited;
    for (const pid of pids) await gone(Number(pid));
  });

  it("is survived by the session: Holdfast's next start gives it a new process", async () => {
    await using data = await temporaryDirectory();
    const start = async () => {
      const args = [program, "--data-dir", data.path, "--port", "0", "--", process.execPath, scriptedServer];
      const holdfast = await startChild(process.execPath, args);
      const [, url = ""] = await holdfast.waitForLine(/MCP endpoint: (\S+)/);
      return { holdfast, url };
    };
    const first = await start();
    const session = await openSession(first.url);
    const before = await calling(session).call("pid");
    await first.holdfast.end("SIGKILL");
    const second = await start();
    const again = calling({
      ...session,
      post: (body, headers) => send(second.url, { headers: { ...session.headers, ...headers }, body }),
    });
    assert.notEqual(await again.call("pid"), before);
    assert.equal(await second.holdfast.end("SIGTERM"), 0);
  });
});

describe("1,000 sessions", () => {
  it("leave no process, whether they are ended, killed, idle or still open at the end", {
    timeout: 240_000,
  }, async () => {
    const mark = `holdfast-leak-${process.pid}`;
    // As small as a server can be: it answers initialize and whatever else is asked.
    const server = `while read -r line; do id=\${line#*\\"id\\":}; id=\${id%%,*}; case "$line" in *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"},"pid":%s}}\\n' "$id" "$$" ;; esac; done`;
    await using bridge = await stdioBridge([], {
      command: "/bin/sh",
      args: ["-c", server, mark],
      idleTimeoutMs: 20_000,
      quiet: true,
    });
    let opened = 0;
    const work = async (): Promise<void> => {
      while (opened < 1_000) {
        opened += 1;
        const number = opened;
        const session = await openSession(bridge.url, { firstId: 1 });
        if (number % 10 === 0) {
          const answer = await session.post('{"jsonrpc":"2.0","id":2,"method":"ping"}');
          process.kill(Number(/"pid":(\d+)/.exec(answer.text)?.[1]), "SIGKILL");
        }
        // One in twenty is left as it is.
        if (number % 20 !== 0) await session.send({ method: "DELETE" });
      }
    };
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(work));
    assert.ok(processesWith(mark).length < 200, `${processesWith(mark).length} processes`);
    await bridge.close();
    await noneWith(mark);
    assert.equal(opened, 1_000);
  });
});
