import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { AnswerFault } from "./answer-head.ts";
import { AnswerParser, maxHeadBytes } from "./answer-parser.ts";
import { maxSizeLineBytes, maxTrailerBytes } from "./chunked.ts";

interface Read {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** `closed`: whole once the connection ends. */
  readonly end: "more" | "whole" | "overfull" | "closed" | "refused";
  readonly code?: string;
  readonly persistent?: boolean;
  readonly keepAliveMs?: number;
}

/** What a parser makes of an answer that comes in these pieces; `before`: whole answers to a POST that came earlier on its connection. */
function read(pieces: readonly Buffer[], method = "POST", before: readonly string[] = []): Read {
  const got: { status?: number; headers?: Readonly<Record<string, unknown>>; body: string } = { body: "" };
  let isEarlier = true;
  const parser = new AnswerParser({
    answered(status, headers) {
      if (isEarlier) return;
      assert.equal(got.status, undefined, "one head");
      Object.assign(got, { status, headers: { ...headers } });
    },
    body(chunk) {
      assert.ok(chunk.length > 0, "no empty piece");
      if (isEarlier) return;
      got.body += chunk.toString("latin1");
    },
  });
  for (const answer of before) {
    parser.begin("POST");
    assert.equal(parser.take(bytes(answer)), "whole", answer);
    parser.stop();
  }
  isEarlier = false;
  parser.begin(method);
  let end: Read["end"] = "more";
  try {
    for (const piece of pieces) {
      if (end === "whole" || end === "overfull") end = "overfull";
      else end = parser.take(piece);
    }
  } catch (fault) {
    assert.ok(fault instanceof AnswerFault, String(fault));
    return { ...got, end: "refused", code: fault.code };
  }
  if (end === "more" && parser.endsWithConnection) end = "closed";
  const { persistent, keepAliveMs } = parser.answer ?? {};
  return {
    ...got,
    end,
    ...(persistent === undefined ? {} : { persistent }),
    ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
  };
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const one = (text: string, method?: string): Read => read([bytes(text)], method);
const each = (text: string, method?: string): Read =>
  read(
    [...bytes(text)].map((byte) => Buffer.from([byte])),
    method,
  );

/** The same for every way to cut it once, and byte by byte. */
function always(text: string, method?: string): Read {
  const whole = one(text, method);
  const all = bytes(text);
  for (let at = 1; at < all.length; at += 1)
    assert.deepEqual(settled(read([all.subarray(0, at), all.subarray(at)], method)), settled(whole), `cut at ${at}`);
  assert.deepEqual(settled(each(text, method)), settled(whole));
  return whole;
}

/** Of a refused answer it depends on the pieces how much had been read before, and which of two faults was met first. */
function settled(answer: Read): unknown {
  return answer.end === "refused" ? "refused" : answer;
}

const ok = "HTTP/1.1 200 OK\r\n";

describe("an answer", () => {
  it("with a length is whole after so many bytes", () => {
    const answer = always(`${ok}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello`);
    assert.deepEqual(answer, {
      status: 200,
      headers: { "content-type": "text/plain", "content-length": "5" },
      body: "hello",
      end: "whole",
      persistent: true,
    });
  });

  it("in chunks is whole with its last one, whose trailers and extensions are dropped", () => {
    const chunks = '3;name="a;b"\r\nhel\r\n002\r\nlo\r\n0;last\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n';
    const answer = always(`${ok}Transfer-Encoding: Chunked\r\n\r\n${chunks}`);
    assert.deepEqual([answer.body, answer.end, answer.persistent], ["hello", "whole", true]);
    assert.deepEqual(answer.headers, { "transfer-encoding": "Chunked" });
  });

  it("without length and chunks ends with the connection, which carries no other", () => {
    const answer = always(`${ok}\r\nhello`);
    assert.deepEqual([answer.body, answer.end, answer.persistent], ["hello", "closed", false]);
  });

  it("comes after any number of interim ones, which are skipped", () => {
    const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const answer = always(`${interim}${ok}Content-Length: 2\r\n\r\nhi`);
    assert.deepEqual([answer.status, answer.body, answer.end], [200, "hi", "whole"]);
    assert.deepEqual(answer.headers, { "content-length": "2" });
  });

  for (const [what, head, method] of [
    ["to HEAD", `${ok}Content-Length: 5\r\n\r\n`, "HEAD"],
    ["to HEAD in chunks", `${ok}Transfer-Encoding: chunked\r\n\r\n`, "HEAD"],
    ["of status 204", "HTTP/1.1 204 No Content\r\n\r\n", "POST"],
    ["of status 204 with a length of nothing", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "POST"],
    ["of status 204 with chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "POST"],
    ["of status 304 with the length of another", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET"],
  ] as const) {
    it(`${what} has no body, and leaves a connection only where none was announced`, () => {
      const answer = always(head, method);
      const isClear = method !== "HEAD" && !/chunked|Length: 5/.test(head);
      assert.deepEqual([answer.body, answer.end, answer.persistent], ["", "whole", isClear]);
    });
  }

  it("that is followed by more than it announced is overfull", () => {
    assert.equal(always(`${ok}Content-Length: 2\r\n\r\nhi!`).end, "overfull");
    assert.equal(always(`${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\r\n`).end, "overfull");
    assert.equal(always(`HTTP/1.1 204 No Content\r\n\r\n0\r\n\r\n`).end, "overfull");
  });

  it("is not whole before its last byte", () => {
    for (const text of [
      `${ok}Content-Length: 5\r\n\r\nhello`,
      `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    ])
      for (let length = 0; length < text.length; length += 1) assert.equal(one(text.slice(0, length)).end, "more");
  });
});

describe("a header", () => {
  const headersOf = (fields: string) => always(`${ok}${fields}\r\nContent-Length: 0\r\n\r\n`).headers;

  it("is given by its name in lower case, its value without the blanks around it", () => {
    assert.deepEqual(headersOf("X-Thing: \t a b\tc \t"), { "x-thing": "a b\tc", "content-length": "0" });
    assert.deepEqual(headersOf("X-Empty:"), { "x-empty": "", "content-length": "0" });
    assert.deepEqual(headersOf("X-Latin: caf\u00e9"), { "x-latin": "caf\u00e9", "content-length": "0" });
  });

  it("that comes more than once is a list", () => {
    assert.deepEqual(headersOf("Set-Cookie: a=1\r\nset-cookie: b=2\r\nSET-COOKIE: c=3")?.["set-cookie"], [
      "a=1",
      "b=2",
      "c=3",
    ]);
  });

  it("may have any name, those of objects too", () => {
    assert.deepEqual(Object.entries(headersOf("__proto__: a") ?? {})[0], ["__proto__", "a"]);
    assert.deepEqual(Object.entries(headersOf("constructor: a\r\nToString: b") ?? {}).slice(0, 2), [
      ["constructor", "a"],
      ["tostring", "b"],
    ]);
  });

  for (const [persistent, head] of [
    [true, "HTTP/1.1 200 OK\r\nConnection: keep-alive"],
    [false, "HTTP/1.1 200 OK\r\nConnection: Close"],
    [false, "HTTP/1.1 200 OK\r\nConnection: x, close ,y"],
    [false, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close"],
    [false, "HTTP/1.0 200 OK\r\nX: y"],
    [false, "HTTP/1.0 200 OK\r\nConnection: close"],
    [true, "HTTP/1.0 200 OK\r\nConnection: Keep-Alive"],
    [true, "HTTP/1.1 200"],
    [true, "HTTP/1.1 200 "],
  ] as const) {
    it(`keeps the connection: ${persistent}, after ${JSON.stringify(head)}`, () => {
      assert.equal(always(`${head}\r\nContent-Length: 0\r\n\r\n`).persistent, persistent);
    });
  }

  it("tells how long the connection is kept", () => {
    const kept = (value: string) => always(`${ok}Keep-Alive: ${value}\r\nContent-Length: 0\r\n\r\n`).keepAliveMs;
    assert.equal(kept("timeout=5"), 5_000);
    assert.equal(kept("max=100, timeout=72"), 72_000);
    assert.equal(kept("max=100"), undefined);
    assert.equal(kept("timeout=-1"), undefined);
  });
});

describe("an answer is refused", () => {
  for (const [what, text] of Object.entries({
    "that begins with something else": "SSH-2.0-OpenSSH\r\n",
    "that begins with an empty line": `\r\n${ok}\r\n`,
    "of another version": "HTTP/2.0 200 OK\r\n\r\n",
    "of an unknown minor version": "HTTP/1.2 200 OK\r\n\r\n",
    "whose status has two digits": "HTTP/1.1 20 OK\r\n\r\n",
    "whose status has four digits": "HTTP/1.1 2000 OK\r\n\r\n",
    "whose status begins with nought": "HTTP/1.1 099 OK\r\n\r\n",
    "whose reason has a control character": "HTTP/1.1 200 O\u0001K\r\n\r\n",
    "that changes the protocol": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "whose lines end with LF alone": "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "of which one line ends with LF alone": `${ok}X: y\nContent-Length: 0\r\n\r\n`,
    "of which one line ends with CR alone": `${ok}X: y\rContent-Length: 0\r\n\r\n`,
    "whose header is folded": `${ok}X: y\r\n z: a\r\nContent-Length: 0\r\n\r\n`,
    "with a blank before a colon": `${ok}Content-Length : 0\r\n\r\n`,
    "with a blank in a name": `${ok}Content Length: 0\r\n\r\n`,
    "with a header without a name": `${ok}: a\r\n\r\n`,
    "with a line without a colon": `${ok}Content-Length\r\n\r\n`,
    "with NUL in a value": `${ok}X: a\u0000b\r\n\r\n`,
    "with DEL in a value": `${ok}X: a\u007fb\r\n\r\n`,
    "with two lengths": `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    "with the same length twice": `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    "with a list of lengths": `${ok}Content-Length: 5, 5\r\n\r\nhello`,
    "with a length and chunks": `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "with chunks and a length": `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    "with a signed length": `${ok}Content-Length: +5\r\n\r\nhello`,
    "with an empty length": `${ok}Content-Length:\r\n\r\nhello`,
    "with a hexadecimal length": `${ok}Content-Length: 0x5\r\n\r\nhello`,
    "with a length that no number holds": `${ok}Content-Length: 9999999999999999\r\n\r\n`,
    "with another coding before the chunks": `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    "with another coding after the chunks": `${ok}Transfer-Encoding: chunked, identity\r\n\r\n`,
    "with another coding alone": `${ok}Transfer-Encoding: identity\r\n\r\n`,
    "that is chunked twice": `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    "with a chunk of no size": `${ok}Transfer-Encoding: chunked\r\n\r\n\r\n`,
    "with a chunk of an extension alone": `${ok}Transfer-Encoding: chunked\r\n\r\n;a\r\n`,
    "with a signed chunk size": `${ok}Transfer-Encoding: chunked\r\n\r\n-5\r\n`,
    "with a prefixed chunk size": `${ok}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n`,
    "with a blank after a chunk size": `${ok}Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n`,
    "with a chunk size that no number holds": `${ok}Transfer-Encoding: chunked\r\n\r\n1000000000000\r\n`,
    "with a chunk size line that ends with LF": `${ok}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n`,
    "with an extension that ends with LF": `${ok}Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n`,
    "with a chunk that is longer than its size": `${ok}Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n`,
    "with a chunk that ends with LF": `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n`,
    "with a trailer that ends with LF": `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n`,
    "with a trailer without a colon": `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n`,
    "with a control character in a trailer": `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\nX: \u0001\r\n\r\n`,
  })) {
    it(what, () => assert.equal(always(text).end, "refused"));
  }

  it("as soon as it cannot be one, for the rest may never come", () => {
    assert.equal(one("-ERR unknown command\r\n").code, "ANSWER_NOT_HTTP");
    assert.equal(one("HTTP/1.1 200 OK\nContent-Length: 0\n\n").code, "ANSWER_MALFORMED");
  });

  it("one byte past the largest head, and not at it", () => {
    const head = (size: number): string => {
      const text = `${ok}Content-Length: 0\r\nX: \r\n\r\n`;
      return text.replace("X: ", `X: ${"y".repeat(size - text.length)}`);
    };
    for (const ask of [one, each]) {
      assert.equal(ask(head(maxHeadBytes)).end, "whole");
      assert.deepEqual(ask(head(maxHeadBytes + 1)).code, "ANSWER_HEAD_TOO_LARGE");
    }
    assert.equal(one(`${ok}X: ${"y".repeat(maxHeadBytes)}`).code, "ANSWER_HEAD_TOO_LARGE");
  });

  it("one byte past the longest line of a chunk's size, and not at it", () => {
    const line = (length: number) =>
      one(`${ok}Transfer-Encoding: chunked\r\n\r\n1;${"e".repeat(length - 2)}\r\nx\r\n0\r\n\r\n`).end;
    assert.deepEqual([line(maxSizeLineBytes), line(maxSizeLineBytes + 1)], ["whole", "refused"]);
  });

  it("one byte past the longest trailers, and not at them", () => {
    const trailers = (length: number) =>
      one(`${ok}Transfer-Encoding: chunked\r\n\r\n0\r\nX:${"t".repeat(length - 6)}\r\n\r\n`).end;
    assert.deepEqual([trailers(maxTrailerBytes), trailers(maxTrailerBytes + 1)], ["whole", "refused"]);
  });
});

const text = fc.string({ unit: fc.constantFrom(...Array.from("ab \t\r\n:;0,5\u00ff")), maxLength: 40 });
const framed = fc.oneof(
  text.map((body) => `Content-Length: ${body.length}\r\n\r\n${body}`),
  text.map((body) => `\r\n${body}`),
  fc.array(text).map((parts) => {
    const chunks = parts.filter((part) => part !== "").map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
    return `Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`;
  }),
);
const answers = fc
  .tuple(
    fc.constantFrom("", "HTTP/1.1 102 Processing\r\n\r\n"),
    fc.constantFrom(200, 202, 204, 304, 404, 500),
    fc.array(fc.constantFrom("X: y\r\n", "Connection: close\r\n", "Keep-Alive: timeout=5\r\n", "Set-Cookie: a\r\n")),
    framed,
  )
  .map(([interim, status, fields, rest]) => `${interim}HTTP/1.1 ${status} \r\n${fields.join("")}${rest}`);
const cuts = fc.array(fc.nat(400), { maxLength: 8 });

function cutAt(all: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.filter((place) => place < all.length), all.length].toSorted((a, b) => a - b);
  return sorted.slice(1).map((end, index) => all.subarray(sorted[index], end));
}

describe("random answers", () => {
  it("mean the same however they are cut, and are never refused", () => {
    fc.assert(
      fc.property(answers, cuts, (answer, places) => {
        const whole = one(answer);
        assert.notEqual(whole.end, "refused");
        const pieces = cutAt(bytes(answer), places).filter((piece) => piece.length > 0);
        assert.deepEqual(read(pieces), whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it("with a fault in them mean the same however they are cut, or are refused however they are cut", () => {
    const fault = fc.tuple(fc.nat(200), fc.nat(3), fc.constantFrom(...Array.from("\r\n :;,0a\u0000\u007f")));
    fc.assert(
      fc.property(answers, fc.array(fault, { minLength: 1, maxLength: 3 }), cuts, (answer, faults, places) => {
        let broken = answer;
        for (const [at, removed, put] of faults) broken = broken.slice(0, at) + put + broken.slice(at + removed);
        const pieces = cutAt(bytes(broken), places).filter((piece) => piece.length > 0);
        assert.deepEqual(settled(read(pieces)), settled(one(broken)));
        assert.deepEqual(settled(each(broken)), settled(one(broken)));
      }),
      { numRuns: 2_000 },
    );
  });

  it("give headers that have no names but the server's own, also where their head repeats another but for the length", () => {
    const seen: Readonly<Record<string, unknown>>[] = [];
    const parser = new AnswerParser({ answered: (_status, headers) => void seen.push(headers), body: () => undefined });
    for (const body of ["one", "four", "four"]) {
      parser.begin("POST");
      assert.equal(parser.take(bytes(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)), "whole");
    }
    for (const headers of seen) assert.equal(headers["constructor"], undefined);
    assert.deepEqual(
      seen.map((headers) => headers["content-length"]),
      ["3", "4", "4"],
    );
  });

  it("mean the same on a connection that has carried another answer with nearly the same head", () => {
    const field = fc.constantFrom(
      "Content-Length: 4",
      "content-length:  12 ",
      "Transfer-Encoding: chunked",
      "X-A: 1",
      "Connection: close",
    );
    const length = fc.constantFrom("4", "5", "05", "11", "123456789012345", "1234567890123456", "-1", "4 4", "");
    const status = fc.constantFrom("200 OK", "404 Not Found", "204 No Content");
    let repeated = 0;
    fc.assert(
      fc.property(
        status,
        fc.array(field, { maxLength: 4 }),
        length,
        fc.constantFrom("POST", "HEAD", "GET"),
        (line, fields, other, method) => {
          const head = `HTTP/1.1 ${line}\r\n${fields.join("\r\n")}\r\n\r\n`;
          const body = fields.some((one) => one.startsWith("T"))
            ? "1\r\na\r\n0\r\n\r\n"
            : "x".repeat(head.includes(": 4") ? 4 : 12);
          const earlier = line.startsWith("204") ? head : head + body;
          if (read([bytes(earlier)]).end !== "whole") return;
          repeated += 1;
          const next = bytes(head.replace(/(gth: +)\d+/i, `$1${other}`) + body);
          assert.deepEqual(read([next], method, [earlier]), read([next], method));
          assert.deepEqual(read([bytes(earlier)], method, [earlier]), read([bytes(earlier)], method));
        },
      ),
      { numRuns: 4_000 },
    );
    assert.ok(repeated > 200, `only ${repeated} had an answer before them`);
  });

  it("of random bytes throw nothing but a fault of the answer", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        (pieces) => void read(pieces.map((piece) => Buffer.from(piece))),
      ),
    );
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (pieces) => {
        const start = bytes(`${ok}Transfer-Encoding: chunked\r\n\r\n`);
        return void read([start, ...pieces.map((piece) => Buffer.from(piece))]);
      }),
    );
  });
});
