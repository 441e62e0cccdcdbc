// Promises about size and pace: what comes goes on at once, a slow reader slows the writer, nothing large is held, and the limits are exact.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { openSession, type RawSession } from "../support/raw-client.ts";
import { answerJson, openEvents, type RawServer, type Respond, startRawServer } from "../support/raw-server.ts";
import { growthDuring } from "../support/resident-memory.ts";
import { eventually, openScene } from "./recovery-scene.ts";

const megabyte = 1024 * 1024;
const request = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}';
const answer = '{"jsonrpc":"2.0","id":1,"result":{}}';
const block = Buffer.alloc(64 * 1024, "x");

let server: RawServer;
let holdfast: Holdfast;
let session: RawSession;
let respond: Respond = () => {};
let onHead: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;

before(async () => {
  server = await startRawServer({
    respond: (seen, response) => respond(seen, response),
    onHead: (request, response) => onHead(request, response),
  });
  holdfast = await startHoldfast(server.url);
  session = await openSession(holdfast.url);
});

after(async () => {
  assert.doesNotMatch(holdfast?.output() ?? "", /Warning/);
  await holdfast?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** Writes that many bytes as fast as they are taken; counts what was taken. */
async function pour(target: ServerResponse, bytes: number, onTaken: (bytes: number) => void = () => {}): Promise<void> {
  for (let taken = 0; taken < bytes && !target.destroyed; taken += block.length) {
    if (!target.write(block)) await Promise.race([once(target, "drain"), once(target, "close")]);
    onTaken(taken + block.length);
  }
}

/** A JSON-RPC request of exactly that many bytes, made as it is read. */
function* requestOf(bytes: number): Generator<Buffer> {
  const head = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","big":"');
  const tail = Buffer.from('"}}');
  yield head;
  for (let left = bytes - head.length - tail.length; left > 0; left -= block.length) yield block.subarray(0, left);
  yield tail;
}

async function count(stream: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  return bytes;
}

/** A server that reads a request to its end, keeps nothing of it and says how long it was. */
function weigh(): void {
  onHead = (incoming, response) => {
    count(incoming).then(
      (bytes) => answerJson(response, `{"jsonrpc":"2.0","id":1,"result":{"bytes":${bytes}}}`),
      () => response.destroy(),
    );
    return true;
  };
}

/** Without the ids of the events, which are Holdfast's own. */
const withoutIds = (events: string): string => events.replaceAll(/^id: .*\n/gm, "");

describe("the first bytes", () => {
  before(() => {
    onHead = () => false;
  });

  for (const [name, contentType, beginning] of [
    ["a JSON answer", "application/json", `{"jsonrpc":"2.0","id":1,"result":{"a":"${"x".repeat(20_000)}`],
    ["one event", "text/event-stream", `data: {"jsonrpc":"2.0","id":1,"result":{"a":"${"x".repeat(70_000)}`],
  ] as const) {
    it(`of ${name} reach the client while the server is still at the rest`, async () => {
      let rest: (() => void) | undefined;
      respond = (_seen, response) => {
        response.writeHead(200, { "content-type": contentType }).write(beginning);
        rest = () => response.end('"}}\n\n');
      };
      const open = await session.open({ body: request });
      await eventually(() => (open.text().length >= beginning.length ? true : undefined), "the beginning");
      rest?.();
      await open.ended;
      assert.equal(withoutIds(open.text()), `${beginning}"}}\n\n`);
    });
  }

  it("of an event stream, its head, reach the client before there is any event", async () => {
    let stream: ServerResponse | undefined;
    respond = (_seen, response) => {
      stream = openEvents(response);
    };
    const open = await session.open({ body: request });
    assert.deepEqual([open.status, open.headers["content-type"]], [200, "text/event-stream"]);
    stream?.end(`data: ${answer}\n\n`);
    await open.ended;
    assert.equal(withoutIds(open.text()), `data: ${answer}\n\n`);
  });

  it("of a request larger than what is kept reach the server while the client is still at the rest", async () => {
    const body = new Readable({ read() {} });
    const received = Promise.withResolvers<void>();
    onHead = (incoming, response) => {
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > megabyte) received.resolve();
      });
      incoming.once("end", () => answerJson(response, answer));
      return true;
    };
    const sent = session.post(body);
    const pieces = [...requestOf(3 * megabyte)];
    for (const piece of pieces.slice(0, -1)) body.push(piece);
    await received.promise;
    body.push(pieces.at(-1));
    body.push(null);
    assert.equal((await sent).text, answer);
  });
});

describe("a slow reader", () => {
  it("slows the server, and Holdfast holds little meanwhile", async () => {
    const total = 100 * megabyte;
    let taken = 0;
    onHead = () => false;
    respond = async (_seen, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      await pour(response, total, (bytes) => {
        taken = bytes;
      });
      response.end();
    };
    const growth = await growthDuring(holdfast.pid(), async () => {
      const open = await session.open({ body: request }, { paused: true });
      // Full are all buffers once nothing more is taken for a while.
      for (let before = -1; before !== taken; ) {
        before = taken;
        await wait(400);
      }
      assert.ok(taken < 40 * megabyte, `the server could write ${taken} bytes to a client that reads none`);
      assert.equal(await count(open.stream), total);
    });
    assert.ok(growth < 40 * megabyte, `Holdfast grew by ${growth} bytes`);
  });

  it("slows the client where it is the server", async () => {
    const total = 60 * megabyte;
    let given = 0;
    const reading = Promise.withResolvers<IncomingMessage>();
    onHead = (incoming, response) => {
      reading.resolve(incoming);
      incoming.once("end", () => answerJson(response, answer));
      return true;
    };
    function* counted(): Generator<Buffer> {
      for (const piece of requestOf(total)) {
        given += piece.length;
        yield piece;
      }
    }
    const growth = await growthDuring(holdfast.pid(), async () => {
      const sent = session.post(Readable.from(counted()));
      const incoming = await reading.promise;
      for (let before = -1; before !== given; ) {
        before = given;
        await wait(400);
      }
      assert.ok(given < 40 * megabyte, `the client could write ${given} bytes to a server that reads none`);
      incoming.resume();
      assert.equal((await sent).text, answer);
    });
    assert.ok(growth < 40 * megabyte, `Holdfast grew by ${growth} bytes`);
  });
});

describe("20 MB", () => {
  const total = 20 * megabyte;

  for (const [name, contentType, head, tail] of [
    ["a JSON answer", "application/json", '{"jsonrpc":"2.0","id":1,"result":{"a":"', '"}}'],
    ["an answer in one event", "text/event-stream", 'data: {"jsonrpc":"2.0","id":1,"result":{"a":"', '"}}\n\n'],
  ] as const) {
    it(`pass as ${name} without being held`, async () => {
      onHead = () => false;
      respond = async (_seen, response) => {
        response.writeHead(200, { "content-type": contentType }).write(head);
        await pour(response, total);
        response.end(tail);
      };
      const growth = await growthDuring(holdfast.pid(), async () => {
        const open = await session.open({ body: request }, { paused: true });
        const bytes = await count(open.stream);
        // An event has an id of Holdfast's own before it.
        const idLine = contentType === "text/event-stream" ? bytes - (head.length + total + tail.length) : 0;
        assert.ok(idLine < 64, `${idLine} bytes more than the server sent`);
        assert.equal(bytes, head.length + total + tail.length + idLine);
      });
      assert.ok(growth < 40 * megabyte, `Holdfast grew by ${growth} bytes`);
    });
  }

  for (const [name, headers] of [
    ["of announced length", { "content-length": String(total) }],
    ["of unknown length", {}],
  ] as const) {
    it(`pass as a request ${name} without being held`, async () => {
      weigh();
      const growth = await growthDuring(holdfast.pid(), async () => {
        const { text } = await session.post(Readable.from(requestOf(total)), headers);
        assert.equal(text, `{"jsonrpc":"2.0","id":1,"result":{"bytes":${total}}}`);
      });
      assert.ok(growth < 40 * megabyte, `Holdfast grew by ${growth} bytes`);
    });
  }
});

describe("a request too large to keep", () => {
  it("is not sent again when its session turns out to be lost, says so, and the next one is served", async () => {
    await using scene = await openScene();
    const own = await openSession(scene.holdfast.url);
    const echo = (text: string) =>
      `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"${text}"}}}`;
    assert.match((await own.post(echo("before"))).text, /before/);
    await scene.order({ do: "forget", as: "404-json" });
    const { status, text } = await own.post(echo("x".repeat(2 * megabyte)));
    const { id, error } = JSON.parse(text);
    assert.deepEqual([status, id, error.data.code, error.data.executed], [200, 7, "TOO_LARGE_TO_REPLAY", "no"]);
    assert.match((await own.post(echo("after"))).text, /after/);
    assert.deepEqual((await scene.state()).executions["echo"], { "": 2 });
  });
});

describe("a request whose server refuses it before it is whole, and closes", () => {
  for (const [size, bytes] of [
    ["too large to be kept", 8 * megabyte],
    ["that is kept", megabyte - 1],
  ] as const) {
    it(`gets the refusal, not the broken connection (${size})`, async () => {
      onHead = (_incoming, response) => {
        response.writeHead(413, { "content-type": "application/json", connection: "close" }).end(answer);
        return true;
      };
      const got = await Promise.all(Array.from({ length: 40 }, () => session.post(Readable.from(requestOf(bytes)))));
      const statuses = got.map(({ status, text }) => `${status} ${text}`);
      assert.deepEqual(new Set(statuses), new Set([`413 ${answer}`]));
    });
  }
});

describe("a request that breaks half way", () => {
  it("is refused as no JSON as soon as that is certain, and never whole at the server, however large it is", async () => {
    const whole = Promise.withResolvers<boolean>();
    onHead = (incoming) => {
      count(incoming).then(
        () => whole.resolve(true),
        () => whole.resolve(false),
      );
      return true;
    };
    const pieces = [...requestOf(3 * megabyte)];
    pieces.splice(40, 0, Buffer.from('" no JSON "'));
    const { status, text } = await session.post(Readable.from(pieces));
    assert.deepEqual([status, JSON.parse(text).error.code], [400, -32700]);
    assert.equal(await whole.promise, false);
    assert.equal((await session.post(Readable.from(["[".repeat(2 * megabyte), "}"]))).status, 400);
  });

  it("ends as broken at the server where the client leaves", async () => {
    const whole = Promise.withResolvers<boolean>();
    const arriving = Promise.withResolvers<void>();
    onHead = (incoming) => {
      arriving.resolve();
      count(incoming).then(
        () => whole.resolve(true),
        () => whole.resolve(false),
      );
      return true;
    };
    const body = new Readable({ read() {} });
    for (const piece of [...requestOf(3 * megabyte)].slice(0, -1)) body.push(piece);
    const sent = session.post(body);
    await arriving.promise;
    body.destroy(new Error("the client left"));
    await assert.rejects(sent);
    assert.equal(await whole.promise, false);
  });
});

describe("--max-body", () => {
  it("is told to every client that sends more, also to one that would close its connection afterwards", async () => {
    weigh();
    await using own = await startHoldfast(server.url, { args: ["--max-body", "100000"] });
    const limited = await openSession(own.url);
    for (let round = 0; round < 20; round += 1) {
      const { status } = await limited.post(Readable.from(requestOf(4 * megabyte)), { connection: "close" });
      assert.equal(status, 413);
    }
  });

  for (const limit of [1_000, 2 * megabyte]) {
    it(`of ${limit} bytes lets exactly that much through and refuses one more, however the length is told`, async () => {
      weigh();
      await using own = await startHoldfast(server.url, { args: ["--max-body", String(limit)] });
      const limited = await openSession(own.url);
      const lengths = [(bytes: number) => ({ "content-length": String(bytes) }), () => ({})];
      for (const headers of lengths) {
        const passed = await limited.post(Readable.from(requestOf(limit)), headers(limit));
        assert.equal(passed.text, `{"jsonrpc":"2.0","id":1,"result":{"bytes":${limit}}}`);
        const refused = await limited.post(Readable.from(requestOf(limit + 1)), headers(limit + 1));
        const { error } = JSON.parse(refused.text);
        assert.deepEqual([refused.status, error.data.code, error.code], [413, "BODY_TOO_LARGE", 1104]);
        assert.match(error.message, new RegExp(`${limit} bytes`));
      }
    });
  }
});
