// The first minutes: the wrong Node, `npm start`, the program with and without a URL, and the steps that the demo prints, pasted into a shell.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Child, startChild, temporaryDirectory } from "../support/process.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { connect, openScene, toolText } from "./recovery-scene.ts";
import { startUpstream } from "./recovery-upstream.ts";

const timeout = 60_000;
const repository = fileURLToPath(new URL("../..", import.meta.url));

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major < 22 || (major === 22 && minor < 18);
}

/** A Node on this machine that is older than what Holdfast needs. */
function findOldNode(): { readonly command: string; readonly version: string } | undefined {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    if (directory.includes("node_modules")) continue;
    const command = join(directory, "node");
    const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8", timeout: 10_000 });
    if (status === 0 && isTooOld(stdout.trim())) return { command, version: stdout.trim().slice(1) };
  }
  return undefined;
}

describe("a Node that is too old", { timeout }, () => {
  const old = findOldNode();

  it("is told which one Holdfast needs, with exit status 1", async () => {
    await using directory = await temporaryDirectory();
    const preload = join(directory.path, "preload.mjs");
    const faked = { ...process.versions, node: "20.20.2" };
    await writeFile(preload, `Object.defineProperty(process, "versions", { value: ${JSON.stringify(faked)} });`);
    const fake = { nodeArgs: ["--import", pathToFileURL(preload).href] };
    const { status, stdout, stderr } = await runHoldfast(["--help"], old === undefined ? fake : { node: old.command });
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.equal(stderr, `holdfast needs Node 22.18 or newer; this is ${old?.version ?? "20.20.2"}.\n`);
  });
});

const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

function start(args: readonly string[], dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<Child> {
  return startChild(process.execPath, [program, "--port", "0", ...args], {
    env: { HOLDFAST_DATA_DIR: dataDir, ...env },
  });
}

describe("npm start", { timeout }, () => {
  it("runs the hub, with a demo connector behind which tools can be called, and the pages of it behind a link", async () => {
    await using directory = await temporaryDirectory();
    // As a user of the repository types it, but for the build: the test run has made that, and others are using it.
    const args = ["start", "--ignore-scripts", "--silent", "--", "--port", "0"];
    await using child = await startChild("npm", args, { cwd: repository, env: { HOLDFAST_DATA_DIR: directory.path } });
    const [, endpoint = ""] = await child.waitForLine(/^ {2}demo +(\S+)$/);
    assert.equal(toolText(await (await connect(endpoint)).call("count")), "1");
    assert.match(child.output("stdout"), /^Page: +http:\S+\/login#\S+/m);
  });
});

describe("the program", { timeout }, () => {
  it("goes on when whoever read its first line has closed the pipe", async () => {
    await using directory = await temporaryDirectory();
    await using upstream = await startUpstream();
    const args = [program, upstream.url, "--port", "0", "--data-dir", directory.path];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
    const ended = once(child, "exit");
    let text = "";
    let url: string | undefined;
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: true })) {
      text += String(chunk);
      url = /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(text)?.[0];
      if (url !== undefined) break;
    }
    // With the first client it has more to say.
    const client = await connect(url ?? assert.fail(text));
    for (let calls = 0; calls < 3; calls++) assert.equal((await client.request("ping")).error, undefined);
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  });

  it("fronts the server whose URL it is given", async () => {
    await using directory = await temporaryDirectory();
    await using scene = await openScene();
    await using child = await start([scene.chaos.url], directory.path);
    const [, endpoint = ""] = await child.waitForLine(/^MCP endpoint: (\S+)$/);
    assert.equal(toolText(await (await connect(endpoint)).call("count")), "1");
    assert.equal((await scene.state()).executions["count"]?.[""], 1);
  });

  for (const [how, env] of [
    ["", {}],
    [" with its token", { HOLDFAST_TOKEN: "t".repeat(32) }],
  ] as const) {
    it(`without one, prints a URL, a line to paste into Claude Code, and steps that break and heal a session in bash${how}`, async () => {
      await using directory = await temporaryDirectory();
      await using child = await start([], directory.path, env);
      const [, endpoint = ""] = await child.waitForLine(/^MCP endpoint: (\S+)$/);
      await child.waitForLine(/^Stop with Ctrl-C/);
      const printed = child.output("stdout");
      assert.match(
        printed,
        new RegExp(`claude mcp add --transport http \\S+ ${endpoint}${how === "" ? "$" : " --header"}`, "m"),
      );
      const steps = printed.split("\n").filter((line) => line.startsWith("       "));
      assert.equal(steps.length, 4, printed);
      const [initialize = "", keep = "", call = "", forget = ""] = steps;
      const script = ["set -e", initialize, keep, call, 'echo; echo "--"', forget, 'echo "--"', call].join("\n");
      const pasted = await startChild("bash", ["-c", script], { cwd: directory.path, env });
      assert.equal(await pasted.exited, 0, pasted.output());
      await pasted.end();
      const [before = "", ordered = "", after = ""] = pasted.output("stdout").split("--");
      assert.match(before, /"protocolVersion".*"text":"hello"/s);
      assert.match(ordered, /forgot 1 session/);
      assert.match(after, /"text":"hello"/, "the same call with the same session id is answered again");
      await child.waitForLine(/session-not-found.*session restored/);
    });
  }
});
