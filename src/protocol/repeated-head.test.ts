import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RepeatedHead } from "./repeated-head.ts";

const head = (length: string, last = "x-last: 1") =>
  `POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n${last}`;

function remembering(length: string): RepeatedHead<string> {
  const repeated = new RepeatedHead<string>();
  repeated.remember(head(length), head(length).indexOf(`: ${length}`) + 2, length.length, "read");
  return repeated;
}

describe("a head that its sender repeats", () => {
  it("is known again with any length, which is told", () => {
    const repeated = remembering("350");
    for (const length of ["350", "9", "351", "100000"]) {
      assert.equal(repeated.find(head(length)), "read");
      assert.equal(repeated.lengthIn(head(length)), length);
    }
  });

  it("is another one as soon as any other byte differs", () => {
    const repeated = remembering("350");
    const whole = head("350");
    const lengthAt = whole.indexOf("350");
    for (let at = 0; at < whole.length; at += 1) {
      const changed = `${whole.slice(0, at)}\u007f${whole.slice(at + 1)}`;
      assert.equal(repeated.find(changed), at >= lengthAt && at < lengthAt + 3 ? "read" : undefined, `byte ${at}`);
      const shorter = whole.slice(0, at) + whole.slice(at + 1);
      if (at < lengthAt || at >= lengthAt + 3) assert.equal(repeated.find(shorter), undefined, `without byte ${at}`);
    }
    assert.equal(repeated.find(`${whole}\r\nx-more: 1`), undefined);
  });

  it("that announces no length is known again as it was, and not otherwise", () => {
    const repeated = new RepeatedHead<string>();
    const whole = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked";
    repeated.remember(whole, whole.length, 0, "read");
    assert.equal(repeated.find(whole), "read");
    for (const other of [`${whole}d`, whole.slice(0, -1), whole.replace("200", "201"), ""])
      assert.equal(repeated.find(other), undefined, other);
  });

  it("is not known where its length is missing, nor before anything was remembered", () => {
    assert.equal(remembering("350").find(head("")), undefined);
    assert.equal(new RepeatedHead<string>().find(head("350")), undefined);
  });
});
