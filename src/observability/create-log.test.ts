// The log as its reader finds it: real files and pipes, every format.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createLog } from "./create-log.ts";
import type { LogFormat, RequestRecord } from "./log.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-log-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const record: RequestRecord = {
  user_id: "none",
  session_id: "0123456789ab",
  http_method: "POST",
  jsonrpc_method: "tools/call",
  jsonrpc_id: '"a b"',
  body_len: 350,
  status: 200,
  elapsed_ms: 4.56789,
  connector: "files",
  era_pair: "LL",
  recovery: "-",
  error_code: "-",
  request_id: "q3Zk0hX1",
};

let files = 0;

async function written(
  format: LogFormat,
  use: (log: ReturnType<typeof createLog>) => void,
  quiet = false,
): Promise<readonly string[]> {
  files += 1;
  const path = join(directory, `${files}.log`);
  const log = createLog({ format, destination: path, quiet });
  use(log);
  await log.close();
  return readFileSync(path, "utf8").split("\n").slice(0, -1);
}

describe("a request line", () => {
  it("has exactly the record's fields, and time, level and msg, as JSON", async () => {
    const wider = { ...record, authorization: "Bearer canary" };
    const [line = ""] = await written("json", (log) => log.request(wider));
    const { time, ...rest } = JSON.parse(line);
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, { level: "info", msg: "mcp request", ...record, elapsed_ms: 4.568 });
  });

  it("has the same fields in logfmt, quoted where a value holds a blank or a quote", async () => {
    const [line = ""] = await written("logfmt", (log) => log.request(record));
    const wanted =
      'level=info msg="mcp request" user_id=none session_id=0123456789ab http_method=POST jsonrpc_method=tools/call ' +
      'jsonrpc_id="\\"a b\\"" body_len=350 status=200 elapsed_ms=4.568 connector=files era_pair=LL recovery=- error_code=- ' +
      "request_id=q3Zk0hX1";
    assert.equal(line.replace(/^time=\S+ /, ""), wanted);
  });

  it("leaves out in pretty what says nothing, and has no colour in a file", async () => {
    const [line = ""] = await written("pretty", (log) => log.request(record));
    assert.match(line, /^\d\d:\d\d:\d\d\.\d{3} INFO  mcp request user_id=none .* status=200 elapsed_ms=4.568 /);
    assert.doesNotMatch(line, /recovery|error_code/);
    assert.ok(!line.includes("\u001b"));
  });
});

describe("text from outside", () => {
  const forged = '\r\n{"level":"error"}\u001b[2J\u202e\u2028\u0000\u009b';

  for (const format of ["json", "logfmt", "pretty"] as const) {
    it(`cannot begin a line or move the cursor in ${format}`, async () => {
      const lines = await written(format, (log) => {
        log.request({ ...record, jsonrpc_method: forged, jsonrpc_id: forged, user_id: forged });
        log.event("warn", forged, { [forged]: forged });
      });
      assert.equal(lines.length, 2);
      for (const line of lines) assert.match(line, /^[\x20-\x7e]*$/);
    });

    it(`fills at most 200 characters of a field in ${format}`, async () => {
      const lines = await written(format, (log) => {
        log.request({ ...record, jsonrpc_method: "m".repeat(100_000), jsonrpc_id: "\u0000".repeat(1_000) });
        log.event("info", "e".repeat(1_000), { reason: "r".repeat(1_000) });
      });
      assert.ok(lines.every((line) => line.length < 1_200));
      assert.match(lines[0] ?? "", /[^m]m{197}\.\.\./);
    });
  }
});

describe("the log", () => {
  it("keeps events in order with their level and fields", async () => {
    const lines = await written("json", (log) => {
      log.event("info", "session restored", { connector: "files", elapsed_ms: 80, upgraded: false });
      log.event("error", "session not stored");
    });
    const entries = lines.map((line) => JSON.parse(line, (key, value) => (key === "time" ? undefined : value)));
    assert.deepEqual(entries, [
      { level: "info", connector: "files", elapsed_ms: 80, upgraded: false, msg: "session restored" },
      { level: "error", msg: "session not stored" },
    ]);
  });

  it("writes warnings and errors only when quiet", async () => {
    const use = (log: ReturnType<typeof createLog>) => {
      log.request(record);
      log.event("info", "ready");
      log.event("warn", "session not restored");
    };
    const lines = await written("json", use, true);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).msg),
      ["session not restored"],
    );
  });

  it("loses nothing of many lines, and takes none after close", async () => {
    const path = join(directory, "many.log");
    const log = createLog({ format: "json", destination: path, quiet: false });
    for (let id = 0; id < 20_000; id++) log.request({ ...record, jsonrpc_id: String(id) });
    await log.close();
    log.request(record);
    await log.close();
    const ids = readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).jsonrpc_id);
    assert.deepEqual(ids, [...Array(20_000).keys()].map(String));
  });

  it("writes a lone line soon, without close", { timeout: 5_000 }, async () => {
    const path = join(directory, "soon.log");
    const log = createLog({ format: "json", destination: path, quiet: false });
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      const watcher = watch(path, () => {
        if (statSync(path).size === 0) return;
        watcher.close();
        resolve();
      });
      log.request(record);
    });
    assert.ok(performance.now() - startedMs < 2_000);
    await log.close();
  });

  it("appends to a file that only its owner can read", async () => {
    const path = join(directory, "append.log");
    for (const message of ["one", "two"]) {
      const log = createLog({ format: "json", destination: path, quiet: false });
      log.event("info", message);
      await log.close();
    }
    assert.equal(readFileSync(path, "utf8").trim().split("\n").length, 2);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it("fails at once for a file that cannot be opened", () => {
    const destination = join(directory, "missing", "x.log");
    assert.throws(() => createLog({ format: "json", destination, quiet: false }), /ENOENT/);
  });
});

async function run(script: string, onStarted: (child: ReturnType<typeof spawn>) => void = () => {}) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  onStarted(child);
  const limit = setTimeout(() => child.kill("SIGKILL"), 10_000);
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(limit);
  return { code, stdout, stderr };
}

const source = JSON.stringify(new URL("create-log.ts", import.meta.url).href);
const open = `const { createLog } = await import(${source});`;

describe("the log of a process", { timeout: 20_000 }, () => {
  it("holds the last line when the process exits without close", async () => {
    const script = `${open}
      const log = createLog({ format: "json", destination: 1, quiet: false });
      log.event("info", "first");
      log.event("error", "last words");
      process.exit(3);`;
    const { code, stdout } = await run(script);
    assert.equal(code, 3);
    assert.match(stdout, /first"\}\n.*last words"\}\n$/);
  });

  it("does not keep the process alive", async () => {
    const { code, stdout } = await run(
      `${open} createLog({ format: "logfmt", destination: 1, quiet: false }).event("info", "once");`,
    );
    assert.equal(code, 0);
    assert.match(stdout, /msg=once\n$/);
  });

  it("does not stop the process when its reader is gone", async () => {
    const script = `${open}
      const log = createLog({ format: "json", destination: 1, quiet: false });
      process.stdout.on("error", () => {});
      for (let round = 0; round < 20; round++) {
        for (let line = 0; line < 200; line++) log.event("info", "x".repeat(100));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await log.close();
      process.stderr.write("alive");`;
    const { code, stderr } = await run(script, (child) => child.stdout?.destroy());
    assert.equal(code, 0);
    assert.equal(stderr, "alive");
  });

  it("does not stop the process when the disk is full", async () => {
    const script = `${open}
      const log = createLog({ format: "json", destination: "/dev/full", quiet: false });
      for (let line = 0; line < 1000; line++) log.event("info", "x".repeat(100));
      await log.close();
      process.stderr.write("alive");`;
    const { code, stderr } = await run(script);
    assert.deepEqual([code, stderr], [0, "alive"]);
  });
});
