// Every order that the faulty server takes, seen on the wire by a client that hides nothing. Tests no proxy.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { PassThrough } from "node:stream";
import { text as readAll } from "node:stream/consumers";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type Chaos, type ChaosOptions, startChaos } from "./index.ts";
import { refusalFor, type Shape, shapes } from "./shapes.ts";

const timeout = 20_000;
let chaos: Chaos;

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

interface State {
  readonly counter: number;
  readonly executions: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly received: { readonly http: number; readonly initialize: number; readonly methods: unknown };
  readonly sessions: { readonly count: number; readonly list: readonly { readonly getOpen: boolean }[] };
  readonly requests: readonly {
    readonly http: string;
    readonly method: string | null;
    readonly status: number | null;
  }[];
}

/** Connections are never reused, so that a cut one cannot be mistaken for a stale one. */
function send(http: string, url: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = httpRequest(url, { method: http, headers, agent: false }, (response) => {
    const { statusCode = 0, headers } = response;
    const give = (text: string) => resolve({ status: statusCode, type: headers["content-type"], body: text, headers });
    readAll(response).then(give, reject);
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

async function order(members: Readonly<Record<string, unknown>>): Promise<Answer> {
  return send("POST", chaos.controlUrl, {}, JSON.stringify(members));
}

async function state(): Promise<State> {
  const read: State = JSON.parse((await send("GET", chaos.controlUrl, {})).body);
  return read;
}

const base = { accept: "application/json, text/event-stream", "content-type": "application/json" };

function post(message: unknown, session?: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const id = session === undefined ? {} : { "mcp-session-id": session };
  return send("POST", chaos.url, { ...base, ...id, ...headers }, JSON.stringify(message));
}

const request = (id: number | string, method: string, params = {}) => ({ jsonrpc: "2.0", id, method, params });
const call = (id: number | string, name: string, args = {}) => request(id, "tools/call", { name, arguments: args });

const initialize = (version = "2025-11-25") =>
  post(
    request(0, "initialize", {
      protocolVersion: version,
      capabilities: {},
      clientInfo: { name: "test", version: "1.0.0" },
    }),
  );

async function open(version?: string): Promise<string> {
  const { headers } = await initialize(version);
  const id = String(headers["mcp-session-id"]);
  await post({ jsonrpc: "2.0", method: "notifications/initialized" }, id);
  return id;
}

const get = (session: string) => send("GET", chaos.url, { ...base, "mcp-session-id": session });

interface Message {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** The last JSON-RPC message of an answer, event stream or not. */
function messageOf({ body }: Answer): Message {
  const data = body.split("\n").findLast((line) => line.startsWith("data: ") && line.length > 6);
  const message: Message = JSON.parse(data?.slice(6) ?? body);
  return message;
}

async function until(condition: (state: State) => boolean): Promise<State> {
  for (;;) {
    const now = await state();
    if (condition(now)) return now;
  }
}

function withServer(options: ChaosOptions = {}): void {
  beforeEach(async () => {
    chaos = await startChaos(options);
  });
  afterEach(() => chaos.close());
}

describe("shapes of a lost session", { timeout }, () => {
  withServer();

  for (const [name, row] of Object.entries(shapes)) {
    const shape: Shape = row;
    if (shape.silent === true) continue;
    it(`refuses as ${name}`, async () => {
      const id = await open();
      await order({ do: "forget", as: name });
      for (const http of ["POST", "GET", "DELETE"]) {
        const expected = refusalFor(shape, http);
        const sent = http === "POST" ? JSON.stringify(call(7, "count")) : undefined;
        const answer = await send(http, chaos.url, { ...base, "mcp-session-id": id }, sent);
        assert.equal(answer.status, expected.status);
        assert.equal(answer.type, expected.contentType);
        const refused = {
          id: http === "POST" ? 7 : undefined,
          method: http === "POST" ? "tools/call" : http,
          sessionId: id,
        };
        assert.equal(answer.body, expected.body(refused));
      }
      const ping = await post(request(8, "ping"), id);
      assert.equal(ping.status === 200 && "result" in messageOf(ping), shape.answersPing === true);
      assert.equal((await state()).counter, 0);
      assert.equal((await initialize()).status, 200);
    });
  }

  it("takes a dead id as if nothing had happened where loss is silent", async () => {
    const id = await open();
    await post(request(1, "resources/subscribe", { uri: "chaos://clock" }), id);
    await order({ do: "forget", as: "200-silent" });
    assert.deepEqual(messageOf(await post(call(2, "echo", { text: "on" }), id)).id, 2);
    assert.match(JSON.stringify((await state()).sessions.list), /"subscriptions":\[\]/);
  });

  it("lets the order say whether ping is answered", async () => {
    const id = await open();
    await order({ do: "forget", as: "200-python", ping: false });
    assert.ok("error" in messageOf(await post(request(1, "ping"), id)));
  });
});

describe("requests that a good server refuses", { timeout }, () => {
  withServer();

  const bad: Readonly<Record<string, readonly [number, () => Promise<Answer>]>> = {
    "a request without session id": [400, () => post(request(1, "tools/list"))],
    "an id it never issued": [404, () => post(request(1, "tools/list"), "never")],
    "a second initialize": [400, async () => post(request(1, "initialize"), await open())],
    "an unknown protocol version": [
      400,
      async () => post(request(1, "ping"), await open(), { "mcp-protocol-version": "1999-01-01" }),
    ],
    "a batch in a session that has none": [400, async () => post([request(1, "ping")], await open("2025-06-18"))],
    "a body that is not JSON": [400, () => send("POST", chaos.url, base, "{")],
    "another content type": [415, () => send("POST", chaos.url, { ...base, "content-type": "text/plain" }, "{}")],
    "an Accept without event streams": [406, () => post(request(1, "ping"), undefined, { accept: "application/json" })],
    "a body over 32 MiB": [413, () => send("POST", chaos.url, { ...base, "content-length": "33554433" })],
    "another method": [405, () => send("PUT", chaos.url, base)],
    "a page of another origin": [403, () => post(request(1, "ping"), undefined, { origin: "http://example.com" })],
  };
  for (const [what, [status, attempt]] of Object.entries(bad)) {
    it(`answers ${status} to ${what}`, async () => assert.equal((await attempt()).status, status));
  }

  it("ends a session on DELETE", async () => {
    const id = await open();
    assert.equal((await send("DELETE", chaos.url, { "mcp-session-id": id })).status, 200);
    assert.equal((await post(request(1, "ping"), id)).status, 404);
  });

  it("answers each request of a 2025-03-26 batch", async () => {
    const answer = await post([request(1, "ping"), call(2, "echo", { text: "b" })], await open("2025-03-26"));
    assert.equal(answer.body.match(/^data: /gm)?.length, 2);
  });

  it("allows one GET stream per session", async () => {
    const id = await open();
    const first = get(id);
    await until(({ sessions }) => sessions.list[0]?.getOpen === true);
    assert.equal((await get(id)).status, 409);
    await order({ do: "close-get" });
    assert.equal((await first).status, 200);
  });
});

describe("orders that take sessions away", { timeout }, () => {
  withServer();

  it("forgets one session and keeps the others", async () => {
    const [first, second] = [await open(), await open()];
    await order({ do: "forget-one", session: "last" });
    assert.equal((await post(request(1, "ping"), first)).status, 200);
    assert.equal((await post(request(1, "ping"), second)).status, 404);
  });

  it("forgets every new session until that is turned off", async () => {
    await order({ do: "forget-always", as: "400-everything" });
    assert.equal((await post(request(1, "ping"), await open())).status, 400);
    await order({ do: "forget-always", on: false });
    assert.equal((await post(request(1, "ping"), await open())).status, 200);
  });

  it("refuses connections and comes back on the same port without its sessions", async () => {
    const id = await open();
    await order({ do: "refuse", ms: 300 });
    await assert.rejects(state(), { code: "ECONNREFUSED" });
    await comeBack();
    assert.equal((await post(request(1, "ping"), id)).status, 404);
  });

  it("keeps the sessions over an outage when told so", async () => {
    const id = await open();
    await order({ do: "refuse", ms: 1, keepSessions: true });
    await comeBack();
    assert.equal((await post(request(1, "ping"), id)).status, 200);
  });

  async function comeBack(): Promise<void> {
    for (;;) {
      const answered = await state().catch(() => undefined);
      if (answered !== undefined) return;
      await wait(10);
    }
  }
});

describe("orders that spoil answers", { timeout }, () => {
  withServer();

  it("gives the next requests a literal answer", async () => {
    const id = await open();
    const headers = { "WWW-Authenticate": "Bearer" };
    await order({ do: "answer", status: 401, headers, times: 2, methods: ["tools/call"] });
    for (let time = 0; time < 2; time++) {
      assert.equal((await post(request(1, "ping"), id)).status, 200);
      const answer = await post(call(2, "count"), id);
      assert.equal(answer.status, 401);
      assert.equal(answer.headers["www-authenticate"], "Bearer");
    }
    assert.equal((await post(call(3, "count"), id)).status, 200);
    assert.equal((await state()).counter, 1);
  });

  it("runs the call before a literal answer when told so, and echoes the id", async () => {
    const id = await open();
    const body = { jsonrpc: "2.0", id: "$id", error: { code: -32601, message: "Method not found" } };
    await order({ do: "answer", status: 404, body, executed: true });
    const answer = await post(call("x", "count"), id);
    assert.equal(answer.status, 404);
    assert.equal(messageOf(answer).id, "x");
    assert.equal((await state()).counter, 1);
  });

  for (const executed of [true, false]) {
    const times = executed ? 1 : 0;
    it(`cuts before the headers, ${times} executed`, async () => {
      const id = await open();
      await order({ do: "cut", when: "before-headers", executed });
      await assert.rejects(post(call(1, "count", { key: "k" }), id), /socket hang up|ECONNRESET/);
      const { executions, requests } = await state();
      assert.equal(executions["count"]?.["k"] ?? 0, times);
      assert.equal(requests.at(-1)?.status, null);
    });
    for (const when of ["after-headers", "mid-stream"]) {
      it(`cuts ${when}, ${times} executed`, async () => {
        const id = await open();
        await order({ do: "cut", when, executed });
        await assert.rejects(post(call(1, "count", { key: "k" }), id), /aborted|terminated|ECONNRESET/);
        const { executions, requests } = await state();
        assert.equal(executions["count"]?.["k"] ?? 0, times);
        assert.equal(requests.at(-1)?.status, 200);
      });
    }
    it(`ends a stream cleanly without an answer, ${times} executed`, async () => {
      const id = await open();
      await order({ do: "cut", when: "clean-end", executed });
      const answer = await post(call(1, "count", { key: "k" }), id);
      assert.deepEqual([answer.status, answer.body], [200, ""]);
      assert.equal((await state()).executions["count"]?.["k"] ?? 0, times);
    });
  }

  it("delays what it is told to delay", async () => {
    await order({ do: "delay", ms: 150, methods: ["initialize"] });
    const started = performance.now();
    await open();
    assert.ok(performance.now() - started >= 145);
  });

  it("never answers a request that hangs, until it is reset", async () => {
    const id = await open();
    await order({ do: "hang", methods: ["ping"] });
    const hung = assert.rejects(post(request(1, "ping"), id), /socket hang up|ECONNRESET/);
    await until(({ requests }) => requests.at(-1)?.method === "ping");
    await order({ do: "reset" });
    await hung;
  });

  it("refuses the GET stream, ends it, or cuts it", async () => {
    const id = await open();
    await order({ do: "get", offered: false });
    assert.equal((await get(id)).status, 405);
    await order({ do: "get", offered: true });
    const cut = assert.rejects(get(id), /aborted|terminated|ECONNRESET/);
    await until(({ sessions }) => sessions.list[0]?.getOpen === true);
    await order({ do: "cut-get" });
    await cut;
  });
});

describe("orders that upgrade the server", { timeout }, () => {
  withServer();

  it("changes tools, versions and capabilities, and takes it all back", async () => {
    await order({ do: "tools", add: ["fresh"], remove: ["echo"] });
    await order({ do: "version", server: "2.0.0" });
    await order({ do: "protocol", versions: ["2025-06-18"] });
    await order({ do: "capabilities", capabilities: { tools: {} } });
    const { result } = messageOf(await initialize());
    assert.match(JSON.stringify(result), /"protocolVersion":"2025-06-18","capabilities":\{"tools":\{\}\}.*"2\.0\.0"/);
    const id = await open();
    const { body } = await post(request(1, "tools/list"), id);
    assert.match(body, /"fresh"/);
    assert.doesNotMatch(body, /"echo"/);
    assert.match((await post(request(2, "resources/list"), id)).body, /-32601/);
    await order({ do: "reset" });
    assert.match((await post(request(3, "tools/list"), id)).body, /"echo"/);
  });

  it("calls a tool by any name it was given", async () => {
    await order({ do: "tools", add: ["constructor"] });
    assert.match((await post(call(1, "constructor"), await open())).body, /I am constructor/);
  });

  it("refuses requests before initialized when told so", async () => {
    await order({ do: "require-initialized" });
    const id = String((await initialize()).headers["mcp-session-id"]);
    assert.match((await post(request(1, "tools/list"), id)).body, /-32602/);
    await post({ jsonrpc: "2.0", method: "notifications/initialized" }, id);
    assert.match((await post(request(2, "tools/list"), id)).body, /"echo"/);
  });

  it("sends notices on the GET streams", async () => {
    const id = await open();
    const stream = get(id);
    await until(({ sessions }) => sessions.list[0]?.getOpen === true);
    await post(request(1, "logging/setLevel", { level: "error" }), id);
    await post(request(2, "resources/subscribe", { uri: "chaos://clock" }), id);
    for (const what of ["tools", "prompts", "resources", "updated", "ping"]) await order({ do: "notify", what });
    await order({ do: "notify", what: "message", level: "warning", data: "unheard" });
    await order({ do: "notify", what: "message", level: "alert", data: "heard" });
    await order({ do: "close-get" });
    const { body } = await stream;
    const methods = [...body.matchAll(/"method":"([^"]+)"/g)].map(([, method]) => method);
    assert.deepEqual(methods, [
      "notifications/tools/list_changed",
      "notifications/prompts/list_changed",
      "notifications/resources/list_changed",
      "notifications/resources/updated",
      "ping",
      "notifications/message",
    ]);
    assert.doesNotMatch(body, /unheard/);
  });
});

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
    chaos = await startChaos({ terminal: { input, output } });
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

describe("cuts in JSON answers", { timeout }, () => {
  withServer({ json: true });

  for (const when of ["after-headers", "mid-stream"]) {
    it(`cuts ${when}`, async () => {
      const id = await open();
      await order({ do: "cut", when, executed: true });
      await assert.rejects(post(call(1, "count"), id), /aborted|terminated|ECONNRESET/);
      assert.equal((await state()).counter, 1);
    });
  }

  it("answers a batch with one array", async () => {
    const answer = await post([request(1, "ping"), request(2, "ping")], await open("2025-03-26"));
    assert.deepEqual(JSON.parse(answer.body), [
      { jsonrpc: "2.0", id: 1, result: {} },
      { jsonrpc: "2.0", id: 2, result: {} },
    ]);
  });
});
