// Where the server is, as it can be typed: what is started or reached, what is printed of it, and which words are refused with a sentence.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startHoldfast } from "../support/holdfast.ts";
import { lastingPort, startChild, temporaryDirectory } from "../support/process.ts";
import { program, runHoldfast } from "../support/run-holdfast.ts";
import { everything } from "../support/upstreams.ts";
import { everythingOverSse } from "../support/wire-upstreams.ts";
import { connect, toolText } from "./recovery-scene.ts";

const timeout = 60_000;
const everythingScript = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));
const stdioServer = ["--", process.execPath, everythingScript, "stdio"];

describe("what holdfast prints of a server", { timeout }, () => {
  it("is where clients of each transport connect, and of a server that it starts its program's name", async () => {
    await using holdfast = await startHoldfast(undefined, { args: stdioServer });
    const { port } = holdfast;
    const client = await connect(holdfast.url);
    assert.match(toolText(await client.call("echo", { message: "on" })), /Echo: on/);
    const printed = holdfast.output();
    assert.match(printed, new RegExp(`^MCP endpoint: http://127\\.0\\.0\\.1:${port}/mcp$`, "m"));
    assert.match(printed, new RegExp(`^HTTP\\+SSE:     http://127\\.0\\.0\\.1:${port}/sse$`, "m"));
    assert.match(printed, new RegExp(`^WebSocket:    ws://127\\.0\\.0\\.1:${port}/ws$`, "m"));
    assert.match(printed, /^Server: {7}node on stdio$/m);
  });

  for (const [wire, start] of [
    ["Streamable HTTP", everything],
    ["HTTP+SSE", everythingOverSse],
  ] as const) {
    it(`is ${wire} where that is what it turned out to speak`, async () => {
      await using server = await start();
      await using holdfast = await startHoldfast(server.url);
      const { host } = new URL(server.url);
      assert.doesNotMatch(holdfast.output(), /^Server:/m);
      await connect(holdfast.url);
      await holdfast.stop();
      assert.ok(holdfast.output().includes(`\nServer:       ${wire} at ${host}\n`), holdfast.output());
    });
  }
});

describe("a server that holdfast starts", { timeout }, () => {
  it("gets its variables from flag, file and Holdfast's own environment, and its directory, and none is shown", async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "variables");
    await writeFile(file, '# comment\nFROM_FILE="canary file"\nGIVEN=overridden\n');
    const args = [
      "-e",
      "GIVEN=canary-flag",
      "--env",
      "PASSED_ON",
      "--env-file",
      file,
      "--cwd",
      directory.path,
      ...stdioServer,
    ];
    await using holdfast = await startHoldfast(undefined, {
      args,
      env: { PASSED_ON: "canary-own", NOT_PASSED: "canary-not" },
    });
    const client = await connect(holdfast.url);
    const variables = JSON.parse(toolText(await client.call("get-env"))) as Record<string, string>;
    assert.equal(variables["GIVEN"], "canary-flag");
    assert.equal(variables["FROM_FILE"], "canary file");
    assert.equal(variables["PASSED_ON"], "canary-own");
    assert.equal(variables["NOT_PASSED"], undefined);
    await holdfast.stop();
    assert.doesNotMatch(holdfast.output(), /canary/);
  });
});

describe("supergateway's command line", { timeout }, () => {
  it("listens on 8000 unless a port is given", async () => {
    const { stdout, status } = await runHoldfast(["--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /supergateway's flags/);
    await using directory = await temporaryDirectory();
    const env = { HOLDFAST_DATA_DIR: directory.path };
    const stdio = `${process.execPath} ${everythingScript} stdio`;
    await using child = await startChild(process.execPath, [program, "--stdio", stdio], { env });
    // Another program may sit on that port here: the sentence then names the flag.
    const [line] = await child.waitForLine(/^MCP endpoint: .*:8000\/mcp$|The port is taken/);
    if (!line.includes("taken")) return;
    const port = String(await lastingPort());
    await using other = await startChild(process.execPath, [program, "--stdio", stdio, "--port", port], { env });
    await other.waitForLine(new RegExp(`^MCP endpoint: .*:${port}/mcp$`));
  });
});

describe("a server that is typed wrongly", { timeout: 120_000 }, () => {
  for (const [args, sentence] of [
    [["https://example.com/mcp", "--", "node"], /the server's URL, or after -- the command that starts it, not both/],
    [["--"], /After -- comes the command that starts the server/],
    [
      ["https://example.com/mcp", "--env", "A=b"],
      /--env, --env-file, --cwd and --share are for a server that is started/,
    ],
    [["--env", "NOT_SET_ANYWHERE", "--", "node"], /--env NOT_SET_ANYWHERE: there is no such variable/],
    [["--env", "=value", "--", "node"], /--env must read KEY=VALUE/],
    [["--transport", "sse", "--", "node"], /reached over stdio; leave --transport out/],
    [["https://example.com/mcp", "--transport", "stdio"], /--transport stdio needs the server's command after --/],
    [["https://example.com/mcp", "--transport", "ws"], /--transport ws needs a URL that begins with ws:\/\//],
    [["wss://example.com/", "--transport", "http"], /--transport http needs a URL that begins with http:\/\//],
    [["--sse", "https://a.example/", "--streamableHttp", "https://b.example/"], /Give one of --stdio, --sse and/],
    [["https://a.example/", "--sse", "https://b.example/"], /Give the server once/],
    [["--stdio", "node", "--ssePath", "sse"], /A path must begin with a slash/],
    [["--stdio", "node", "--sessionTimeout", "0"], /--sessionTimeout must be a whole number of milliseconds above 0/],
    [["--stdio", "node", "--baseUrl", "nonsense"], /--baseUrl must be a URL/],
    [["--stdio", "node", "--port", "0", "--cors", "/(/"], /--cors: what stands between slashes must be a regular/],
  ] as const) {
    it(`is refused for: holdfast ${args.join(" ")}`, async () => {
      await using directory = await temporaryDirectory();
      const { status, stdout, stderr } = await runHoldfast(args, { env: { HOLDFAST_DATA_DIR: directory.path } });
      assert.match(stderr, sentence);
      assert.equal(status, 1);
      assert.equal(stdout, "");
    });
  }
});
