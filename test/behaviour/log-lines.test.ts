// The log as an operator reads it: which fields a request leaves, what joins its lines, and where they go. Beside it, /metrics and /healthz.
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../support/process.ts";
import { connect, errorCode, openScene, RawClient, type Scene, toolText } from "./recovery-scene.ts";

const timeout = 30_000;

/** The eight of field report A, then ours. */
const requestFields = [
  "user_id",
  "session_id",
  "http_method",
  "jsonrpc_method",
  "jsonrpc_id",
  "body_len",
  "status",
  "elapsed_ms",
  "connector",
  "era_pair",
  "recovery",
  "error_code",
  "request_id",
];

/** What was written to standard error by then; complete, since Holdfast has ended. */
async function logOf(scene: Scene): Promise<readonly string[]> {
  assert.equal(await scene.holdfast.stop(), 0);
  return scene.holdfast
    .output()
    .split("\n")
    .filter((line) => line !== "" && !/^(MCP endpoint|HTTP\+SSE|WebSocket|Claude Code|Server):/.test(line));
}

async function oneLossAndItsCall(scene: Scene): Promise<RawClient> {
  const client = await connect(scene.holdfast.url);
  await scene.order({ do: "forget", as: "404-json" });
  assert.equal(toolText(await client.call("echo", { text: "x" }, 77)), "x");
  return client;
}

describe("a request's line", { timeout }, () => {
  it("has exactly the eight fields and ours, in order, as JSON", async () => {
    await using scene = await openScene();
    await oneLossAndItsCall(scene);
    await logOf(scene);
    const [line] = scene.holdfast.requests("tools/call");
    assert.deepEqual(Object.keys(line ?? {}), ["level", "time", ...requestFields, "msg"]);
    const { elapsed_ms: elapsedMs, time, request_id: requestId, session_id: session, ...rest } = line ?? {};
    assert.deepEqual(rest, {
      level: "info",
      user_id: "-",
      http_method: "POST",
      jsonrpc_method: "tools/call",
      jsonrpc_id: "77",
      body_len: '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"}}}'
        .length,
      status: 200,
      connector: new URL(scene.chaos.url).host,
      era_pair: "LL",
      recovery: "replayed",
      error_code: "-",
      msg: "mcp request",
    });
    assert.ok(Number(elapsedMs) > 0 && Number(elapsedMs) < 20_000);
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(String(requestId), /^[0-9a-f]{8}-\w+$/);
    assert.match(String(session), /^[0-9a-f]{12}$/);
  });

  it("has the same fields in logfmt", async () => {
    await using scene = await openScene({ args: ["--log-format", "logfmt"] });
    await oneLossAndItsCall(scene);
    const line = (await logOf(scene)).find((each) => each.includes("jsonrpc_method=tools/call")) ?? "";
    const names = [...line.matchAll(/(?:^| )(\w+)=(?:"(?:[^"\\]|\\.)*"|\S+)/g)].map(([, name]) => name);
    assert.deepEqual(names, ["time", "level", "msg", ...requestFields], line);
    assert.match(line, / msg="mcp request" .* status=200 .* recovery=replayed /);
  });

  it("is short and without colour in pretty, where no terminal reads it", async () => {
    await using scene = await openScene({ args: ["--log-format", "pretty"] });
    await oneLossAndItsCall(scene);
    const lines = await logOf(scene);
    const line = lines.find((each) => each.includes("jsonrpc_method=tools/call")) ?? "";
    assert.match(line, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}mcp request session_id=[0-9a-f]{12} http_method=POST /);
    assert.doesNotMatch(line, /user_id|error_code/, "what says nothing is left out");
    assert.ok(!lines.join("").includes("\u001b"), "no escape character");
  });

  it("carries the hash of its session from initialize on, also over our own restart, and the restore's line has it too", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url, { headers: { authorization: "Bearer somebody" } });
    const other = await connect(scene.holdfast.url);
    await scene.holdfast.stop();
    await scene.holdfast.restart();
    await scene.order({ do: "forget", as: "404-json" });
    await client.call("count");
    await fetch(client.url, { method: "DELETE", headers: client.headers });
    await other.call("count");
    await logOf(scene);
    const lines = scene.holdfast.log();
    const hash = lines.find(({ user_id: user }) => user !== undefined && user !== "-")?.["session_id"];
    assert.match(String(hash), /^[0-9a-f]{12}$/);
    const mine = lines.filter((line) => line["session_id"] === hash);
    assert.deepEqual(
      mine.map((line) => (line["msg"] === "mcp request" ? (line["jsonrpc_method"] ?? "") : line["msg"])),
      ["initialize", "notifications/initialized", "session restored", "tools/call", "-"],
    );
    const users = mine.filter(({ msg }) => msg === "mcp request").map((line) => line["user_id"]);
    assert.equal(new Set(users).size, 1, "one principal, over the restart as well");
    assert.ok(
      lines.every((line) => line["session_id"] !== "-"),
      "no line of a session is without its hash",
    );
  });
});

describe("an error answer of ours", { timeout }, () => {
  it("carries the request id and the code of its line in the log", async () => {
    await using scene = await openScene({ args: ["--recovery-window", "0.2"] });
    const { url } = scene.holdfast;
    const client = await connect(url);
    const bare = new RawClient(url);
    const answers = [
      await bare.post("{"),
      await bare.post('{"jsonrpc":"1.0"}'),
      await bare.call("count"),
      await new RawClient(url, { "mcp-session-id": "unknown" }).call("count"),
      await new RawClient(`${new URL(url).origin}/elsewhere`).call("count"),
      await new RawClient(url, { origin: "https://evil.example" }).call("count"),
    ];
    await scene.order({ do: "cut", when: "before-headers" });
    answers.push(await client.call("count"));
    await scene.order({ do: "cut", when: "mid-stream" });
    answers.push(await client.call("count"));
    await scene.order({ do: "refuse", ms: 1_500, keepSessions: true });
    answers.push(await client.call("count"));
    assert.deepEqual(answers.map(errorCode), [
      "MALFORMED_JSON",
      "NOT_JSON_RPC",
      "SESSION_ID_REQUIRED",
      "UNKNOWN_SESSION",
      "PATH_NOT_FOUND",
      "ORIGIN_REFUSED",
      "OUTCOME_UNKNOWN",
      "OUTCOME_UNKNOWN",
      "UPSTREAM_REFUSED_CONNECTION",
    ]);
    await logOf(scene);
    for (const answer of answers) {
      const requestId = answer.error?.data?.["requestId"];
      const [line, ...others] = scene.holdfast.log().filter((each) => each["request_id"] === requestId);
      assert.equal(others.length, 0);
      assert.equal(line?.["error_code"], errorCode(answer));
      assert.equal(line?.["status"], answer.status);
    }
  });
});

describe("the log's place", { timeout }, () => {
  it("is the file of --log-file, appended to over restarts, readable by its owner alone", async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "holdfast.log");
    await using scene = await openScene({ args: ["--log-file", file] });
    const client = await connect(scene.holdfast.url);
    assert.equal(await scene.holdfast.stop(), 0);
    await scene.holdfast.restart();
    await client.call("count");
    assert.deepEqual(await logOf(scene), [], "standard error stays empty");
    const methods = (await readFile(file, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).jsonrpc_method)
      .filter((method) => method !== undefined);
    assert.deepEqual(methods, ["initialize", "notifications/initialized", "tools/call"]);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it("takes warnings and errors alone with --quiet", async () => {
    await using scene = await openScene({ args: ["--quiet"] });
    const client = await oneLossAndItsCall(scene);
    await scene.order({ do: "answer", status: 404, body: "gone", methods: ["initialize"] });
    await scene.order({ do: "forget", as: "404-json" });
    assert.equal(errorCode(await client.call("count")), "UPSTREAM_NOT_FOUND");
    const lines = await logOf(scene);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0] ?? "", /"level":"warn".*UPSTREAM_NOT_FOUND.*"session not restored"/);
  });
});

describe("/healthz and /metrics", { timeout }, () => {
  it("tell that Holdfast runs, and what it did", async () => {
    await using scene = await openScene();
    const { origin } = new URL(scene.holdfast.url);
    const health = await fetch(`${origin}/healthz`);
    assert.equal(health.status, 200);
    assert.deepEqual(await health.json(), { status: "ok" });
    const client = await oneLossAndItsCall(scene);
    await scene.order({ do: "cut", when: "before-headers" });
    assert.equal(errorCode(await client.call("count")), "OUTCOME_UNKNOWN");
    const metrics = await fetch(`${origin}/metrics`);
    assert.equal(metrics.headers.get("content-type"), "text/plain; version=0.0.4");
    const text = await metrics.text();
    const { host } = new URL(scene.chaos.url);
    for (const line of [
      "holdfast_sessions 1",
      "holdfast_requests_in_flight 1",
      'holdfast_requests_total{outcome="OUTCOME_UNKNOWN"} 1',
      `holdfast_sessions_lost_total{connector="${host}",signal="session-not-found"} 1`,
      `holdfast_restores_total{connector="${host}",outcome="restored"} 1`,
      `holdfast_replays_total{connector="${host}",outcome="answered"} 1`,
      `holdfast_restore_seconds_count{connector="${host}",signal="session-not-found"} 1`,
    ])
      assert.ok(text.split("\n").includes(line), `${line}\n${text}`);
    await fetch(client.url, { method: "DELETE", headers: client.headers });
    assert.match(await (await fetch(`${origin}/metrics`)).text(), /^holdfast_sessions 0$/m);
  });

  it("take GET alone, and ask for the token where one is set", async () => {
    await using scene = await openScene({ args: ["--token", "a-long-token"] });
    const { origin } = new URL(scene.holdfast.url);
    const headers = { authorization: "Bearer a-long-token" };
    for (const path of ["/healthz", "/metrics"]) {
      assert.equal((await fetch(`${origin}${path}`)).status, 401);
      assert.equal((await fetch(`${origin}${path}`, { headers })).status, 200);
      assert.equal((await fetch(`${origin}${path}`, { method: "POST", headers })).status, 405);
    }
  });
});
