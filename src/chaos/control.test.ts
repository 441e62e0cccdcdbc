// Where the faulty server takes its orders and tells its state: over HTTP, in the terminal, and as a command. Tests no proxy.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { text as readAll } from "node:stream/consumers";
import { describe, it } from "node:test";
import {
  base,
  call,
  chaos,
  open,
  order,
  post,
  request,
  send,
  start,
  state,
  withServer,
} from "../../test/support/faulty-server.ts";

const timeout = 20_000;

describe("the control plane", { timeout }, () => {
  withServer();

  it("counts what it received and lists the last exchanges", async () => {
    const id = await open();
    await post(call(1, "count", { key: "__proto__" }), id);
    const { received, requests, executions } = await state();
    assert.equal(received.initialize, 1);
    assert.equal(received.http, 3);
    assert.equal(Object.getOwnPropertyDescriptor(executions["count"], "__proto__")?.value, 1);
    assert.deepEqual(requests.at(-1), {
      http: "POST",
      method: "tools/call",
      id: 1,
      session: id,
      lastEventId: null,
      status: 200,
    });
  });

  for (const [what, members] of Object.entries({
    "an unknown order": { do: "explode" },
    "a member the order does not take": { do: "forget", shape: "404-json" },
    "an unknown shape": { do: "forget", as: "404-jsn" },
    "a time that is no number": { do: "refuse", ms: "long" },
    "a stream to close where none is resumable": { do: "close-stream" },
  })) {
    it(`refuses ${what} and names the orders it knows`, async () => {
      const answer = await order(members);
      assert.equal(answer.status, 400);
      const { known }: { readonly known: readonly string[] } = JSON.parse(answer.body);
      assert.ok(known.includes("forget"));
    });
  }
});

describe("the terminal", { timeout }, () => {
  it("takes the same orders as words and answers each in one line", async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    await start({ terminal: { input, output } });
    try {
      const id = await open();
      input.end("forget 404-text\ncut mid-stream times=2\nforget nothing\nstatus\nhelp\nquit\n");
      await chaos.closed;
      output.end();
      const said = (await readAll(output)).split("\n");
      assert.equal(said[0], "forgot 1 session; refused as 404-text");
      assert.equal(said[1], "the next 2 calls are cut mid-stream, not executed");
      assert.match(said[2] ?? "", /^no shape "nothing"/);
      assert.match(said[3] ?? "", /^sessions 0, .*cut x2/);
      assert.equal(said.at(-2), "stopped");
      await assert.rejects(post(request(1, "ping"), id), { code: "ECONNREFUSED" });
    } finally {
      await chaos.close();
    }
  });
});

describe("the terminal of a server that refuses connections", { timeout }, () => {
  it("opens the port again with reset", async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    await start({ terminal: { input, output } });
    try {
      input.write("refuse 600000\n");
      await once(output, "data");
      input.write("reset\n");
      assert.match(await open(), /./);
    } finally {
      await chaos.close();
    }
  });
});

describe("the command", { timeout }, () => {
  it("prints where it listens and how to break it, and exits with 0 on SIGTERM", async () => {
    const index = JSON.stringify(new URL("./index.ts", import.meta.url));
    const script = `import { runChaosCommand } from ${index}; await runChaosCommand({ port: 0 });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      let said = "";
      while (!said.includes("See what happened")) said += String((await once(child.stdout, "data"))[0]);
      const [, url = ""] = /^MCP endpoint: (\S+)$/m.exec(said) ?? [];
      assert.match(said, /curl -s \S+\/chaos -d '\{"do":"forget","as":"404-json"\}'/);
      assert.equal((await send("GET", url, base)).status, 400);
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      assert.deepEqual(await exited, [0, null]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
