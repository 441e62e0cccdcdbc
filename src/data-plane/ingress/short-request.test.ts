// What is read the short way is read as Node's own parser reads it, or not at all.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { newShortHead, readShortRequest } from "./short-request.ts";

interface Read {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: Record<string, unknown>;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** The first request in these bytes, as Node's HTTP server has it; "none" where it sees none, or one that is not whole. */
function readByNode(bytes: Buffer): Promise<Read | "none"> {
  return new Promise((resolve) => {
    const server = createServer((request) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => void chunks.push(chunk));
      request.on("error", () => resolve("none"));
      request.on("end", () => {
        const { method, url, headers, rawHeaders } = request;
        resolve({ method, url, headers: { ...headers }, rawHeaders, body: Buffer.concat(chunks).toString("latin1") });
        socket.destroy();
      });
    });
    for (const other of ["clientError", "upgrade", "checkContinue", "checkExpectation", "connect"])
      server.on(other, () => resolve("none"));
    const socket = new Duplex({
      read() {},
      write(_chunk, _encoding, done) {
        done();
      },
    });
    socket.on("close", () => resolve("none"));
    server.emit("connection", socket);
    socket.push(bytes);
    socket.push(null);
  });
}

const usual = [
  "POST /mcp?a=1 HTTP/1.1",
  "Host: localhost:4747",
  "content-type: application/json",
  "Accept: application/json, text/event-stream",
  "Mcp-Session-Id: 0123456789abcdef",
  "Connection: keep-alive",
  "content-length: 4",
];

const request = (lines: readonly string[], body = "ping"): Buffer =>
  Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`, "latin1");

describe("a request that comes whole", () => {
  it("is read the short way where everything about it is usual", async () => {
    const bytes = request(usual);
    const short = readShortRequest(bytes);
    assert.ok(short !== undefined);
    const { method, url, headers, rawHeaders, body } = short;
    const read = { method, url, headers: { ...headers }, rawHeaders, body: body.toString("latin1") };
    assert.deepEqual(read, await readByNode(bytes));
    assert.equal(short.length, bytes.length);
  });

  for (const [name, lines] of Object.entries({
    "without a host": usual.filter((line) => !line.startsWith("Host")),
    "without a length": usual.slice(0, -1),
    "with two lengths": [...usual, "Content-Length: 4"],
    "with a signed length": [...usual.slice(0, -1), "content-length: +4"],
    "with a length in hexadecimal": [...usual.slice(0, -1), "content-length: 0x4"],
    "with a list of lengths": [...usual.slice(0, -1), "content-length: 4, 4"],
    "in chunks": [...usual.slice(0, -1), "transfer-encoding: chunked"],
    "with a length and in chunks": [...usual, "Transfer-Encoding: chunked"],
    "that closes its connection": [...usual.filter((line) => !line.startsWith("Connection")), "connection: close"],
    "that offers another protocol": [...usual, "upgrade: h2c"],
    "that waits to be asked on": [...usual, "expect: 100-continue"],
    "with a name that comes twice": [...usual, "host: other"],
    "with a folded line": [...usual, "x-long: one", " two"],
    "with a space before a colon": [...usual, "x-odd : one"],
    "with a name that is none": [...usual, "x(odd): one"],
    "with a name of JavaScript's": [...usual, "__proto__: one"],
    "with a tab in a value": [...usual, "x-odd: one\ttwo"],
    "with a byte beyond ASCII": [...usual, "x-odd: é"],
    "with a lone line feed": [...usual, "x-odd: one\nx-hidden: two"],
    "with a lone carriage return": [...usual, "x-odd: one\rx-hidden: two"],
    "with a NUL": [...usual, "x-odd: one\0"],
    "of HTTP/1.0": ["POST /mcp HTTP/1.0", ...usual.slice(1)],
    "for a whole URL": ["POST http://localhost/mcp HTTP/1.1", ...usual.slice(1)],
    "with a space in its path": ["POST /mcp x HTTP/1.1", ...usual.slice(1)],
    "with another method": ["PUT /mcp HTTP/1.1", ...usual.slice(1)],
    "with a method in small letters": ["post /mcp HTTP/1.1", ...usual.slice(1)],
    "of a GET with a body": ["GET /mcp HTTP/1.1", ...usual.slice(1)],
  })) {
    it(`${name} is left to Node`, () => assert.equal(readShortRequest(request(lines)), undefined));
  }

  it("is left to Node as long as any byte of it is missing, and leaves what follows it alone", () => {
    const bytes = request(usual);
    for (let length = 0; length < bytes.length; length += 1)
      assert.equal(readShortRequest(bytes.subarray(0, length)), undefined, `${length} bytes`);
    assert.equal(readShortRequest(Buffer.concat([bytes, bytes]))?.length, bytes.length);
  });

  it("may have a head of 8 KiB, and not one byte more", () => {
    const head = request(usual).indexOf("\r\n\r\n");
    const filled = (bytes: number): Buffer => request([...usual, `x-fill: ${"x".repeat(bytes - head - 10)}`]);
    assert.equal(filled(8_192).indexOf("\r\n\r\n"), 8_192);
    assert.ok(readShortRequest(filled(8_192)) !== undefined);
    assert.equal(readShortRequest(filled(8_193)), undefined);
  });

  it("is read on a connection that has carried one like it as it is read alone", () => {
    const withLength = (length: string, last = "x-last: 1") => [
      ...usual.slice(0, -1),
      `content-length: ${length}`,
      last,
    ];
    const before = ["4", "0", "12"].map((length) => request(withLength(length), "x".repeat(Number(length))));
    const after = [
      "4",
      "3",
      "0",
      "12",
      "04",
      "+4",
      "4 4",
      "4,4",
      "",
      "1000000",
      "4\r\nx-b: 1",
      "4\r\ncontent-length: 4",
    ]
      .map((length) => withLength(length))
      .concat([withLength("4", "x-last: 2"), withLength("4", "x-last: 1\r\nupgrade: h2c"), usual, usual.slice(0, -1)])
      .map((lines) => request(lines, "xxxxxxxxxxxx"));
    for (const earlier of before) {
      for (const bytes of after) {
        const repeated = newShortHead();
        assert.ok(readShortRequest(earlier, repeated) !== undefined);
        const alone = readShortRequest(bytes);
        const read = readShortRequest(bytes, repeated);
        assert.deepEqual(read, alone, bytes.toString());
        assert.deepEqual(read?.rawHeaders, alone?.rawHeaders);
      }
    }
  });

  it("is read after any others on its connection as it is read alone", () => {
    const fields = usual.slice(1).map((line) => {
      const name = line.slice(0, line.indexOf(":"));
      const values = [
        ": 4",
        ":5",
        ": ",
        ": a  b",
        ": a ",
        ":\ta",
        ": a\tb",
        ": é",
        ": a\rb",
        ": a\nb",
        ": close",
        ": [::1]",
      ];
      const others = [
        ...values.map((value) => name + value),
        name.toUpperCase() + line.slice(name.length),
        `x-${line}`,
      ];
      return fc.oneof(
        { weight: 12, arbitrary: fc.constant([line]) },
        fc.constantFrom(...others, "transfer-encoding: chunked").map((other) => [other]),
        fc.constantFrom([], [line, line], [line, ""]),
      );
    });
    const start = fc.oneof({ weight: 9, arbitrary: fc.constant(usual[0]) }, fc.constant("POST /other HTTP/1.1"));
    let again = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(start, ...fields), { minLength: 2, maxLength: 5 }), (requests) => {
        const repeated = newShortHead();
        for (const [first = "", ...lines] of requests) {
          const bytes = request([first, ...lines.flat()], "0123456789ab");
          const alone = readShortRequest(bytes);
          assert.deepEqual(readShortRequest(bytes, repeated), alone, bytes.toString("latin1"));
          if (alone !== undefined && lines.flat().join() !== usual.slice(1).join()) again += 1;
        }
      }),
      { numRuns: 4_000 },
    );
    assert.ok(again > 500, `only ${again} were read and differed from the usual one`);
  });

  it("is never read otherwise than by Node, whatever it is made of", async () => {
    const piece = fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...usual.slice(1)) },
      fc.constantFrom(
        "content-length: 3",
        "Content-Length: 5",
        "Content-Length:4",
        "content-length: 4 ",
        "content-length: 04",
      ),
      fc.constantFrom(
        "transfer-encoding: chunked",
        "Transfer-Encoding: gzip",
        "TE: trailers",
        "x-a:",
        "x-a: ",
        "x-a:  b  ",
      ),
      fc.constantFrom(
        "connection: Keep-Alive",
        "connection: close",
        "connection: keep-alive, x-a",
        ": x",
        "x",
        "",
        " x: y",
      ),
      fc.constantFrom("set-cookie: a", "cookie: a", "x-A: 1", "constructor: 1", "toString: 2", "x_y: 1", "9x: 1"),
      fc.string({ maxLength: 12 }),
    );
    const start = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.constantFrom(usual[0] as string, "POST / HTTP/1.1", "GET /x HTTP/1.1", "DELETE /x HTTP/1.1"),
      },
      fc.constantFrom(
        "POST  / HTTP/1.1",
        "POST /\u007f HTTP/1.1",
        "POST * HTTP/1.1",
        "POST /%zz#x HTTP/1.1",
        "GET /[x]|\\^` HTTP/1.1",
      ),
      fc.constantFrom("POST / HTTP/1.1 ", "POST / HTTP/2.0", "POST / http/1.1", "\r\nPOST / HTTP/1.1"),
    );
    const lineEnd = fc.oneof({ weight: 40, arbitrary: fc.constant("\r\n") }, fc.constantFrom("\n", "\r", "\r\r\n"));
    const whole = fc.tuple(
      start,
      fc.array(fc.tuple(piece, lineEnd), { maxLength: 9 }),
      fc.constantFrom("ping", "pin", "", "pingGET / HTTP/1.1\r\n\r\n"),
    );
    let short = 0;
    await fc.assert(
      fc.asyncProperty(whole, async ([first, lines, body]) => {
        const bytes = Buffer.from(
          `${first}\r\n${lines.map(([line, end]) => line + end).join("")}\r\n${body}`,
          "latin1",
        );
        const read = readShortRequest(bytes);
        if (read === undefined) return;
        short += 1;
        const { method, url, headers, rawHeaders } = read;
        const mine = { method, url, headers: { ...headers }, rawHeaders, body: read.body.toString("latin1") };
        assert.deepEqual(mine, await readByNode(bytes.subarray(0, read.length)));
      }),
      { numRuns: 4_000 },
    );
    assert.ok(short > 50, `only ${short} were read the short way`);
  });
});
