// The diagnosis of real servers and of each way to be unreachable: which step fails, what it says, and that no live session is touched.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../src/config/index.ts";
import { openAddressRules } from "../../src/connectors/index.ts";
import { type DoctorReport, runDoctor } from "../../src/data-plane/doctor/index.ts";
import { itWith } from "../support/parts.ts";
import { lastingPort, startChild, temporaryDirectory } from "../support/process.ts";
import { answerJson, openEvents, type Respond, startRawServer } from "../support/raw-server.ts";
import { everything, mcpProxyMemory, memoryBehindSupergateway } from "../support/upstreams.ts";

const timeout = 60_000;
const impatient = { stepTimeoutMs: 400, startTimeoutMs: 400 };

function examine(url: string, limits?: typeof impatient): Promise<DoctorReport> {
  const server = { kind: "http", url: new URL(url), wire: "streamable-http" } as const;
  return runDoctor({ name: "one", resolve: () => ({ server, headers: [] }) }, limits);
}

const answerTo = (body: Buffer, rest: string) =>
  `{"jsonrpc":"2.0","id":${/"id":("[^"]+")/.exec(body.toString())?.[1]},${rest}}`;

const outcomes = (report: DoctorReport) => report.steps.map(({ step, outcome }) => `${step} ${outcome}`);
const reached = ["config ok", "dns skipped", "tcp ok", "tls skipped"];

describe("the diagnosis of a server that is well", { timeout }, () => {
  for (const [name, start, refusal] of [
    ["server-everything", everything, "400, where the specification says 404"],
    ["supergateway 3.4.3", () => memoryBehindSupergateway("3.4.3"), "400, where the specification says 404"],
    ["mcp-proxy", mcpProxyMemory, "404, as the specification says"],
  ] as const) {
    it(`finds no fault with ${name} and says how it refuses a session that it does not know`, async () => {
      await using server = await start();
      const report = await examine(server.url);
      const all = [...reached, "http ok", "initialize ok", "list ok", "bogus-session ok"];
      assert.deepEqual(outcomes(report), all, JSON.stringify(report));
      assert.equal(report.ok, true);
      assert.equal(report.verdict, `No step fails. A session that it does not know is refused with ${refusal}.`);
      assert.match(report.steps[6]?.sentence ?? "", /^The server lists \d+ tools\.$/);
      assert.ok(!JSON.stringify(report).includes("/mcp"), "the path may be a secret");
    });
  }

  it("shows no header's value, though the server repeats it in its answer", async () => {
    await using server = await startRawServer({
      open: ({ headers }, response) =>
        response.writeHead(403, { "content-type": "text/plain" }).end(`not with ${headers.authorization}`),
    });
    const target = { kind: "http", url: new URL(server.url), wire: "streamable-http" } as const;
    const headers = ["authorization", "Bearer a-token-of-mine"];
    const report = await runDoctor({ name: "one", resolve: () => ({ server: target, headers }) });
    assert.equal(report.ok, false);
    assert.match(JSON.stringify(report), /not with Bearer \*\*\*/);
    assert.ok(!JSON.stringify(report).includes("a-token-of-mine"));
  });

  it("opens one session, ends it, and shows the server no id but that one and a made-up one", async () => {
    const respond: Respond = (seen, response) => {
      const { headers, method, body } = seen;
      if (method === "DELETE") return response.writeHead(200).end();
      if (!server.sessionIds.includes(String(headers["mcp-session-id"]))) return response.writeHead(404).end();
      return answerJson(response, answerTo(body, '"result":{"tools":[]}'));
    };
    await using server = await startRawServer({ respond });
    const report = await examine(server.url);
    assert.equal(report.ok, true, JSON.stringify(report));
    assert.equal(server.sessionIds.length, 1);
    const [own, made] = server.seen.map(({ headers }) => headers["mcp-session-id"]);
    assert.equal(own, server.sessionIds[0]);
    assert.notEqual(made, own);
    const last = server.seen.at(-1);
    assert.deepEqual([last?.method, last?.headers["mcp-session-id"]], ["DELETE", own]);
  });
});

const everythingScript = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));

function examineCommand(command: string, args: readonly string[], limits?: typeof impatient): Promise<DoctorReport> {
  const server = { kind: "stdio", command, args, env: {}, cwd: undefined, share: false } as const;
  return runDoctor({ name: "one", resolve: () => ({ server, headers: [] }) }, limits);
}

describe("the diagnosis of a command", { timeout }, () => {
  it("finds no fault with server-everything", async () => {
    const report = await examineCommand(process.execPath, [everythingScript, "stdio"]);
    const all = ["config ok", "spawn ok", "initialize ok", "list ok", "bogus-session skipped"];
    assert.deepEqual(outcomes(report), all, JSON.stringify(report));
    assert.equal(report.verdict, "No step fails.");
  });

  it("says that a command is not there", async () => {
    const report = await examineCommand("no-such-command-anywhere", []);
    assert.deepEqual(outcomes(report), ["config ok", "spawn failed"]);
    assert.equal(report.verdict, "Command fails: The command no-such-command-anywhere is not found in PATH.");
  });

  it("repeats how a command ended and what it wrote last", async () => {
    const report = await examineCommand(process.execPath, ["-e", "console.error('no key given'); process.exit(3)"]);
    assert.deepEqual(outcomes(report), ["config ok", "spawn ok", "initialize failed"]);
    assert.match(report.verdict, /ended with code 3\..*"no key given"/);
  });

  it("is over in time when a command runs and says nothing", async () => {
    const report = await examineCommand(process.execPath, ["-e", "setInterval(() => {}, 1000)"], impatient);
    assert.equal(report.verdict, "Initialize fails: The command runs, but does not answer within 0.4 s.");
  });
});

describe("the diagnosis of an older server", { timeout }, () => {
  it("finds its HTTP+SSE and says so, and has no session id to try", async () => {
    const port = await lastingPort();
    await using child = await startChild(process.execPath, [everythingScript, "sse"], { env: { PORT: String(port) } });
    await child.waitForLine(/on port/);
    const server = { kind: "http", url: new URL(`http://127.0.0.1:${port}/sse`), wire: "auto" } as const;
    const report = await runDoctor({ name: "one", resolve: () => ({ server, headers: [] }) });
    assert.deepEqual(
      outcomes(report),
      [...reached, "http ok", "initialize ok", "list ok", "bogus-session skipped"],
      JSON.stringify(report),
    );
    assert.match(report.steps[4]?.sentence ?? "", /, by HTTP\+SSE\.$/);
  });
});

describe("the diagnosis of a name that may not be followed", { timeout }, () => {
  it("says so, and connects to nothing", async () => {
    await using server = await startRawServer();
    const { port } = new URL(server.url);
    const target = { kind: "http", url: new URL(`http://localhost:${port}/mcp`), wire: "streamable-http" } as const;
    const { lookup } = openAddressRules([]);
    const report = await runDoctor({ name: "one", resolve: () => ({ server: target, headers: [] }), lookup });
    assert.deepEqual(outcomes(report), ["config ok", "dns failed"]);
    assert.match(
      report.verdict,
      /^DNS fails: The name localhost leads to an address of this machine or a private network/,
    );
    assert.equal(server.sessionIds.length, 0);
  });
});

async function listening(server: Server): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket.once("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

describe("the diagnosis of what cannot be reached", { timeout }, () => {
  it("names the variable that is missing", async () => {
    const resolve = () => {
      throw new ConfigError("Connector one: url needs the variable U, which is not set.");
    };
    const report = await runDoctor({ name: "one", resolve });
    assert.deepEqual(outcomes(report), ["config failed"]);
    assert.equal(report.verdict, "Configuration fails: Connector one: url needs the variable U, which is not set.");
  });

  it("says that a name does not exist", async () => {
    const report = await examine("http://no-such-host.invalid/mcp");
    assert.deepEqual(outcomes(report), ["config ok", "dns failed"]);
    assert.match(report.verdict, /^DNS fails: The name no-such-host\.invalid (does not exist|cannot be looked up)/);
  });

  it("says that nothing listens on the port", async () => {
    const port = await lastingPort();
    const report = await examine(`http://127.0.0.1:${port}/secret/mcp`);
    assert.deepEqual(outcomes(report), ["config ok", "dns skipped", "tcp failed"]);
    assert.equal(report.verdict, `TCP fails: Nothing listens on 127.0.0.1:${port}.`);
    assert.equal(report.action, "Start the server, or mend the port in the URL.");
  });

  it("says that a port does not speak TLS", async () => {
    await using server = await listening(createServer((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const report = await examine(`https://127.0.0.1:${server.port}/mcp`);
    assert.deepEqual(outcomes(report), ["config ok", "dns skipped", "tcp ok", "tls failed"]);
    assert.equal(report.verdict, "TLS fails: This port does not speak TLS.");
  });

  itWith(["openssl"], "says that a certificate is signed by itself and how to trust it", async ({ openssl }) => {
    await using directory = await temporaryDirectory();
    const [key, cert] = [join(directory.path, "key.pem"), join(directory.path, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", cert];
    assert.equal(spawnSync(openssl, [...args, ...subject]).status, 0);
    await using server = await listening(createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }));
    const report = await examine(`https://localhost:${server.port}/mcp`);
    assert.deepEqual(outcomes(report), ["config ok", "dns ok", "tcp ok", "tls failed"]);
    assert.equal(report.verdict, "TLS fails: The certificate of localhost is signed by itself.");
    assert.match(report.action ?? "", /NODE_EXTRA_CA_CERTS/);
  });

  it("is over in time before a server that accepts and never answers", async () => {
    await using server = await listening(createServer());
    const begun = performance.now();
    const report = await examine(`http://127.0.0.1:${server.port}/mcp`, impatient);
    assert.ok(performance.now() - begun < 5_000);
    assert.deepEqual(outcomes(report), [...reached, "http failed"]);
    assert.equal(report.verdict, "HTTP fails: The connection is open, but there is no answer within 0.4 s.");
  });

  it("says that the connection is closed before an answer", async () => {
    await using server = await listening(createServer((socket) => void socket.once("data", () => socket.destroy())));
    const report = await examine(`http://127.0.0.1:${server.port}/mcp`);
    assert.match(report.verdict, /^HTTP fails: The connection is closed before an answer/);
  });

  it("says that what answers speaks no HTTP", async () => {
    await using server = await listening(
      createServer((socket) => void socket.once("data", () => socket.write("-ERR unknown command\r\n"))),
    );
    const report = await examine(`http://127.0.0.1:${server.port}/mcp`);
    assert.equal(report.verdict, "HTTP fails: What answers does not speak HTTP.");
  });
});

const says =
  (status: number, type: string, body: string, headers: Readonly<Record<string, string>> = {}): Respond =>
  (_seen, response) =>
    response.writeHead(status, { "content-type": type, ...headers }).end(body);

describe("the diagnosis of what answers", { timeout }, () => {
  for (const [what, open, verdict] of [
    ["sign-in", says(401, "text/plain", "no", { "www-authenticate": "Bearer" }), "The server asks for sign-in (401)."],
    ["a forbidden request", says(403, "text/plain", "Invalid Host"), "The server forbids it (403)."],
    ["another path", says(404, "text/plain", "nothing here"), "There is no MCP endpoint at this path (404)."],
    ["a gateway", says(502, "text/html", "Bad Gateway"), "A gateway answers (502): the server behind it is away."],
    ["a web page", says(200, "text/html", "<html>"), "The answer is no MCP (text/html)."],
    [
      "a TLS port",
      says(400, "text/html", "The plain HTTP request was sent to HTTPS port"),
      "This port speaks HTTPS and was asked in plain HTTP.",
    ],
  ] as const) {
    it(`knows ${what}, and does not open a session to find out more`, async () => {
      await using server = await startRawServer({ open });
      const report = await examine(server.url);
      assert.deepEqual(outcomes(report), [...reached, "http ok", "initialize failed"]);
      assert.equal(report.verdict, `Initialize fails: ${verdict}`);
      assert.notEqual(report.action, undefined);
      assert.equal(server.seen.length, 0);
    });
  }

  it("repeats the server's own words when it refuses initialize", async () => {
    const open: Respond = ({ body }, response) =>
      answerJson(response, answerTo(body, '"error":{"code":-32602,"message":"too\\u001b[31m old"}'));
    await using server = await startRawServer({ open });
    const report = await examine(server.url);
    assert.equal(report.verdict, "Initialize fails: The server refuses it: too\\u001b[31m old (-32602)");
  });

  it("knows a server that initializes and then lists nothing", async () => {
    const hangs: Respond = ({ method }, response) => (method === "DELETE" ? response.end() : openEvents(response));
    await using server = await startRawServer({ respond: hangs });
    const report = await examine(server.url, impatient);
    assert.deepEqual(outcomes(report), [...reached, "http ok", "initialize ok", "list failed"]);
    assert.match(report.verdict, /^List fails: The connection is open, but there is no answer within 0\.4 s\.$/);
  });
});
