// What an answer looks like on the connection, and that a wrong one never looks like a whole one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newNotes } from "./request-record.ts";
import { ShortConnection } from "./short-connection.ts";
import { readShortRequest } from "./short-request.ts";
import type { ShortSocket } from "./short-socket.ts";

/** A connection whose other side is this test. */
function open() {
  const written: Buffer[] = [];
  const socket = {
    destroyed: false,
    write: (bytes: string | Uint8Array) => written.push(Buffer.from(bytes as string, "latin1")) > 0,
    cork: () => {},
    uncork: () => {},
    destroy: () => void (socket.destroyed = true),
  };
  let ends = 0;
  const owner = { socket, ended: () => void (ends += 1) };
  const request = readShortRequest(Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
  assert.ok(request !== undefined);
  const connection = new ShortConnection(owner as unknown as ShortSocket, request, newNotes(0));
  const text = (): string => Buffer.concat(written).toString("latin1");
  return {
    connection,
    socket,
    text,
    body: () => text().split("\r\n\r\n").slice(1).join("\r\n\r\n"),
    ends: () => ends,
    pieces: written,
  };
}

describe("an answer the short way", () => {
  it("goes out in one piece where it is small, and unchanged where it is not", () => {
    for (const size of [0, 1, 8 * 1024, 8 * 1024 + 1, 100_000]) {
      const { connection, body, ends, pieces } = open();
      const bytes = Buffer.alloc(size, "\xe9\0\r\n", "latin1");
      connection.answer(200, ["content-type", "application/json", "content-length", String(size)], bytes);
      assert.equal(body(), bytes.toString("latin1"));
      assert.equal(ends(), 1);
      assert.equal(pieces.length, size > 8 * 1024 ? 2 : 1);
    }
  });

  it("comes in chunks where nobody knows its length", () => {
    const { connection, text, body } = open();
    connection.head(200, ["content-type", "text/event-stream"]);
    connection.write(Buffer.from("data: 1\n\n"));
    connection.end(Buffer.from("data: 22\n\n"));
    assert.match(
      text(),
      /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/event-stream\r\ntransfer-encoding: chunked\r\ndate: /,
    );
    assert.equal(body(), "9\r\ndata: 1\n\n\r\na\r\ndata: 22\n\n\r\n0\r\n\r\n");
  });

  it("breaks its connection when it is shorter or longer than it said", () => {
    for (const body of ["1234", "123456"]) {
      const { connection, socket, ends } = open();
      connection.head(200, ["content-length", "5"]);
      connection.write(Buffer.from(body));
      connection.end();
      assert.equal(socket.destroyed, true, body);
      assert.equal(ends(), 0);
    }
  });

  it("has no header that could be read as two", () => {
    for (const header of [
      ["x-a", "b\r\nx-c: d"],
      ["x-a\r\nx-c", "d"],
      ["x a", "b"],
      ["", "b"],
      ["x-a", "\0"],
      ["content-length", "five"],
    ]) {
      const { connection, text } = open();
      assert.throws(() => connection.head(200, header), /malformed/);
      assert.equal(connection.headersSent, false);
      assert.equal(text(), "");
    }
  });

  it("tells those who wait that the client is gone, but not once it was given everything", () => {
    const left = open();
    const told: string[] = [];
    for (const name of ["first", "second"]) left.connection.onGone(() => void told.push(name));
    left.connection.over();
    assert.deepEqual([told, left.connection.gone], [["first", "second"], true]);
    const answered = open();
    answered.connection.onGone(() => void told.push("third"));
    answered.connection.answer(202, ["content-length", "0"], Buffer.alloc(0));
    answered.connection.over();
    assert.deepEqual(told, ["first", "second"]);
  });
});
