// What crosses the bridge from a modern server to a legacy client, byte for byte, and what a server does that it should not. The server is scripted, since real ones round numbers.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { eventData, openSession, send } from "../support/raw-client.ts";
import { answerJson, openEvents, type RawServer, startRawServer } from "../support/raw-server.ts";

const discovered =
  '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}';

/** The script of a tool: what its result, or whole answer, is. */
type Script = (id: string, body: string, response: ServerResponse) => void;

let script: Script = (id, _body, response) => result(response, id, "{}");

function result(response: ServerResponse, id: string, text: string): void {
  answerJson(response, `{"jsonrpc":"2.0","id":${id},"result":${text}}`);
}

function refuse(response: ServerResponse, status: number, id: string, error: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`{"jsonrpc":"2.0","id":${id},"error":${error}}`);
}

describe("between a legacy client and a modern server", () => {
  let server: RawServer;
  let holdfast: Holdfast;

  before(async () => {
    server = await startRawServer({
      open: (_seen, response) =>
        refuse(response, 400, "null", '{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}'),
      respond: ({ body, headers, method }, response) => {
        const text = body.toString();
        const id = /"id"\s*:\s*("[^"]*"|[\d.]+)/.exec(text)?.[1] ?? "null";
        if (method !== "POST") return void response.writeHead(405).end();
        if (headers["mcp-method"] === "server/discover") return result(response, id, discovered);
        if (headers["mcp-method"]?.includes("notifications/") === true) return void response.writeHead(202).end();
        script(id, text, response);
      },
    });
    holdfast = await startHoldfast(server.url);
  });

  after(async () => {
    await holdfast[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const post = async (body: string, version = "2025-11-25", capabilities: object = {}) => {
    const session = await openSession(holdfast.url, { version, capabilities });
    return send(session.url, { headers: session.headers, body });
  };
  const call = (id: string, args = "{}") =>
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"t","arguments":${args}}}`;

  it("numbers keep their digits, and unknown fields and content types cross", async () => {
    const odd = '{"big":9007199254740993,"d":1.10,"huge":12345678901234567890,"e":1e400, "twice":1,"twice":2}';
    let received = "";
    script = (id, body, response) => {
      received = body;
      result(response, id, `{"content":[{"type":"hologram","v":${odd}}],"x":${odd},"resultType":"complete"}`);
    };
    const answer = await post(call("9007199254740993", odd));
    assert.ok(received.includes(`"arguments":${odd}`));
    assert.equal(
      answer.text,
      `{"jsonrpc":"2.0","id":9007199254740993,"result":{"content":[{"type":"hologram","v":${odd}}],"x":${odd}}}`,
    );
  });

  it("a result without a type is complete", async () => {
    script = (id, _body, response) => result(response, id, '{"content":[]}');
    assert.equal((await post(call('"a"'))).text, '{"jsonrpc":"2.0","id":"a","result":{"content":[]}}');
  });

  it("a result of a kind without a word in the client's era is an error that names it", async () => {
    script = (id, _body, response) => result(response, id, '{"resultType":"task","taskId":"k"}');
    assert.match((await post(call("1"))).text, /"code":-32603,.*"data":\{"resultType":"task"\}/);
  });

  it("an unknown method is no lost session: HTTP 200 with -32601", async () => {
    script = (id, _body, response) => refuse(response, 404, id, '{"code":-32601,"message":"Method not found"}');
    const answer = await post('{"jsonrpc":"2.0","id":1,"method":"acme/x"}');
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}');
  });

  it("a server that sends a request of its own fails the call", async () => {
    script = (_id, _body, response) =>
      void openEvents(response).write('data: {"jsonrpc":"2.0","id":1,"method":"roots/list"}\n\n');
    assert.match((await post(call("1"))).text, /"id":1,"error":\{"code":-32603,.*forbids/);
  });

  it("a client that cannot open URLs is told where its user must go", async () => {
    script = (id, _body, response) =>
      result(
        response,
        id,
        '{"resultType":"input_required","inputRequests":{"u":{"method":"elicitation/create","params":{"mode":"url","message":"Sign in","url":"https://example.com/in"}}}}',
      );
    const answer = await post(call("1"), "2025-06-18", { elicitation: {} });
    const [message] = eventData(answer.text);
    assert.equal(
      message,
      '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Sign in\\nhttps://example.com/in"}],"isError":true}}',
    );
  });

  it("a client that can open URLs is asked to, with the id that its era wants, and its answer goes back", async () => {
    const bodies: string[] = [];
    const page = '{"mode":"url","message":"Sign in","url":"https://example.com/in"}';
    script = (id, body, response) => {
      bodies.push(body);
      const asks = `{"resultType":"input_required","inputRequests":{"u":{"method":"elicitation/create","params":${page}}}}`;
      result(response, id, bodies.length === 1 ? asks : '{"content":[]}');
    };
    const session = await openSession(holdfast.url, { capabilities: { elicitation: { url: {} } } });
    const asked = await session.open({ body: call("1") });
    const [question = "{}"] = eventData(await asked.until(/elicitation\/create[^\n]*\n/));
    const { id, params } = JSON.parse(question);
    assert.equal(typeof params.elicitationId, "string");
    assert.equal(params.url, "https://example.com/in");
    await session.post(JSON.stringify({ jsonrpc: "2.0", id, result: { action: "accept" } }));
    assert.match(await asked.until('"id":1'), /"result":\{"content":\[\]\}/);
    assert.match(bodies[1] ?? "", /"inputResponses":\{"u":\{"action":"accept"\}\}/);
  });

  it("a tool that insists on a task is refused as its server refuses it, under a code that this era knows", async () => {
    const required = '{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}';
    script = (id, _body, response) =>
      refuse(response, 400, id, `{"code":-32021,"message":"Only as a task","data":${required}}`);
    const { error } = JSON.parse((await post(call("1"))).text);
    assert.deepEqual([error.code, error.message, error.data.upstream.code], [-32603, "Only as a task", -32021]);
  });

  it("an answer of 64 MiB is carried, and a longer one fails its own call, which ran", async () => {
    const most = 64 * 1024 * 1024;
    const padded = (id: string, bytes: number): string => {
      const [before, after] = [`{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"`, '"}]}}'];
      return `${before}${"x".repeat(bytes - before.length - after.length)}${after}`;
    };
    script = (id, _body, response) => answerJson(response, padded(id, most));
    const whole = await post(call("1"));
    assert.ok(whole.body.length > most - 100, whole.text.slice(0, 300));
    for (const write of [
      (response: ServerResponse, text: string) => answerJson(response, text),
      (response: ServerResponse, text: string) => openEvents(response).end(`data: ${text}\n\n`),
    ]) {
      script = (id, _body, response) => write(response, padded(id, most + 1));
      const { error } = JSON.parse((await post(call("2"))).text);
      assert.deepEqual([error.data.code, error.data.executed], ["SERVER_MESSAGE_TOO_LARGE", "yes"]);
    }
    script = (id, _body, response) => result(response, id, '{"content":[]}');
    assert.match((await post(call("3"))).text, /"id":3,"result"/);
  });

  it("a server that only wants the request again gets it with its state, ten times and no more", async () => {
    const states: string[] = [];
    script = (id, body, response) => {
      states.push(/"requestState":("[^"]*")/.exec(body)?.[1] ?? "none");
      result(response, id, `{"resultType":"input_required","requestState":"s${states.length}"}`);
    };
    assert.match((await post(call("1"))).text, /more than 10 times/);
    assert.deepEqual(states, ["none", ...Array.from({ length: 9 }, (_, index) => `"s${index + 1}"`)]);
  });

  it("a batch is split, and each of its requests is answered", async () => {
    script = (id, body, response) => result(response, id, `{"content":[],"n":${/"n":([\d.]+)/.exec(body)?.[1]}}`);
    const answer = await post(`[${call("1", '{"n":1.10}')},${call('"b"', '{"n":2}')}]`, "2025-03-26");
    assert.deepEqual(eventData(answer.text).toSorted(), [
      '{"jsonrpc":"2.0","id":"b","result":{"content":[],"n":2}}',
      '{"jsonrpc":"2.0","id":1,"result":{"content":[],"n":1.10}}',
    ]);
  });

  for (const [count, outcome] of [
    [100, /"id":100,"result"/],
    [101, /"code":-32600,"message":"A batch may hold at most 100 messages\."/],
  ] as const) {
    it(`a batch of ${count} ${count > 100 ? "is refused" : "is taken"}`, async () => {
      script = (id, _body, response) => result(response, id, '{"content":[]}');
      const calls = Array.from({ length: count }, (_, index) => call(String(index + 1)));
      assert.match((await post(`[${calls.join()}]`, "2025-03-26")).text, outcome);
    });
  }

  it("the log names the pair", async () => {
    script = (id, _body, response) => result(response, id, '{"content":[]}');
    await post(call("1"));
    await holdfast.stop();
    const lines = holdfast.requests("tools/call");
    assert.ok(lines.length > 0);
    assert.deepEqual([...new Set(lines.map((line) => line["era_pair"]))], ["LM"]);
    await holdfast.restart();
  });
});
