// SIGHUP has two meanings: somebody asks for the server's program to be started anew, or the terminal is gone and everything in it ends.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../support/process.ts";
import { openSession } from "../support/raw-client.ts";
import { program } from "../support/run-holdfast.ts";
import { calling, gone, scriptedServer } from "../support/stdio-bridge.ts";
import { startStdio } from "../support/stdio-client.ts";
import { answers, Inbox } from "../support/wire-clients.ts";

const timeout = 60_000;
const textOf = (answer: string): string => /"text":"([^"]*)"/.exec(answer)?.[1] ?? answer;
const server = [process.execPath, scriptedServer] as const;

describe("SIGHUP that somebody sends", { timeout }, () => {
  it("to holdfast stdio starts the program anew; a call under way is answered by the old one", async () => {
    await using client = startStdio(["stdio", "--", ...server]);
    await client.initialize();
    const call = async (id: number, name: string, args = {}) =>
      textOf(await client.ask(id, "tools/call", { name, arguments: args }));
    const old = await call(1, "pid");
    const slow = call(2, "sleep", { ms: 1_500 });
    client.signal("SIGHUP");
    let pid = old;
    for (let id = 10; pid === old; id++) pid = await call(id, "pid");
    assert.equal(await slow, old);
    await gone(Number(old));
    client.endInput();
    assert.equal(await client.exited, 0);
    await gone(Number(pid));
    assert.match(client.errors(), /server upgraded/);
    assert.doesNotMatch(client.errors(), /OUTCOME_UNKNOWN/);
  });

  it("to holdfast stdio changes nothing where a client has closed its end: it answers what came and ends", async () => {
    await using client = startStdio(["stdio", "--", ...server]);
    await client.initialize();
    const pid = textOf(await client.ask(1, "tools/call", { name: "pid", arguments: {} }));
    const slow = client.ask(2, "tools/call", { name: "sleep", arguments: { ms: 1_000 } });
    client.endInput();
    // Nothing tells when the end has arrived on the other side of the pipe.
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.signal("SIGHUP");
    assert.equal(textOf(await slow), pid);
    assert.equal(await client.exited, 0);
    await gone(Number(pid));
    assert.doesNotMatch(client.errors(), /server upgraded/);
  });
});

/** A terminal in which a command line runs; `close` is what closing its window does. */
function startInTerminal(line: string) {
  const child = spawn("script", ["-qec", line, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  const inbox = new Inbox();
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const one of lines) inbox.add(one);
  });
  const close = () => child.kill("SIGKILL");
  return { until: inbox.when.bind(inbox), close, [Symbol.dispose]: close };
}

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");
const hasTerminals = (() => {
  try {
    return /-e/.test(execFileSync("script", ["--help"], { encoding: "utf8" }));
  } catch {
    return false;
  }
})();

describe("a terminal that is closed", { timeout, skip: !hasTerminals && "needs script of util-linux" }, () => {
  it("ends a bridge and its servers in order", async () => {
    await using data = await temporaryDirectory();
    const log = join(data.path, "log");
    const args = [program, "--port", "0", "--data-dir", data.path, "--log-file", log, "--", ...server];
    using terminal = startInTerminal(`echo "pid $$"; exec ${quoted([process.execPath, ...args])}`);
    const pid = Number(/\d+/.exec(await terminal.until((line) => line.startsWith("pid ")))?.[0]);
    const url = /http\S+/.exec(await terminal.until((line) => line.includes("MCP endpoint:")))?.[0] ?? "";
    const child = await calling(await openSession(url)).call("pid");
    terminal.close();
    await gone(pid);
    await gone(Number(child));
  });

  it("ends a hub in order, which announces itself no more", async () => {
    await using data = await temporaryDirectory();
    const args = [program, "serve", "--port", "0", "--data-dir", data.path, "--log-file", join(data.path, "log")];
    using terminal = startInTerminal(`echo "pid $$"; exec ${quoted([process.execPath, ...args])}`);
    const pid = Number(/\d+/.exec(await terminal.until((line) => line.startsWith("pid ")))?.[0]);
    await terminal.until((line) => line.startsWith("Page:"));
    assert.ok(existsSync(join(data.path, "hub.json")));
    terminal.close();
    await gone(pid);
    // What it takes back itself: a hub that was merely killed leaves it behind.
    assert.ok(!existsSync(join(data.path, "hub.json")));
  });

  it("ends holdfast stdio and its server, also where its standard streams are pipes that stay open", async () => {
    await using data = await temporaryDirectory();
    const [fifo, out, errors] = ["in", "out", "errors"].map((name) => join(data.path, name)) as [
      string,
      string,
      string,
    ];
    execFileSync("mkfifo", [fifo]);
    // Opened for both, so that it never reaches its end while the test holds it.
    await using input = await open(fifo, "r+");
    const holdfast = quoted([process.execPath, program, "stdio", "--", ...server]);
    using terminal = startInTerminal(`echo "pid $$"; exec ${holdfast} <'${fifo}' >'${out}' 2>'${errors}'`);
    const pid = Number(/\d+/.exec(await terminal.until((line) => line.startsWith("pid ")))?.[0]);
    const say = (message: object) => input.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    await say({ id: 0, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {} } });
    await say({ method: "notifications/initialized" });
    await say({ id: 1, method: "tools/call", params: { name: "pid", arguments: {} } });
    const child = await textIn(out, (line) => answers(line, 1));
    terminal.close();
    await gone(pid);
    await gone(Number(textOf(child)));
  });
});

/** The first line of a file that is being written. */
async function textIn(path: string, fits: (line: string) => boolean): Promise<string> {
  for (const end = Date.now() + 20_000; ; ) {
    await using file = await open(path, "a+");
    const found = (await file.readFile("utf8")).split("\n").find((line) => line !== "" && fits(line));
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`nothing that fits came into ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
