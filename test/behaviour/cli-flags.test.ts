// The command line: what it explains, what it refuses, with which exit status, and that it repeats no secret.
import assert from "node:assert/strict";
import { once } from "node:events";
import { access, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startChild, temporaryDirectory } from "../support/process.ts";
import { send } from "../support/raw-client.ts";
import { program, runHoldfast } from "../support/run-holdfast.ts";
import { connect, openScene, toolText } from "./recovery-scene.ts";

const timeout = 30_000;
const url = "http://127.0.0.1:9/mcp";
const secret = "canary-s3cret";

describe("what holdfast says of itself", { timeout }, () => {
  it("--help lists every flag and examples on standard output", async () => {
    const { status, stdout, stderr } = await runHoldfast(["--help"], { env: { HOLDFAST_TOKEN: secret } });
    assert.equal(status, 0);
    assert.equal(stderr, "");
    for (const flag of ["--port", "--host", "--token", "--header", "--data-dir", "--front", "--recovery", "--quiet"])
      assert.ok(stdout.includes(`  ${flag} `), flag);
    assert.match(stdout, /Examples:\n {2}holdfast https:\/\/example\.com\/mcp /);
    assert.match(stdout, /Exit codes: 0 ok, 1 usage/);
    assert.ok(!stdout.includes(secret), "the token of the environment is not shown");
  });

  it("chaos --help lists the flags of the faulty server", async () => {
    const { status, stdout } = await runHoldfast(["chaos", "--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: holdfast chaos/);
    assert.match(stdout, /--resumable/);
  });

  it("--version prints the version of the package", async () => {
    const { default: manifest } = await import("../../package.json", { with: { type: "json" } });
    const { status, stdout } = await runHoldfast(["--version"]);
    assert.equal(status, 0);
    assert.equal(stdout, `${manifest.version}\n`);
  });
});

interface Mistake {
  readonly what: string;
  readonly args: readonly string[];
  readonly says: RegExp;
  readonly status?: number;
}

const mistakes: readonly Mistake[] = [
  { what: "an unknown flag", args: [url, "--prot", "1"], says: /unknown option '--prot'\n\(Did you mean --port\?\)/ },
  { what: "an unknown flag with a value", args: [url, `--tokn=${secret}`], says: /unknown option '--tokn'\n/ },
  { what: "a value too many", args: [url, secret], says: /too many arguments\. Expected 1 argument but got 2\.\n/ },
  { what: "a port that is no number", args: [url, "--port", "http"], says: /--port.*a whole number from 0 to 65535/ },
  { what: "a port that is too high", args: [url, "--port", "65536"], says: /--port.*a whole number from 0 to 65535/ },
  { what: "a URL without a scheme", args: ["example.com/mcp"], says: /must begin with http:\/\/, https:\/\// },
  { what: "a URL of another scheme", args: ["ftp://example.com/"], says: /must begin with http:\/\/, https:\/\// },
  {
    what: "a password in the URL",
    args: [`http://user:${secret}@127.0.0.1/mcp`],
    says: /user name and password out of the URL.*--header/,
  },
  { what: "a header without a colon", args: [url, "--header", secret], says: /A header must read 'Name: value'/ },
  {
    what: "a header with a line break",
    args: [url, "--header", `X-Key: ${secret}\r\nHost: elsewhere`],
    says: /value of the header X-Key holds a control character/,
  },
  { what: "a header of Holdfast's own", args: [url, "--header", `Mcp-Session-Id: ${secret}`], says: /leave it out/ },
  {
    what: "a variable that is not set",
    args: [url, "--header", "Authorization: Bearer ${HOLDFAST_TEST_UNSET}"],
    says: /header Authorization needs the variable HOLDFAST_TEST_UNSET, which is not set/,
  },
  { what: "a header file that is missing", args: [url, "--header-file", "/nowhere"], says: /--header-file .*ENOENT/ },
  { what: "a token that is too short", args: [url, "--token", "s3cret"], says: /--token must be at least 8/ },
  {
    what: "a recovery mode that does not exist",
    args: [url, "--recovery", "maybe"],
    says: /transparent, notify, strict/,
  },
  {
    what: "a range of proxies without its length",
    args: [url, "--trust-proxy", "10.0.0.0/"],
    says: /"10.0.0.0\/" is no/,
  },
  { what: "a range of two lengths", args: [url, "--trust-proxy", "10.0.0.0/8/9"], says: /is no address and no CIDR/ },
  { what: "a proxy that is no address", args: [url, "--trust-proxy", "proxy"], says: /--trust-proxy: "proxy" is no/ },
  {
    what: "a log file in no directory",
    args: [url, "--log-file", "/nowhere/log"],
    says: /log file .*ENOENT.*--log-file/,
  },
  {
    what: "a host beyond this machine without a token",
    args: [url, "--host", "0.0.0.0"],
    says: /--token .*HOLDFAST_TOKEN/,
  },
  { what: "a data directory without a name", args: [url, "--data-dir", ""], says: /--data-dir.*must not be empty/ },
  { what: "a host without a name", args: [url, "--host", ""], says: /--host.*must not be empty/ },
  {
    what: "a URL that a flag before it took for its own",
    args: ["--cors", url],
    says: /--cors takes origins, which have no path\. Write the server's URL before it/,
  },
  {
    what: "a host that is not of this machine",
    args: [url, "--host", "203.0.113.1", "--front"],
    says: /--host/,
    status: 4,
  },
];

describe("a command line that cannot be used", { timeout: 60_000 }, () => {
  for (const { what, args, says, status = 1 } of mistakes) {
    it(`is refused for ${what}`, async () => {
      await using directory = await temporaryDirectory();
      const run = await runHoldfast(["--port", "0", ...args], { env: { HOLDFAST_DATA_DIR: directory.path } });
      assert.equal(run.status, status, run.stderr);
      assert.match(run.stderr, says);
      assert.equal(run.stdout, "");
      assert.ok(!run.stderr.includes("s3cret"), run.stderr);
      assert.doesNotMatch(run.stderr, /\n {4}at /, "no stack trace");
    });
  }

  it("is refused for a port that is taken, with exit status 4", async () => {
    await using directory = await temporaryDirectory();
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    for (const args of [[url], ["chaos"]]) {
      const env = { HOLDFAST_DATA_DIR: directory.path };
      const run = await runHoldfast([...args, "--port", String(port)], { env });
      assert.equal(run.status, 4);
      assert.match(run.stderr, /^holdfast: The port is taken by another program\. .*--port/);
    }
    taken.close();
  });
});

describe("a command line that is served", { timeout }, () => {
  it("takes any free port for --port 0, and says which on one line of standard output", async () => {
    await using directory = await temporaryDirectory();
    const args = [program, url, "--port", "0", "--data-dir", directory.path];
    await using child = await startChild(process.execPath, args);
    const [, port] = await child.waitForLine(/^MCP endpoint: http:\/\/127\.0\.0\.1:(\d+)\/mcp$/);
    assert.ok(Number(port) > 1023);
    assert.equal((await send(`http://127.0.0.1:${port}/healthz`, { method: "GET" })).status, 200);
    assert.equal(child.output("stdout").match(/MCP endpoint/g)?.length, 1);
    assert.match(
      child.output("stdout"),
      /^Claude Code: {2}claude mcp add --transport http \S+ http:\/\/127\.0\.0\.1:\d+\/mcp$/m,
    );
  });

  it("takes an IPv6 address as it is written in a URL, and an empty variable for none", async () => {
    await using directory = await temporaryDirectory();
    const env = { HOLDFAST_DATA_DIR: "", HOLDFAST_TOKEN: "", XDG_DATA_HOME: directory.path };
    const args = [program, url, "--port", "0", "--host", "[::1]"];
    await using child = await startChild(process.execPath, args, { env });
    const [, port] = await child.waitForLine(/^MCP endpoint: http:\/\/\[::1\]:(\d+)\/mcp$/);
    assert.equal((await send(`http://[::1]:${port}/healthz`, { method: "GET" })).status, 200);
    if (process.platform === "linux") await access(join(directory.path, "holdfast", "holdfast.db"));
  });

  it("starts the faulty server alone, on any free port as well", async () => {
    await using child = await startChild(process.execPath, [program, "chaos", "--port", "0"]);
    const [, endpoint = "", port] = await child.waitForLine(/^MCP endpoint: (http:\/\/127\.0\.0\.1:(\d+)\/mcp)$/);
    assert.notEqual(port, "4748");
    assert.equal(toolText(await (await connect(endpoint)).call("echo", { text: "hello" })), "hello");
    assert.equal(await child.end("SIGTERM"), 0);
  });

  it("listens beyond this machine with a token, from the flag or the environment, and asks for it", async () => {
    for (const given of [{ args: ["--token", "visible-token"] }, { env: { HOLDFAST_TOKEN: "visible-token" } }]) {
      await using scene = await openScene({ args: ["--host", "0.0.0.0", ...(given.args ?? [])], env: given.env ?? {} });
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      const refused = await send(scene.holdfast.url, { body });
      assert.equal(refused.status, 401);
      assert.equal(refused.headers["www-authenticate"], "Bearer");
      assert.match(refused.text, /TOKEN_REQUIRED/);
      const client = await connect(scene.holdfast.url, { headers: { authorization: "Bearer visible-token" } });
      assert.equal(toolText(await client.call("count")), "1");
      assert.ok(!scene.holdfast.output().includes("visible-token"), "the token is not printed");
    }
  });

  it("fills variables into headers from flag and file, and shows no value", async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "headers");
    await writeFile(file, "# comment\n\nX-From-File: ${KEY}-file\nX-Default: ${NOT_SET:-fallback}\n");
    const seen: Record<string, unknown>[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      request.resume();
      const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s", version: "1" } };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const args = [
      program,
      `http://127.0.0.1:${port}/`,
      "--port",
      "0",
      "--header",
      "X-Key: ${KEY}",
      "--header-file",
      file,
    ];
    const env = { KEY: secret, HOLDFAST_DATA_DIR: directory.path };
    {
      await using child = await startChild(process.execPath, args, { env });
      const [, endpoint = ""] = await child.waitForLine(/^MCP endpoint: (\S+)$/);
      await connect(endpoint);
      assert.equal(await child.end("SIGTERM"), 0);
      assert.ok(!child.output().includes(secret));
    }
    server.close();
    const { "x-key": key, "x-from-file": fromFile, "x-default": fallback } = seen[0] ?? {};
    assert.deepEqual([key, fromFile, fallback], [secret, `${secret}-file`, "fallback"]);
  });
});
