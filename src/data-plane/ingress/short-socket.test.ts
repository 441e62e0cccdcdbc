// A connection whose other side is this test: whose it is after each request, and when it counts as idle.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { newNotes } from "./request-record.ts";
import { ShortConnection } from "./short-connection.ts";
import type { ShortRequest } from "./short-request.ts";
import { type ShortListener, ShortSocket } from "./short-socket.ts";

const post = (body: string): Buffer =>
  Buffer.from(`POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);

function open(takes: (request: ShortRequest) => boolean = () => true) {
  const written: string[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString("latin1"));
      done();
    },
  });
  const begun: ShortConnection[] = [];
  const finished: ShortConnection[] = [];
  const left: string[] = [];
  let closed = 0;
  const listener: ShortListener = {
    begin(owner, request) {
      if (!takes(request)) return undefined;
      const connection = new ShortConnection(owner, request, newNotes(0));
      owner.carries(connection);
      begun.push(connection);
      return connection;
    },
    finished: (connection) => void finished.push(connection),
    handOver: (given) => void given.on("data", (chunk: Buffer) => left.push(chunk.toString())),
    closed: () => void (closed += 1),
  };
  const short = new ShortSocket(socket as unknown as Socket, listener);
  return { socket, short, written, begun, finished, left, closed: () => closed };
}

/** What was pushed has been read, and what follows from it has been done. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const answer = (connection: ShortConnection | undefined, text: string): void =>
  connection?.answer(200, ["content-type", "text/plain"], Buffer.from(text));

describe("a connection the short way", () => {
  it("has one exchange at a time, the next when the answer before has left", async () => {
    const { socket, written, begun, finished } = open();
    socket.push(Buffer.concat([post("one"), post("two")]));
    await settled();
    assert.deepEqual(
      begun.map(({ request }) => request.body.toString()),
      ["one"],
    );
    answer(begun[0], "first");
    await settled();
    assert.deepEqual([begun.length, finished.length, begun[1]?.request.body.toString()], [2, 1, "two"]);
    answer(begun[1], "second");
    await settled();
    assert.deepEqual([finished.length, written.map((text) => /\w+$/.exec(text)?.[0])], [2, ["first", "second"]]);
  });

  it("goes over as a whole, with every byte of the request that is not taken", async () => {
    const { socket, begun, left, closed } = open(({ body }) => body.toString() !== "no");
    socket.push(Buffer.concat([post("yes"), post("no"), Buffer.from("PO")]));
    await settled();
    answer(begun[0], "first");
    await settled();
    assert.deepEqual([begun.length, left.join(""), closed()], [1, `${post("no").toString()}PO`, 1]);
  });

  it("tells of a client that leaves in the midst, once", async () => {
    const { socket, begun, finished, closed } = open();
    let gone = 0;
    socket.push(post("one"));
    await settled();
    begun[0]?.onGone(() => void (gone += 1));
    socket.destroy();
    await settled();
    answer(begun[0], "late");
    await settled();
    assert.deepEqual([gone, finished.length, closed(), begun[0]?.gone], [1, 1, 1, true]);
  });

  it("is idle when it has been looked at so often without a request in between", async () => {
    const { socket, short, begun } = open();
    const looks = () => [1, 2, 3].map(() => short.isIdle(2));
    assert.deepEqual(looks(), [false, false, true]);
    socket.push(post("one"));
    await settled();
    assert.deepEqual(looks(), [false, false, false]);
    answer(begun[0], "first");
    await settled();
    assert.deepEqual(looks(), [false, false, true]);
  });
});
