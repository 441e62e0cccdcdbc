import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RepeatedHead } from "./repeated-head.ts";

const head = (length: string, session = "one", last = "x-last: 1") =>
  `POST /mcp HTTP/1.1\r\nhost: a\r\nConnection: keep-alive\r\nContent-Length: ${length}\r\nsession:${session}\r\n${last}\r\n`;

type Read = Readonly<Record<string, string>>;

/** Has read one head, with the length 350, and refuses the length 0. */
function remembering(first = head("350")): RepeatedHead<Read> {
  const repeated = new RepeatedHead<Read>(new Set(["connection"]), (read, changes) => {
    const changed: Record<string, string> = { ...read };
    for (let index = 0; index < changes.length; index += 2) changed[changes[index] ?? ""] = changes[index + 1] ?? "";
    return changed["content-length"] === "0" ? undefined : changed;
  });
  repeated.remember(first, { "content-length": "350" });
  return repeated;
}

describe("a head that its sender repeats", () => {
  it("is known again as it was", () => {
    const repeated = remembering();
    const read = repeated.find(head("350"));
    assert.deepEqual(read, { "content-length": "350" });
    assert.equal(repeated.find(head("350")), read, "nothing is made anew");
  });

  it("is known again with other values, which are told, and from then on with those", () => {
    const repeated = remembering();
    assert.deepEqual(repeated.find(head("9", "a b")), { "content-length": "9", session: "a b" });
    const read = repeated.find(head("100000", "a b", "x-last: 22"));
    assert.deepEqual(read, { "content-length": "100000", session: "a b", "x-last": "22" });
    assert.equal(repeated.find(head("100000", "a b", "x-last: 22")), read);
  });

  it("is another one as soon as a byte differs that is no value's", () => {
    const whole = head("350");
    const isValue = new Array<boolean>(whole.length).fill(false);
    for (const value of ["a", "350", "one", "1"]) {
      const from = value === "1" ? whole.length - 3 : whole.indexOf(value, whole.indexOf("host: "));
      isValue.fill(true, from, from + value.length);
    }
    isValue[whole.indexOf("host: ") + "host: ".length] = true;
    for (let at = 0; at < whole.length; at += 1) {
      const changed = `${whole.slice(0, at)}~${whole.slice(at + 1)}`;
      assert.equal(remembering().find(changed) !== undefined, isValue[at], `byte ${at}`);
      const shorter = whole.slice(0, at) + whole.slice(at + 1);
      const isLonger = isValue[at] === true && (isValue[at - 1] === true || isValue[at + 1] === true);
      assert.equal(remembering().find(shorter) !== undefined, isLonger, `without byte ${at}`);
    }
  });

  it("is another one with a line more, a line less, or its lines in another order", () => {
    const [first = "", ...fields] = head("350").split(/(?<=\n)/);
    assert.equal(remembering().find(`${head("350")}x-more: 1\r\n`), undefined);
    assert.equal(remembering().find(first + fields.toReversed().join("")), undefined);
    for (const left of fields)
      assert.equal(remembering().find(first + fields.filter((field) => field !== left).join("")), undefined, left);
    assert.equal(remembering().find(""), undefined);
  });

  it("is another one with a value that could be read in two ways", () => {
    for (const value of ["", " b", "b ", "\tb", "b\t", "b\tc", "b\rc", "b\nc", "é", "b\0", "b\r\nx: 1", "\r\n"])
      assert.equal(remembering().find(head("350", value)), undefined, JSON.stringify(value));
  });

  it("is another one with another value under a name that decides how it is read, or that stands there twice", () => {
    assert.equal(remembering().find(head("350").replace("keep-alive", "close")), undefined);
    const twice = remembering(`${head("350")}X-Last: 2\r\n`);
    assert.equal(twice.find(`${head("350")}X-Last: 3\r\n`), undefined);
    assert.ok(twice.find(`${head("351")}X-Last: 2\r\n`) !== undefined);
  });

  it("stays the one that was read last where a value is refused", () => {
    const repeated = remembering();
    assert.equal(repeated.find(head("0", "other")), undefined);
    assert.deepEqual(repeated.find(head("350")), { "content-length": "350" });
  });

  it("is not known before one was read", () => {
    const repeated = new RepeatedHead<Read>(new Set(), (read) => read);
    assert.equal(repeated.find(head("350")), undefined);
    assert.equal(repeated.find(""), undefined);
  });
});
