// Promises to a client that does something wrong, or something rare: the right HTTP status and a JSON-RPC error, no harm to anyone else.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startHoldfast as startInProcess } from "../../src/index.ts";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { temporaryDirectory } from "../support/process.ts";
import { type Answer, type Ask, openSession, type RawSession, send, talk } from "../support/raw-client.ts";
import { openEvents, type RawServer, type Respond, startRawServer } from "../support/raw-server.ts";

let server: RawServer;
let holdfast: Holdfast;
let session: RawSession;
let respond: Respond | undefined;

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const pong = '{"jsonrpc":"2.0","id":1,"result":{}}';
const ordinary: Respond = (_seen, response) =>
  response.writeHead(200, { "content-type": "application/json" }).end(pong);

before(async () => {
  server = await startRawServer({ respond: (seen, response) => (respond ?? ordinary)(seen, response) });
  holdfast = await startHoldfast(server.url);
  session = await openSession(holdfast.url, { headers: { authorization: "Bearer mine" } });
});

after(async () => {
  await holdfast?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly jsonrpc: number;
  /** Of the request, where its body has been read. */
  readonly id?: number;
}

/** Holds that the answer is that error, that it names the request in the log, and that nothing went to the server. */
async function refusal(ask: () => Promise<Answer>, { status, code, jsonrpc, id }: Refusal): Promise<Answer> {
  const before = server.seen.length + server.opened.length;
  const answer = await ask();
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers["content-type"], "application/json");
  const { error, ...envelope } = JSON.parse(answer.text);
  assert.deepEqual(envelope, { jsonrpc: "2.0", id: id ?? null });
  assert.equal(error.code, jsonrpc);
  assert.equal(error.data.code, code);
  assert.match(error.data.requestId, /^[0-9a-f]{8}-\w+$/);
  assert.equal(server.seen.length + server.opened.length, before);
  return answer;
}

async function assertRefused(ask: () => Promise<Answer>, refused: Refusal): Promise<void> {
  await refusal(ask, refused);
}

const malformed: Refusal = { status: 400, code: "MALFORMED_JSON", jsonrpc: -32700 };
const noJsonRpc: Refusal = { status: 400, code: "NOT_JSON_RPC", jsonrpc: -32600 };
const noJson: Refusal = { status: 415, code: "CONTENT_TYPE_NOT_JSON", jsonrpc: 1101 };
const idRequired: Refusal = { status: 400, code: "SESSION_ID_REQUIRED", jsonrpc: 1102 };
const unknown: Refusal = { status: 404, code: "UNKNOWN_SESSION", jsonrpc: 1103 };
const foreignOrigin: Refusal = { status: 403, code: "ORIGIN_REFUSED", jsonrpc: 1105 };
const foreignHost: Refusal = { status: 403, code: "HOST_REFUSED", jsonrpc: 1106 };
const noSuchMethod: Refusal = { status: 405, code: "METHOD_NOT_ALLOWED", jsonrpc: 1107 };
const noSuchPath: Refusal = { status: 404, code: "PATH_NOT_FOUND", jsonrpc: 1108 };
const noSessionId: Refusal = { status: 400, code: "INVALID_SESSION_ID", jsonrpc: 1113 };

describe("a body", () => {
  for (const [name, body] of Object.entries({
    "that is empty": "",
    "that ends early": '{"jsonrpc":"2.0","id":1,"method":"pi',
    "with a comma too many": '{"jsonrpc":"2.0","id":1,"method":"ping",}',
    "of two messages in a row": `${ping}\n${ping}`,
    "that is a word": "hello",
    "with a raw control character": '{"jsonrpc":"2.0","id":1,"method":"pi\u0001ng"}',
    "of single quotes": "{'jsonrpc':'2.0'}",
    "100,000 brackets deep and never closed": "[".repeat(100_000),
  })) {
    it(`${name} is malformed`, () => assertRefused(() => session.post(body), malformed));
  }

  for (const [name, body] of Object.entries({
    "that is a number": "7",
    "that is null": "null",
    "that is an empty object": "{}",
    "that is an empty batch": "[]",
    "that is a batch of numbers": "[1,2]",
    "of an earlier version": '{"id":1,"method":"ping"}',
    "whose method is no text": '{"jsonrpc":"2.0","id":1,"method":5}',
    "whose id is an object": '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    "with two methods": '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
  })) {
    it(`${name} is no JSON-RPC`, () => assertRefused(() => session.post(body), noJsonRpc));
  }

  for (const type of ["text/plain", "application/json-rpc", "application/x-www-form-urlencoded", "text/json", ""]) {
    it(`of type "${type}" is not taken`, () =>
      assertRefused(() => session.post(ping, { "content-type": type }), noJson));
  }

  it("that holds an initialize in a batch is refused", () =>
    assertRefused(() => session.post('[{"jsonrpc":"2.0","method":"initialize"}]'), {
      status: 400,
      code: "INITIALIZE_IN_BATCH",
      jsonrpc: 1111,
    }));
});

describe("a session id", () => {
  const idOf = ({ body }: Ask) => (body === undefined ? {} : { id: 1 });
  const withId = (id: string, ask: Ask = { body: ping }) =>
    session.send({ ...ask, headers: { ...ask.headers, "mcp-session-id": id } });
  const asks: Readonly<Record<string, Ask>> = {
    POST: { body: ping },
    GET: { method: "GET", headers: { accept: "text/event-stream" } },
    DELETE: { method: "DELETE" },
  };

  for (const [method, ask] of Object.entries(asks)) {
    it(`is asked for where a ${method} carries none`, () =>
      assertRefused(() => send(holdfast.url, ask), { ...idRequired, ...idOf(ask) }));

    it(`that nobody knows is not found by ${method}`, () =>
      assertRefused(() => withId("no-such-id", ask), { ...unknown, ...idOf(ask) }));

    it(`of another caller gets from ${method} the answer of an unknown one, byte for byte`, async () => {
      const nameless = ({ text }: Answer) => text.replace(/"requestId":"[^"]+"/, '"requestId":"*"');
      for (const authorization of ["Bearer other", ""]) {
        const { "mcp-session-id": _id, authorization: _own, ...headers } = session.headers;
        const asOther = (id: string): Promise<Answer> => {
          const credential = authorization === "" ? {} : { authorization };
          return send(holdfast.url, {
            ...ask,
            headers: { ...headers, ...ask.headers, ...credential, "mcp-session-id": id },
          });
        };
        const foreign = await refusal(() => asOther(session.id), { ...unknown, ...idOf(ask) });
        const none = await refusal(() => asOther("no-such-id"), { ...unknown, ...idOf(ask) });
        assert.equal(nameless(foreign), nameless(none));
        const strip = ({ date: _date, ...others }: Answer["headers"]) => ({ ...others, "content-length": "*" });
        assert.deepEqual(strip(foreign.headers), strip(none.headers));
      }
      assert.equal((await session.post(ping)).status, 200);
    });
  }

  it("of the server's own is unknown here", () =>
    assertRefused(() => withId(server.sessionIds[0] ?? ""), { ...unknown, id: 1 }));

  for (const id of [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "../../etc/passwd",
    "' or 1=1 --".replaceAll(" ", "_"),
    "%00",
    "*",
  ]) {
    it(`${id} is unknown and harms nothing`, () => assertRefused(() => withId(id), { ...unknown, id: 1 }));
  }

  for (const [name, id] of Object.entries({
    "that is empty": "",
    "with a space": "a b",
    "with a tab": "a\tb",
    "beyond ASCII": "s\u00e9ance",
    "10 KB long": "x".repeat(10_000),
  })) {
    it(`${name} is none`, () => assertRefused(() => withId(id), { ...noSessionId, id: 1 }));
  }

  it("given twice is none", async () => {
    const answer = await talk(
      holdfast.port,
      post(ping, `mcp-session-id: ${session.id}`, `Mcp-Session-Id: ${session.id}`, "connection: close"),
    );
    assert.match(answer, /^HTTP\/1\.1 400 [^]*INVALID_SESSION_ID/);
  });

  for (const [name, byte] of [
    ["NUL", 0],
    ["an escape", 0x1b],
    ["DEL", 0x7f],
  ] as const) {
    it(`with ${name} in it is refused, and the next request is served`, async () => {
      const head = post(ping, `mcp-session-id: a${String.fromCharCode(byte)}b`, "connection: close");
      assert.match(await talk(holdfast.port, head), /^HTTP\/1\.1 400 /);
      assert.equal((await session.post(ping)).status, 200);
    });
  }
});

describe("the place that is called", () => {
  for (const origin of ["http://evil.example", "https://localhost.evil.example", "null", "http://", "file://"]) {
    it(`is refused to a page of ${origin}`, () => assertRefused(() => session.post(ping, { origin }), foreignOrigin));
  }

  for (const host of ["evil.example", "localhost.evil.example:80", "127.0.0.1.nip.io", "a b", "user@localhost"]) {
    it(`is refused under the name ${host}`, () => assertRefused(() => session.post(ping, { host }), foreignHost));
  }

  it("is served under the names of this machine, and to its pages", async () => {
    for (const host of ["localhost", `LOCALHOST:${holdfast.port}`, "[::1]:1", "127.0.0.1"]) {
      assert.equal((await session.post(ping, { host, origin: `http://${host}` })).status, 200, host);
    }
  });

  for (const path of [
    "/",

    "/MCP",
    "/mcp/../mcp",
    "//mcp",
    "/.well-known/oauth-protected-resource",
    "/%6dcp",
  ]) {
    it(`is not found at ${path}`, () => {
      const url = new URL(holdfast.url).origin + path;
      const lines = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
      return path.includes("..")
        ? talk(holdfast.port, lines).then((text) => assert.match(text, /^HTTP\/1\.1 404 [^]*PATH_NOT_FOUND/))
        : assertRefused(() => send(url, { body: ping }), noSuchPath);
    });
  }

  it("is found with a query behind it", async () => {
    const answer = await send(`${holdfast.url}?a=1`, { headers: session.headers, body: ping });
    assert.deepEqual([answer.status, answer.text], [200, pong]);
  });

  for (const method of ["PUT", "PATCH", "OPTIONS", "TRACE"]) {
    it(`takes no ${method} and says what it takes`, async () => {
      const { headers } = await refusal(() => session.send({ method }), noSuchMethod);
      assert.equal(headers.allow, "POST, GET, DELETE");
      assert.equal(headers["access-control-allow-origin"], undefined);
    });
  }

  it("takes no HEAD, and answers it without a body", async () => {
    const { status, headers, text } = await session.send({ method: "HEAD" });
    assert.deepEqual([status, headers.allow, text], [405, "POST, GET, DELETE", ""]);
  });
});

/** A POST as it stands on the wire. */
function post(body: string, ...headers: readonly string[]): string {
  const lines = [
    "POST /mcp HTTP/1.1",
    "host: localhost",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

describe("on the wire", () => {
  const own = () => [`mcp-session-id: ${session.id}`, "authorization: Bearer mine"];

  it("requests sent in one go are answered in their order", async () => {
    respond = ({ body }, response) => {
      const id = /"id":(\d)/.exec(body.toString())?.[1] ?? "0";
      const answer = () =>
        response.writeHead(200, { "content-type": "application/json" }).end(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
      if (id === "1") setTimeout(answer, 100);
      else answer();
    };
    const bytes = [1, 2, 3].map((id) => post(ping.replace("1,", `${id},`), ...own()));
    const text = await talk(holdfast.port, bytes.join(""), /"id":3/);
    respond = undefined;
    assert.deepEqual(
      [...text.matchAll(/"id":(\d)/g)].map((match) => match[1]),
      ["1", "2", "3"],
    );
    assert.equal([...text.matchAll(/HTTP\/1\.1 200 /g)].length, 3);
  });

  it("a client that expects 100-continue gets it, and then its answer", async () => {
    const socket = connect(holdfast.port, "127.0.0.1");
    const whole = post(ping, ...own(), "expect: 100-continue", "connection: close");
    const end = whole.indexOf("\r\n\r\n") + 4;
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.write(whole.slice(0, end));
    await once(socket, "data");
    assert.equal(text, "HTTP/1.1 100 Continue\r\n\r\n");
    socket.write(whole.slice(end));
    await once(socket, "close");
    assert.ok(text.endsWith(pong), text);
  });
});

describe("a body that does not come", () => {
  const limitMs = 150;

  for (const [name, head, piece] of [
    ["at all", "content-length: 40", ""],
    ["to its end", "content-length: 40", '{"jsonrpc"'],
    ["to its last chunk", "transfer-encoding: chunked", '5\r\n{"jso\r\n'],
    [
      "to its end and is too large to keep",
      "content-length: 9000000",
      `{"jsonrpc":"2.0","id":1,"method":"${"x".repeat(2_000_000)}`,
    ],
  ] as const) {
    it(`${name} is given up with 408 after the idle limit`, async () => {
      await using directory = await temporaryDirectory();
      const options = { bodyIdleTimeoutMs: limitMs, logTo: join(directory.path, "log") };
      const bridge = await startInProcess({ url: server.url, ...options });
      try {
        const own = await openSession(bridge.url);
        const lines = ["POST /mcp HTTP/1.1", "host: localhost", "content-type: application/json", head];
        const bytes = `${lines.join("\r\n")}\r\nmcp-session-id: ${own.id}\r\n\r\n${piece}`;
        const startedMs = performance.now();
        const text = await talk(bridge.port, bytes);
        assert.match(text, /^HTTP\/1\.1 408 [^]*"code":1110,[^]*BODY_TIMEOUT/);
        assert.ok(performance.now() - startedMs >= limitMs - 20);
        assert.equal((await own.post(ping)).status, 200);
      } finally {
        await bridge.close();
      }
    });
  }
});

describe("a client that leaves in the middle of an answer", () => {
  it("disturbs neither the server nor anyone else: no cancellation, no broken connection", async () => {
    const ended = Promise.withResolvers<boolean>();
    let stream: ServerResponse | undefined;
    respond = (_seen, response) => {
      stream = openEvents(response);
      response.once("close", () => ended.resolve(response.writableFinished));
    };
    const open = await session.open({ body: ping });
    stream?.write('data: {"jsonrpc":"2.0","method":"n"}\n\n');
    await open.until("\n\n");
    open.leave();
    await open.ended;
    respond = undefined;
    assert.equal((await session.post(ping)).text, pong);
    // More than all buffers between hold: it is read, or the server would be stuck with it.
    const block = `: ${"x".repeat(1_000_000)}\n\n`;
    for (let count = 0; count < 30; count += 1) {
      if (stream?.write(block) === false) await Promise.race([once(stream, "drain"), once(stream, "close")]);
    }
    stream?.end(`data: ${pong}\n\n`);
    assert.equal(await ended.promise, true);
    assert.equal(
      server.seen.some(({ body }) => body.includes("cancelled")),
      false,
    );
  });

  it("before its first byte disturbs nobody either", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    respond = (_seen, response) => asked.resolve(response);
    const socket = connect(holdfast.port, "127.0.0.1");
    socket.write(post(ping, `mcp-session-id: ${session.id}`, "authorization: Bearer mine"));
    const response = await asked.promise;
    socket.destroy();
    await once(socket, "close");
    respond = undefined;
    assert.equal((await session.post(ping)).text, pong);
    const ended = once(response, "close");
    response.writeHead(200, { "content-type": "application/json" }).end(pong);
    await ended;
    assert.equal(response.writableFinished, true);
  });
});
