// Promises to clients whatever their requests come in: whole, in pieces, or several in one piece. A request that comes whole and plain is served
// without Node's HTTP server; nothing that a client can see may differ by that.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { openSession, type RawSession } from "../support/raw-client.ts";
import { answerJson, openEvents, type RawServer, startRawServer } from "../support/raw-server.ts";

let server: RawServer;
let holdfast: Holdfast;
let session: RawSession;

const call = (id: number, name = "echo"): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: {} } });
const result = (id: number, text = "ok"): string => `{"jsonrpc":"2.0","id":${id},"result":{"text":"${text}"}}`;
const largeText = "x".repeat(300_000);

before(async () => {
  server = await startRawServer({
    respond: ({ method, body }, response) => {
      if (method !== "POST") return response.writeHead(method === "GET" ? 405 : 200).end();
      const asked = JSON.parse(body.toString()) as { id?: number; params?: { name?: string } };
      if (asked.id === undefined) return response.writeHead(202).end();
      if (asked.params?.name === "stream") {
        const events = openEvents(response);
        events.write(`event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n`);
        return events.end(`event: message\ndata: ${result(asked.id)}\n\n`);
      }
      if (asked.params?.name === "refuse") return response.writeHead(418, { "content-type": "text/plain" }).end("no");
      return answerJson(response, result(asked.id, asked.params?.name === "large" ? largeText : "ok"));
    },
  });
  holdfast = await startHoldfast(server.url);
  session = await openSession(holdfast.url);
});

after(async () => {
  await holdfast?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const bare = { accept: "application/json, text/event-stream", "content-type": "application/json" };
const ofSession = () => ({ ...bare, ...session.headers });

function write({ method = "POST", path = "/mcp", headers = ofSession(), body = "" }: Ask): Buffer {
  const fields = { host: `127.0.0.1:${holdfast.port}`, ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = method === "POST" ? `content-length: ${Buffer.byteLength(body)}\r\n` : "";
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}${length}\r\n${body}`, "latin1");
}

/** The next whole answer on this connection. */
class Answers {
  readonly socket: Socket;
  #text = "";
  #isClosed = false;
  #more = Promise.withResolvers<void>();

  constructor() {
    this.socket = connect(holdfast.port, "127.0.0.1").setNoDelay(true);
    this.socket.on("data", (chunk) => {
      this.#text += chunk.toString("latin1");
      this.#more.resolve();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.#isClosed = true;
      this.#more.resolve();
    });
  }

  async next(): Promise<{ readonly head: string; readonly body: string }> {
    for (;;) {
      const end = this.#text.indexOf("\r\n\r\n");
      const head = this.#text.slice(0, end);
      const rest = this.#text.slice(end + 4);
      const length = /^content-length: (\d+)/im.exec(head)?.[1];
      const size = length === undefined ? rest.indexOf("0\r\n\r\n") + 5 : Number(length);
      const isWhole = length === undefined ? /(?:^|\r\n)0\r\n\r\n/.test(rest) : rest.length >= size;
      if (end >= 0 && isWhole) {
        this.#text = rest.slice(size);
        return { head, body: rest.slice(0, size) };
      }
      assert.equal(this.#isClosed, false, `closed after: ${this.#text}`);
      await this.#more.promise;
      this.#more = Promise.withResolvers<void>();
    }
  }
}

/** Without what is another each time: of a stream also its framing, for that depends on how the server's pieces came. */
function comparable({ head, body }: { readonly head: string; readonly body: string }) {
  const [status, ...lines] = head.split("\r\n");
  const fields = lines.map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()));
  const isStream = fields.includes("content-type: text/event-stream");
  const isChunked = fields.includes("transfer-encoding: chunked");
  const named = fields
    .filter((line) => !isStream || !/^(?:content-length|transfer-encoding):/.test(line))
    .map((line) => line.replace(/^date: .*/, "date: -").replace(/^(mcp-session-id): .*/, "$1: -"));
  const shown = (isChunked ? withoutChunks(body) : body).replace(/"requestId":"[^"]*"/, '"requestId":"-"');
  return { status, named: named.sort(), body: shown.replaceAll(/^id: .*$/gm, "id: -") };
}

function withoutChunks(body: string): string {
  let [text, at] = ["", 0];
  for (;;) {
    const line = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, line), 16);
    if (!(size > 0)) return text;
    text += body.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

const asks: Readonly<Record<string, () => Ask>> = {
  "a call": () => ({ body: call(1) }),
  "a call answered as an event stream": () => ({ body: call(2, "stream") }),
  "a call with a large answer": () => ({ body: call(3, "large") }),
  "a call that the server refuses in its own words": () => ({ body: call(4, "refuse") }),
  "a notification": () => ({ body: '{"jsonrpc":"2.0","method":"notifications/progress"}' }),
  "an initialize": () => ({
    headers: bare,
    body: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}',
  }),
  "a batch": () => ({ body: `[${call(5)}]`, headers: { ...ofSession(), "mcp-protocol-version": "2025-03-26" } }),
  "a body that is no JSON": () => ({ body: "{" }),
  "a body that is no JSON-RPC": () => ({ body: "{}" }),
  "an empty body": () => ({ body: "" }),
  "a body of another type": () => ({ headers: { ...ofSession(), "content-type": "text/plain" }, body: call(6) }),
  "a call without a session": () => ({ headers: bare, body: call(7) }),
  "a call of an unknown session": () => ({ headers: { ...bare, "mcp-session-id": "0".repeat(32) }, body: call(8) }),
  "a foreign Host": () => ({ headers: { ...ofSession(), host: "example.org" }, body: call(9) }),
  "a foreign Origin": () => ({ headers: { ...ofSession(), origin: "https://example.org" }, body: call(10) }),
  "a path of nobody's": () => ({ path: "/nowhere", body: call(11) }),
  "a method of nobody's": () => ({ method: "PATCH" }),
  "a GET of an unknown session": () => ({ method: "GET", headers: { ...bare, "mcp-session-id": "0".repeat(32) } }),
  "a GET of 2026-07-28": () => ({
    method: "GET",
    headers: { ...bare, "mcp-protocol-version": "2026-07-28", "mcp-method": "x" },
  }),
  "a DELETE of an unknown session": () => ({
    method: "DELETE",
    headers: { ...bare, "mcp-session-id": "0".repeat(32) },
  }),
};

describe("a request that comes whole is answered as one that Node's server reads:", () => {
  for (const [name, ask] of Object.entries(asks)) {
    it(name, async () => {
      const whole = new Answers();
      whole.socket.write(write(ask()));
      // A name with an underscore is nothing that is served the short way.
      const odd = new Answers();
      const { headers = ofSession(), ...rest } = ask();
      odd.socket.write(write({ ...rest, headers: { ...headers, x_odd: "1" } }));
      assert.deepEqual(comparable(await whole.next()), comparable(await odd.next()));
      for (const { socket } of [whole, odd]) socket.destroy();
    });
  }
});

describe("a connection", () => {
  it("answers requests that came in one piece one after the other, each with its own answer", async () => {
    const answers = new Answers();
    answers.socket.write(
      Buffer.concat([21, 22, 23].map((id) => write({ body: call(id, id === 22 ? "stream" : "echo") }))),
    );
    for (const id of [21, 22, 23]) assert.match((await answers.next()).body, new RegExp(`"id":${id},"result"`));
    answers.socket.destroy();
  });

  it("goes on after a request that came in two pieces, wherever it was cut", async () => {
    const bytes = write({ body: call(31) });
    const head = bytes.indexOf("\r\n\r\n");
    for (const at of [1, 20, head, head + 2, head + 4, head + 10, bytes.length - 1]) {
      const answers = new Answers();
      answers.socket.write(write({ body: call(30) }));
      assert.match((await answers.next()).body, /"id":30/);
      answers.socket.write(bytes.subarray(0, at));
      // The rest is sent when the first piece has been read for certain: another connection has had its answer meanwhile.
      assert.equal((await session.post(call(32))).status, 200);
      answers.socket.write(bytes.subarray(at));
      assert.match((await answers.next()).body, /"id":31/);
      answers.socket.write(write({ body: call(33) }));
      assert.match((await answers.next()).body, /"id":33/);
      answers.socket.destroy();
    }
  });

  it("is refused what is no HTTP, also after requests that were served", async () => {
    const answers = new Answers();
    answers.socket.write(write({ body: call(41) }));
    assert.match((await answers.next()).body, /"id":41/);
    answers.socket.write("hello\r\n\r\n");
    assert.match((await answers.next()).head, /^HTTP\/1\.1 400 /);
    await once(answers.socket, "close");
  });

  it("hides no second request behind a length that is given twice", async () => {
    const answers = new Answers();
    const seen = server.seen.length;
    const hidden = write({ body: call(52) }).toString("latin1");
    const text = write({ body: call(51) }).toString("latin1");
    answers.socket.write(
      text.replace("content-length", `content-length: ${text.length + hidden.length}\r\ncontent-length`) + hidden,
    );
    assert.match((await answers.next()).head, /^HTTP\/1\.1 400 /);
    await once(answers.socket, "close");
    assert.equal(server.seen.length, seen);
  });
});
