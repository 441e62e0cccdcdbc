// Stdio servers that misbehave: each has an error of its own, costs nobody else anything, and leaves no process behind.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { send } from "../support/raw-client.ts";
import { residentBytes } from "../support/resident-memory.ts";
import { callBody, gone, isAlive, type StdioBridge, stdioBridge } from "../support/stdio-bridge.ts";

const initialize =
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}';

const opening = async (bridge: StdioBridge): Promise<string> => (await send(bridge.url, { body: initialize })).text;

describe("a command that cannot be started", () => {
  it("is named as such at once when it is not found", async () => {
    await using bridge = await stdioBridge([], { command: "/no/such/command" });
    const begun = performance.now();
    assert.match(await opening(bridge), /"code":1420,.*SERVER_COMMAND_NOT_FOUND/);
    assert.ok(performance.now() - begun < 5_000);
  });

  it("is told apart from a directory that does not exist", async () => {
    await using bridge = await stdioBridge([], { cwd: "/no/such/directory" });
    assert.match(await opening(bridge), /"code":1421,.*SERVER_DIRECTORY_NOT_FOUND/);
  });
});

describe("a server that exits at its start", () => {
  it("is reported with its exit code and its last line on standard error", async () => {
    await using bridge = await stdioBridge(["exits-at-start", "says-why"]);
    const text = await opening(bridge);
    assert.match(text, /"code":1423,.*It ended with code 3\./);
    assert.match(text, /no such database: customers/);
  });

  it("is started ever more rarely, and whoever asks meanwhile is told so at once", async () => {
    await using bridge = await stdioBridge(["exits-at-start"], { recoveryWindowMs: 4_000 });
    for (let asked = 0; asked < 3; asked += 1) await opening(bridge);
    const begun = performance.now();
    assert.match(
      await opening(bridge),
      /"code":1424,.*It ended with code 3\. The next start is in \d+ s\..*SERVER_KEEPS_EXITING/,
    );
    assert.ok(performance.now() - begun < 3_000);
  });
});

describe("a server that writes what is no MCP to standard output", () => {
  it("is served all the same where messages come between", async () => {
    await using bridge = await stdioBridge(["noise"]);
    const session = await bridge.session();
    assert.equal(await session.call("chatter", { lines: 2_000 }), "chattered");
    assert.match(await session.call("pid"), /^\d+$/);
    await bridge.close();
    const told = bridge.log().match(/server stdout is no MCP/g) ?? [];
    assert.ok(told.length >= 1 && told.length <= 4, `${told.length} lines`);
  });

  it("is reported as no MCP server where nothing else comes", async () => {
    await using bridge = await stdioBridge(["only-noise"], { startTimeoutMs: 700 });
    assert.match(await opening(bridge), /"code":1426,.*It begins with .{2}still not MCP/);
  });
});

describe("a server that never answers", () => {
  it("is given its time at the start, and ended", async () => {
    await using bridge = await stdioBridge(["silent"], { startTimeoutMs: 500 });
    assert.match(await opening(bridge), /"code":1425,.*SERVER_SILENT/);
  });
});

describe("a server that answers ping but fails every call", () => {
  it("has its own errors passed on as they are, and keeps its session and its process", async () => {
    await using bridge = await stdioBridge(["fails-calls"]);
    const session = await bridge.session();
    for (let call = 0; call < 3; call += 1)
      assert.equal(await session.call("pid"), '{"code":-32603,"message":"the database is away"}');
    assert.match((await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).text, /"result":\{\}/);
    await bridge.close();
    assert.doesNotMatch(bridge.log(), /restored|"replayed"/);
  });
});

describe("a server that floods", () => {
  it("is slowed to the pace of its client, and costs a bounded amount of memory", async () => {
    await using bridge = await stdioBridge();
    const session = await bridge.session();
    const before = residentBytes(process.pid);
    const flood = await session.open({ body: callBody(1, "flood", { messages: 60_000 }) }, { paused: true });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    // 60 MB were written; sockets and pipes hold some of it.
    const grown = residentBytes(process.pid) - before;
    assert.ok(grown < 40_000_000, `grew by ${grown} bytes`);
    let bytes = 0;
    flood.stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await flood.ended;
    assert.ok(bytes > 60_000_000, `${bytes} bytes came`);
    assert.match(await session.call("pid"), /^\d+$/);
  });
});

describe("a server that ignores SIGTERM, and what it started itself", () => {
  it("are killed when the session ends", async () => {
    await using bridge = await stdioBridge(["ignores-term"]);
    const session = await bridge.session();
    const [server, child] = [Number(await session.call("pid")), Number(await session.call("child"))];
    await session.send({ method: "DELETE" });
    await Promise.all([gone(server), gone(child)]);
    await bridge.close();
    assert.match(bridge.log(), /server ignores SIGTERM and is killed/);
  });

  it("are gone when Holdfast has ended", async () => {
    const bridge = await stdioBridge(["ignores-term"]);
    const session = await bridge.session();
    const [server, child] = [Number(await session.call("pid")), Number(await session.call("child"))];
    await bridge.close();
    assert.deepEqual([isAlive(server), isAlive(child)], [false, false]);
  });
});

describe("a server that ends in the middle", () => {
  it("leaves the call that was under way of unknown outcome, and the next one finds the session restored", async () => {
    await using bridge = await stdioBridge();
    const session = await bridge.session();
    const before = await session.call("pid");
    const text = await session.call("exit", { code: 7, words: "out of memory" });
    assert.match(text, /OUTCOME_UNKNOWN/);
    assert.match(text, /It ended with code 7\..*out of memory/);
    assert.notEqual(await session.call("pid"), before);
  });

  it("runs a call again that a trusted server calls read-only", async () => {
    await using bridge = await stdioBridge([], { trusted: true });
    const session = await bridge.session();
    const pid = Number(await session.call("pid"));
    const slow = session.call("sleep", { ms: 400 });
    await session.call("echo", { text: "it has begun" });
    process.kill(pid, "SIGKILL");
    const second = Number(await slow);
    assert.ok(second > 0 && second !== pid, String(second));
  });

  it("answers a call that waits while the process is gone", async () => {
    await using bridge = await stdioBridge();
    const session = await bridge.session();
    const pid = Number(await session.call("pid"));
    process.kill(pid, "SIGKILL");
    await gone(pid);
    const answers = await Promise.all(Array.from({ length: 10 }, () => session.call("pid")));
    assert.equal(new Set(answers).size, 1);
  });
});

describe("standard error of a server", () => {
  it("goes to the log line by line, without the secrets that the server was given", async () => {
    await using bridge = await stdioBridge([], { env: { API_KEY: "s3cr3t-value" }, name: "my server" });
    const session = await bridge.session();
    await session.call("complain", { text: `key s3cr3t-value ${"x".repeat(2_000)}` });
    await session.call("complain", { text: "Authorization: Bearer abcdef123456, https://user:pw@host/path?token=1" });
    await bridge.close();
    const log = bridge.log();
    assert.match(log, /"connector":"my server".*"line":".*key \[hidden\] xxx.*server stderr/);
    assert.match(log, /Bearer \[hidden\], https:\/\/host/);
    assert.doesNotMatch(log, /s3cr3t-value|abcdef123456|user:pw|token=1/);
  });
});
