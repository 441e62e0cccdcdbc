import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RepeatedHead } from "./repeated-head.ts";

type Read = Readonly<Record<string, string>>;

const head = (length: string, session = "one", last = "x-last: 1") =>
  `POST /mcp HTTP/1.1\r\nhost: a\r\nConnection: keep-alive\r\nContent-Length: ${length}\r\nsession:${session}\r\n${last}\r\n\r\n`;

/** Refuses the length 0. */
const unread = () =>
  new RepeatedHead<Read>(new Set(["connection"]), (read, changes) => {
    const changed: Record<string, string> = { ...read };
    for (let index = 0; index < changes.length; index += 2) changed[changes[index] ?? ""] = changes[index + 1] ?? "";
    return changed["content-length"] === "0" ? undefined : changed;
  });

/** Has read `heads` as a whole. */
function remembering(...heads: readonly string[]): RepeatedHead<Read> {
  const repeated = unread();
  for (const each of heads) repeated.remember(Buffer.from(each), { "content-length": "350" });
  return repeated;
}

/** Has seen two sessions. */
const ofSessions = () => remembering(head("350", "another"), head("350"));

const find = (repeated: RepeatedHead<Read>, text: string, rest = "{}") =>
  repeated.find(Buffer.from(text + rest, "latin1"));

describe("a head that its sender repeats", () => {
  it("is known again as it was, with where it ends", () => {
    for (const rest of ["", "{}", "\r\n\r\n", head("350")]) {
      const repeated = remembering(head("350"));
      const read = find(repeated, head("350"), rest);
      assert.deepEqual(read, { "content-length": "350" });
      assert.equal(repeated.length, head("350").length);
      assert.equal(find(repeated, head("350")), read, "nothing is made anew");
    }
  });

  it("is known again with any length, and from then on with that", () => {
    const repeated = remembering(head("350"));
    const read = find(repeated, head("100000"));
    assert.deepEqual(read, { "content-length": "100000" });
    assert.equal(repeated.length, head("100000").length);
    assert.equal(find(repeated, head("100000")), read);
  });

  it("is known again with other values where they have been seen to change", () => {
    assert.equal(find(remembering(head("350")), head("350", "two")), undefined);
    const repeated = ofSessions();
    assert.deepEqual(find(repeated, head("9", "a b")), { "content-length": "9", session: "a b" });
    assert.equal(find(repeated, head("9", "a b", "x-last: 2")), undefined);
    repeated.remember(Buffer.from(head("350", "one", "x-last: 2")), {});
    assert.deepEqual(find(repeated, head("350", "two", "x-last: 33")), { session: "two", "x-last": "33" });
  });

  it("is another one as soon as a byte differs that is of no such value", () => {
    const whole = head("350");
    const isValue = Array.from({ length: whole.length }, () => false);
    for (const value of ["350", "one"]) isValue.fill(true, whole.indexOf(value), whole.indexOf(value) + value.length);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = `${whole.slice(0, at)}~${whole.slice(at + 1)}`;
      assert.equal(find(ofSessions(), changed) !== undefined, isValue[at], `byte ${at}`);
      const shorter = whole.slice(0, at) + whole.slice(at + 1);
      assert.equal(find(ofSessions(), shorter) !== undefined, isValue[at], `without byte ${at}`);
      assert.equal(find(ofSessions(), whole.slice(0, at), ""), undefined, `only ${at} bytes`);
    }
  });

  it("is another one with a line more, a line less, or its lines in another order", () => {
    const [first = "", ...fields] = head("350")
      .slice(0, -2)
      .split(/(?<=\n)/);
    assert.equal(find(ofSessions(), `${first}${fields.join("")}x-more: 1\r\n\r\n`), undefined);
    assert.equal(find(ofSessions(), `${first}${fields.toReversed().join("")}\r\n`), undefined);
    for (const left of fields)
      assert.equal(find(ofSessions(), `${first}${fields.filter((field) => field !== left).join("")}\r\n`), undefined);
  });

  it("is another one with a value that could be read in two ways", () => {
    for (const value of [
      "",
      " b",
      "b ",
      "\tb",
      "b\t",
      "b\tc",
      "b\rc",
      "b\nc",
      "\xe9",
      "b\0",
      "b\x7f",
      "b\r\nx: 1",
      "\r\n",
    ])
      assert.equal(find(ofSessions(), head("350", value)), undefined, JSON.stringify(value));
  });

  it("is another one with another value under a name that decides how it is read, or that stands there twice", () => {
    const closing = head("350").replace("keep-alive", "close");
    assert.equal(find(remembering(closing, head("350")), closing), undefined);
    const twice = (last: string) => `${head("350").slice(0, -2)}X-Last: ${last}\r\n\r\n`;
    assert.equal(find(remembering(twice("2"), twice("3")), twice("2")), undefined);
    assert.ok(find(remembering(twice("2"), twice("3")), twice("3")) !== undefined);
  });

  it("stays the one that was read last where a value is refused", () => {
    const repeated = ofSessions();
    assert.equal(find(repeated, head("0", "other")), undefined);
    assert.deepEqual(find(repeated, head("350")), { "content-length": "350" });
  });

  it("is known again with a value that was empty only as it was", () => {
    const repeated = remembering(head("350", "one"), head("350", ""));
    assert.ok(find(repeated, head("350", "")) !== undefined);
    assert.equal(find(repeated, head("350", "one")), undefined);
  });

  it("is remembered with 64 fields, and not with one more", () => {
    const withFields = (count: number) =>
      `POST / HTTP/1.1\r\n${Array.from({ length: count }, (_, index) => `x-${index}: 1\r\n`).join("")}\r\n`;
    assert.ok(find(remembering(withFields(64)), withFields(64)) !== undefined);
    assert.equal(find(remembering(withFields(65)), withFields(65)), undefined);
    assert.ok(find(remembering(head("350"), withFields(65)), head("350")) !== undefined, "the one before stays");
  });

  it("lets other values stand only under names that the last one has, so that names do not pile up", () => {
    const other = head("350").replace("session:", "another:");
    assert.equal(find(remembering(head("350", "two"), head("350"), other, head("350")), head("350", "two")), undefined);
  });

  it("is not known before one was read", () => {
    assert.equal(find(unread(), head("350")), undefined);
    assert.equal(find(unread(), "", ""), undefined);
  });
});
