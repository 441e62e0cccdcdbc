import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { bodyLines, RequestFault, requestHead } from "./request-head.ts";

const head = (headers: readonly string[], { method = "POST", path = "/mcp", host = "a.example" } = {}) =>
  requestHead(method, path, host, headers);

describe("the head of a request", () => {
  it("names the origin's host and keeps the caller's headers as they are, in their order", () => {
    assert.equal(
      head(["Accept", "a, b", "X-Empty", "", "x-latin", "caf\u00e9"]).text,
      "POST /mcp HTTP/1.1\r\nhost: a.example\r\nconnection: keep-alive\r\nAccept: a, b\r\nX-Empty: \r\nx-latin: caf\u00e9\r\n",
    );
  });

  it("names the host that the caller gives instead", () => {
    assert.match(head(["Host", "b.example:81"]).text, /^POST \/mcp HTTP\/1\.1\r\nhost: b\.example:81\r\nconnection/);
  });

  it("tells the length that the caller announces, which is not written twice", () => {
    const { text, announced } = head(["Content-Length", "12"]);
    assert.equal(announced, 12);
    assert.doesNotMatch(text, /length/i);
  });

  for (const [what, headers, options] of [
    ["CR LF in a value", ["x", "a\r\nb: c"]],
    ["LF in a value", ["x", "a\nb: c"]],
    ["NUL in a value", ["x", "a\0"]],
    ["a character of more than one byte in a value", ["x", "a\u2028"]],
    ["no value", ["x"]],
    ["a colon in a name", ["x: y\r\nz", "a"]],
    ["a blank in a name", ["x y", "a"]],
    ["an empty name", ["", "a"]],
    ["two hosts", ["host", "a", "Host", "b"]],
    ["two lengths", ["content-length", "1", "Content-Length", "1"]],
    ["a length that is no number", ["content-length", "1, 1"]],
    ["a coding of the body", ["Transfer-Encoding", "chunked"]],
    ["an option of the connection", ["Connection", "close"]],
    ["an upgrade", ["upgrade", "h2c"]],
    ["an expectation", ["expect", "100-continue"]],
    ["a path with a blank", [], { path: "/a b" }],
    ["a path with CR LF", [], { path: "/a HTTP/1.1\r\nx: y\r\n\r\n" }],
    ["a path that does not begin with a slash", [], { path: "a" }],
    ["a method with a blank", [], { method: "GET /" }],
    ["the method CONNECT", [], { method: "CONNECT" }],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => head(headers, options), RequestFault);
    });
  }

  it("says nothing of a value that it refuses", () => {
    assert.throws(
      () => head(["x-key", "secret\n"]),
      ({ message }: Error) => !message.includes("secret") && message.includes("x-key"),
    );
  });

  it("has as many lines as headers and two more, whatever they are, or is refused", () => {
    const part = fc.string({ unit: fc.constantFrom(...Array.from("aB-:\r\n \t\0\u00ff\u0100")), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part)), (pairs) => {
        let written: string;
        try {
          written = head(pairs.flat()).text;
        } catch (fault) {
          return assert.ok(fault instanceof RequestFault);
        }
        const lines = written.split("\r\n");
        assert.equal(lines.pop(), "");
        assert.equal(lines.length, pairs.length + 3);
        assert.ok(lines.every((line) => line !== "" && !/[\r\n\0]/.test(line)));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the end of the head", () => {
  it("announces the body by its length, by chunks, or not at all", () => {
    assert.equal(bodyLines("POST", 5, undefined), "content-length: 5\r\n\r\n");
    assert.equal(bodyLines("POST", 5, 5), "content-length: 5\r\n\r\n");
    assert.equal(bodyLines("POST", undefined, undefined), "transfer-encoding: chunked\r\n\r\n");
    assert.equal(bodyLines("POST", 0, undefined), "content-length: 0\r\n\r\n");
    for (const method of ["GET", "DELETE", "OPTIONS", "HEAD"]) assert.equal(bodyLines(method, 0, undefined), "\r\n");
    assert.equal(bodyLines("DELETE", 0, 0), "content-length: 0\r\n\r\n");
  });

  it("is refused where another length was announced than the body has", () => {
    assert.throws(() => bodyLines("POST", 5, 6), RequestFault);
    assert.throws(() => bodyLines("GET", 0, 1), RequestFault);
  });
});
