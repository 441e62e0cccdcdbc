// Promises that what client and server say to each other passes as it was written, byte for byte; only the `id` lines of events are Holdfast's own.
// Says nothing of recovery.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { withoutOwn, withoutOwnText, withoutServerIds } from "../support/own-ids.ts";
import { openSession, type RawSession, send } from "../support/raw-client.ts";
import { answerJson, openEvents, type RawServer, type Respond, startRawServer } from "../support/raw-server.ts";

const deep = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const deepObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

/** Valid JSON that a parser and printer of JSON would not give back as it was. */
const oddValues: Readonly<Record<string, string>> = {
  "unknown fields": '{"a":{"b":[null,true]},"x-vendor":"1","_meta":null}',
  "a null _meta": '{"name":"t","_meta":null}',
  "an integer beyond 2^64": '{"n":12345678901234567890}',
  "numbers in unusual writing": "[1.10,1e400,-0,0.0,1E+2,9007199254740993]",
  "duplicate inner keys": '{"a":1,"a":2,"__proto__":{"id":1},"id":3,"method":"x","a":3}',
  "white space and line breaks": ' {\r\n\t"a" :\n [ 1 ,\r 2 ] } ',
  "unicode, raw and escaped": '{"é\u2028😀":"\\u00e9\\ud83d\\ude00\\ud800 \u007f\u0085 \\/"}',
  "arrays 100,000 deep": deep(100_000),
  "objects 100,000 deep": deepObjects(100_000),
};

const ids: Readonly<Record<string, string>> = {
  "beyond 2^53": "9007199254740993",
  "with a fraction": "1.10",
  negative: "-7",
  "of an empty text": '""',
  "of unicode": '"é😀"',
  "of escapes": '"\\u0061\\/\\"b"',
};

let server: RawServer;
let holdfast: Holdfast;
let session: RawSession;
let respond: Respond = () => {};

before(async () => {
  server = await startRawServer({ respond: (seen, response) => respond(seen, response) });
  holdfast = await startHoldfast(server.url);
  session = await openSession(holdfast.url);
});

after(async () => {
  await holdfast?.stop();
  const internal = holdfast?.log().filter((line) => line["error_code"] === "INTERNAL" || line["reason"] !== undefined);
  await holdfast?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  assert.deepEqual(internal, []);
});

/** Sends these bytes, lets the server answer these, and holds that both arrived as they were sent. */
async function assertPasses(request: string | Buffer, answer: string | Buffer, contentType = "application/json") {
  const received: Buffer[] = [];
  respond = ({ body }, response) => {
    received.push(body);
    response.writeHead(200, { "content-type": contentType }).end(answer);
  };
  const got = await session.post(request);
  assert.equal(received.length, 1);
  assert.ok(received[0]?.equals(Buffer.from(request)), `the server received ${received[0]?.toString().slice(0, 300)}`);
  const isStream = contentType === "text/event-stream";
  const [came, expected] = isStream
    ? [withoutOwn(got.body), withoutServerIds(answer)]
    : [got.body, Buffer.from(answer)];
  assert.ok(came.equals(expected), `the client received ${got.text.slice(0, 300)}`);
  assert.equal(got.status, 200);
  assert.equal(got.headers["content-type"], contentType);
}

/** All pieces but the last as chunks of one write; the last one comes alone, so that the others are relayed before the end is known. */
function sendAtOnce({ socket }: ServerResponse, contentType: string, pieces: readonly string[]): void {
  const chunks = pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${contentType}\r\ntransfer-encoding: chunked\r\n\r\n`;
  socket?.write(head + chunks.slice(0, -1).join(""));
  setTimeout(() => socket?.end(`${chunks.at(-1) ?? ""}0\r\n\r\n`), 20);
}

const event = (data: string) => `event: message\ndata: ${data.replaceAll(/\r\n|\r|\n/g, "\ndata: ")}\n\n`;

describe("a request and its answer", () => {
  for (const [name, value] of Object.entries(oddValues)) {
    it(`pass byte for byte with ${name}, answered with JSON`, () =>
      assertPasses(
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${value}}`,
        `{"jsonrpc":"2.0","id":1,"result":${value}}`,
      ));

    it(`pass byte for byte with ${name}, answered with events`, () =>
      assertPasses(
        `{"params":${value},"method":"tools/call","id":1,"jsonrpc":"2.0"}`,
        event(`{"result":${value},"id":1,"jsonrpc":"2.0"}`),
        "text/event-stream",
      ));
  }

  for (const [name, id] of Object.entries(ids)) {
    it(`keep an id ${name}`, async () => {
      const request = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"t"}}`;
      await assertPasses(request, `{"jsonrpc":"2.0","id":${id},"result":{}}`);
      await assertPasses(request, event(`{"jsonrpc":"2.0","id":${id},"result":{}}`), "text/event-stream");
    });
  }

  it("pass with a method that nobody knows and members beside the envelope's", () =>
    assertPasses(
      '{"jsonrpc":"2.0","id":1,"method":"vendor/über.method","params":[1],"trace":{"t":1},"more":null}',
      '{"jsonrpc":"2.0","id":1,"result":{"ok":1},"took":1.50,"more":null}\n',
    ));

  it("pass with content of kinds that nobody knows", () =>
    assertPasses(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}',
      '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"hologram","rays":1e3},7,null],"isError":"maybe"}}',
    ));

  it("pass with bytes that are no UTF-8", () =>
    assertPasses(
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"a":"\xff\xfe"}}', "latin1"),
      Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"a":"\xc3\x28"}}', "latin1"),
    ));

  for (const odd of ['"text"', "0", "null", "[1]", "true"]) {
    it(`pass with ${odd} as the whole result`, () =>
      assertPasses(
        '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}',
        `{"jsonrpc":"2.0","id":1,"result":${odd}}`,
      ));
  }

  for (const [name, answer] of Object.entries({
    "an error of a code and data of its own":
      '{"jsonrpc":"2.0","id":1,"error":{"code":77.5,"data":[1.0],"message":""}}',
    "an error that is a text": '{"jsonrpc":"2.0","id":1,"error":"no"}',
    "a result beside a null error": '{"jsonrpc":"2.0","id":1,"result":{},"error":null}',
    "an answer without a version": '{"id":1,"result":{"error":"in words"}}',
    "an answer to another id": '{"jsonrpc":"2.0","id":2,"result":{}}',
  })) {
    it(`pass with ${name}`, () =>
      assertPasses('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}', answer));
  }

  for (const [type, answer] of [
    ["text/html", "<p>It works</p>"],
    ["text/plain", ""],
    ["application/vnd.example+json", '{"jsonrpc":"2.0","id":1,"result":{}}'],
  ] as const) {
    it(`pass where the answer is of type ${type}`, () =>
      assertPasses('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}', answer, type));
  }

  it("keep the server's content type with its parameters", () =>
    assertPasses(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
      '{"jsonrpc":"2.0","id":1,"result":{}}',
      'application/json; charset="UTF-8"; v=1',
    ));

  it("keep the client's content type with its parameters", async () => {
    respond = ({ headers }, response) =>
      answerJson(response, JSON.stringify({ jsonrpc: "2.0", id: 1, result: headers["content-type"] }));
    const headers = { "content-type": "Application/JSON; charset=utf-8; v=1" };
    const { text } = await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}', headers);
    assert.equal(text, '{"jsonrpc":"2.0","id":1,"result":"Application/JSON; charset=utf-8; v=1"}');
  });

  it("pass whole where the server sends many small pieces at once", async () => {
    const items = Array.from({ length: 40 }, (_, index) => `"${String(index).padStart(3, "0")}${"x".repeat(1_000)}",`);
    const answer = `{"jsonrpc":"2.0","id":1,"result":[${items.join("")}0]}`;
    const pieces = answer.match(/[^]{1,1100}/g) ?? [];
    respond = (_seen, response) => sendAtOnce(response, "application/json", pieces);
    const got = await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/call"}');
    assert.equal(got.text, answer);
  });

  it("pass a list 100,000 deep without harm to what follows", async () => {
    const request = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    await assertPasses(request, `{"jsonrpc":"2.0","id":1,"result":{"tools":[${deep(100_000)}]}}`);
    await assertPasses(request, '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}');
  });
});

describe("a message that is no request", () => {
  for (const [name, body] of Object.entries({
    "a notification of an unknown method": '{"jsonrpc":"2.0","method":"vendor/news","params":{"n":1.10,"a":1,"a":2}}',
    "a response with a null result": '{"jsonrpc":"2.0","id":1,"result":null,"extra":0.0}',
    "an error response of an unknown shape": '{"jsonrpc":"2.0","id":"é","error":{"code":1e0}}',
    "a notification 100,000 deep": `{"jsonrpc":"2.0","method":"vendor/news","params":${deep(100_000)}}`,
  })) {
    it(`passes byte for byte as ${name} and is answered with the server's 202`, async () => {
      let received = "";
      respond = (seen, response) => {
        received = seen.body.toString();
        response.writeHead(202).end();
      };
      const { status, text } = await session.post(body);
      assert.equal(received, body);
      assert.deepEqual([status, text], [202, ""]);
    });
  }
});

describe("an event stream", () => {
  const answer = '{"jsonrpc":"2.0","id":1,"result":{"n":1.10}}';
  const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1.0}}';
  const request = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}';
  const streams: Readonly<Record<string, string>> = {
    "CRLF line ends": `event: message\r\ndata: ${progress}\r\n\r\nid: 1\r\ndata:${answer}\r\n\r\n`,
    "lone CR line ends": `data: ${progress}\r\rdata: ${answer}\r\r`,
    "mixed line ends": `data: ${progress}\n\r\ndata: ${answer}\r\n\n`,
    "comments, retry and unknown fields": `: hello\n\nretry: 5\nx-vendor: 1\n\n:\ndata: ${progress}\n\n: bye\ndata: ${answer}\nfoo\n\n: end\n\n`,
    "a byte order mark": `\ufeffdata: ${answer}\n\n`,
    "data over several lines": `data: {"jsonrpc":"2.0",\ndata:\ndata: "id":1,\ndata: "result":{}}\n\n`,
    "event names of its own": `event: vendor\ndata: not JSON\n\nevent: ping\ndata: {"x":1}\n\ndata: ${answer}\n\n`,
    "events after the answer": `data: ${answer}\n\ndata: ${progress}\n\n: bye\n\n`,
    "an error as the answer, and events after it": `data: {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}\n\ndata: ${progress}\n\n`,
  };

  for (const [name, stream] of Object.entries(streams)) {
    it(`passes byte for byte with ${name}`, () => assertPasses(request, stream, "text/event-stream"));

    it(`passes byte for byte with ${name}, coming in many pieces at once`, async () => {
      respond = (_seen, response) => sendAtOnce(response, "text/event-stream", stream.match(/[^]{1,9}/g) ?? []);
      const { body } = await session.post(request);
      assert.equal(withoutOwn(body).toString(), withoutServerIds(stream).toString());
    });

    it(`passes byte for byte with ${name}, coming in single bytes`, async () => {
      respond = async (_seen, response) => {
        openEvents(response);
        for (const byte of Buffer.from(stream)) {
          response.write(Buffer.of(byte));
          await turn();
        }
        response.end();
      };
      const { body } = await session.post(request);
      assert.equal(withoutOwn(body).toString(), withoutServerIds(stream).toString());
    });
  }

  for (const [name, id, echoed] of [
    ["escapes it", '"é😀/"', '"\\u00e9\\ud83d\\ude00\\/"'],
    ["unescapes it", '"\\u00e9"', '"é"'],
    ["rounds it", "9007199254740993", "9007199254740992"],
    ["drops its fraction of zero", "1.0", "1"],
  ] as const) {
    it(`passes unchanged, and once, from a server that reads the id and ${name}`, async () => {
      let runs = 0;
      const stream = `data: {"jsonrpc":"2.0","id":${echoed},"result":{}}\n\n`;
      respond = (_seen, response) => {
        runs += 1;
        openEvents(response).end(stream);
      };
      const { text } = await session.post(`{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`);
      assert.equal(withoutOwnText(text), stream);
      assert.equal(runs, 1);
    });
  }
});

describe("a batch of 2025-03-26", () => {
  const batch =
    '[{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","method":"vendor/news"},\n{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"n":1.10}}]';
  const answers = ['{"jsonrpc":"2.0","id":"b","result":{"n":1.10}}', '{"jsonrpc":"2.0","id":1,"result":{}}'] as const;

  it("passes byte for byte and is answered by an array", () => assertPasses(batch, `[${answers.join(" , ")}]`));

  it("is answered by one event for each request", () =>
    assertPasses(batch, event(answers[0]) + event(answers[1]), "text/event-stream"));

  it("is answered by one event with an array", () =>
    assertPasses(batch, event(`[${answers.join(",")}]`), "text/event-stream"));

  it("is answered with the server's 202 where it holds no request", async () => {
    respond = (_seen, response) => response.writeHead(202).end();
    const { status, text } = await session.post(
      '[{"jsonrpc":"2.0","method":"vendor/news"},{"jsonrpc":"2.0","id":4,"result":{}}]',
    );
    assert.deepEqual([status, text], [202, ""]);
  });
});

describe("an initialize", () => {
  it("and its answer pass byte for byte, with everything odd in them", async () => {
    const value = `{"deep":${deep(100_000)},"n":[1.10,12345678901234567890],"a":1,"a":2,"_meta":null}`;
    const request = `{"jsonrpc":"2.0","id":9007199254740993,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"experimental":${value}},"clientInfo":{"name":"é","version":"1"}}}`;
    const answer = `{"jsonrpc":"2.0","id":9007199254740993,"result":{"protocolVersion":"2025-11-25","capabilities":{"experimental":${value}},"serverInfo":{"name":"raw","version":"1","x":${value}}}}`;
    let received = "";
    await using odd = await startRawServer({
      open: ({ body }, response) => {
        received = body.toString();
        response.writeHead(200, { "content-type": "application/json", "mcp-session-id": "odd" }).end(answer);
      },
    });
    await using front = await startHoldfast(odd.url);
    const got = await send(front.url, { body: request });
    assert.equal(received, request);
    assert.equal(got.text, answer);
    assert.equal(got.status, 200);
    assert.match(String(got.headers["mcp-session-id"]), /^[\w-]{32}$/);
  });
});
