// Orders that change what the faulty server says: answers that are spoiled, cut or late, and those of an upgraded server. Seen on the wire; tests no proxy.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  call,
  get,
  initialize,
  messageOf,
  open,
  order,
  post,
  request,
  state,
  until,
  withServer,
} from "../../test/support/faulty-server.ts";

const timeout = 20_000;

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
