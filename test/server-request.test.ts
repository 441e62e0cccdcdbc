// Promises of a request to an HTTP server, over real sockets: how its body goes out, where it is cut, and what was sent of it when nothing came back.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { PassThrough, type Readable } from "node:stream";
import { describe, it } from "node:test";
import { openTransport } from "../src/data-plane/transport/index.ts";
import { codeOf, length, lost, post, raw, real, transportTo, whole } from "./support/server-place.ts";

const timeout = 20_000;

describe("a request", { timeout }, () => {
  it("goes out in one piece with a small body, and whole with a large one", async () => {
    for (const size of [0, 100, 8_192, 8_193, 1_000_000]) {
      const got: string[] = [];
      await using place = await real((request, response) => {
        request.on("data", (chunk: Buffer) => got.push(chunk.toString("latin1")));
        request.on("end", () => response.end(request.headers["content-length"]));
      });
      const body = Buffer.alloc(size, "\u00e9", "latin1");
      assert.equal((await whole(await place.transport.send(post(body)))).text, String(size));
      assert.equal(got.join(""), body.toString("latin1"));
    }
  });

  it("whose body flows goes out with the announced length, or in chunks", async () => {
    const seen: (string | undefined)[] = [];
    await using place = await real((request, response) => {
      seen.push(request.headers["content-length"], request.headers["transfer-encoding"]);
      let size = 0;
      request.on("data", (chunk: Buffer) => (size += chunk.length)).on("end", () => response.end(String(size)));
    });
    const flowing = (): Readable => {
      const stream = new PassThrough();
      stream.write(Buffer.alloc(300_000, "a"));
      setImmediate(() => stream.end(Buffer.alloc(200_000, "b")));
      return stream;
    };
    const announced = await place.transport.send(post(flowing(), ["content-length", "500000"]));
    assert.equal((await whole(announced)).text, "500000");
    assert.equal((await whole(await place.transport.send(post(flowing())))).text, "500000");
    assert.deepEqual(seen, ["500000", undefined, undefined, "chunked"]);
    assert.equal(place.sockets.length, 1);
  });

  for (const [what, size] of [
    ["less", "11"],
    ["more", "9"],
  ] as const) {
    it(`whose body is ${what} than announced is cut, so that nothing of the next one becomes part of it`, async () => {
      await using place = await raw(() => {});
      const stream = new PassThrough();
      stream.end(Buffer.alloc(10, "a"));
      const expected = size === "11" ? "maybe REQUEST_MALFORMED" : "nothing REQUEST_MALFORMED";
      assert.equal(await codeOf(place.transport.send(post(stream, ["content-length", size]))), expected);
    });
  }

  it("is not sent with a header that would be another one", async () => {
    await using place = await raw(() => {});
    assert.equal(await codeOf(place.transport.send(post(undefined, ["x", "a\r\nb: c"]))), "nothing REQUEST_MALFORMED");
    assert.equal(place.sockets.length, 0);
  });

  it("that flows gets an answer that comes before its end, and the connection carries no other", async () => {
    await using place = await raw((socket, text) => {
      if (text.includes("POST")) socket.write(length("enough"));
    });
    const stream = new PassThrough();
    stream.write("beginning");
    const closed = once(stream, "close");
    assert.equal((await whole(await place.transport.send(post(stream)))).text, "enough");
    await closed;
    assert.equal((await whole(await place.transport.send(post()))).text, "enough");
    assert.equal(place.sockets.length, 2);
  });

  it("whose body breaks off is lost, and the server sees its connection closed", async () => {
    await using place = await raw(() => {});
    const stream = new PassThrough();
    stream.write("beginning");
    const sending = place.transport.send(post(stream));
    while (!place.text().includes("beginning")) await new Promise(setImmediate);
    const closed = once(place.sockets[0] as Socket, "close");
    stream.destroy(new Error("the client left"));
    const { sent, cause } = await lost(sending);
    assert.deepEqual([sent, cause.message], ["maybe", "the client left"]);
    await closed;
  });

  it("whose body the server does not read is not read from its source either", async () => {
    await using place = await raw((socket) => void socket.pause());
    let made = 0;
    const piece = Buffer.alloc(64 * 1024);
    const stream = new PassThrough();
    const more = (): void => {
      while (!stream.destroyed && made < 500 && stream.write(piece)) made += 1;
      made += 1;
    };
    stream.on("drain", more).on("error", () => {});
    more();
    let abort = (): void => {};
    const sending = place.transport.send({ ...post(stream), onSent: (given) => (abort = given) });
    let before = -1;
    for (let quiet = 0; quiet < 20; quiet = made === before ? quiet + 1 : 0) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(made < 300, `${made} pieces of 64 KiB`);
    abort();
    assert.equal((await lost(sending)).sent, "maybe");
  });
});

describe("what was sent when no answer came", { timeout }, () => {
  it("is nothing where nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    await using transport = transportTo(port);
    assert.equal(await codeOf(transport.send(post())), "nothing ECONNREFUSED");
    // A body that flows is let go, so that its client does not wait until somebody reads it.
    const stream = new PassThrough();
    stream.write("beginning");
    const over = once(stream, "close");
    assert.equal(await codeOf(transport.send(post(stream))), "nothing ECONNREFUSED");
    await over;
  });

  it("is perhaps everything where the server closes, and the next request goes over a new connection", async () => {
    await using place = await raw((socket, _text, number) => {
      if (number === 1) socket.end();
      else socket.write(length("yes"));
    });
    assert.equal(await codeOf(place.transport.send(post())), "maybe CONNECTION_CLOSED");
    assert.equal((await whole(await place.transport.send(post()))).text, "yes");
  });

  it("is perhaps everything where the server resets", async () => {
    await using place = await raw((socket) => void socket.resetAndDestroy());
    assert.equal(await codeOf(place.transport.send(post())), "maybe ECONNRESET");
  });

  for (const [what, answer, code] of [
    ["is no HTTP", "-ERR\r\n", "ANSWER_NOT_HTTP"],
    ["has two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", "ANSWER_MALFORMED"],
    ["has too large a head", `HTTP/1.1 200 OK\r\nX: ${"y".repeat(33_000)}\r\n\r\n`, "ANSWER_HEAD_TOO_LARGE"],
  ] as const) {
    it(`is perhaps everything where the answer ${what}, and the connection is closed`, async () => {
      await using place = await raw((socket) => void socket.write(answer));
      const sending = place.transport.send(post());
      while (place.sockets.length === 0) await new Promise(setImmediate);
      const closed = once(place.sockets[0] as Socket, "close");
      assert.equal(await codeOf(sending), `maybe ${code}`);
      await closed;
    });
  }

  it("is nothing where it is given up before there is a connection", async () => {
    // TEST-NET-1 (RFC 5737): nothing answers there, or the network refuses it at once.
    const server = { kind: "http", url: new URL("http://192.0.2.1/mcp"), wire: "streamable-http" } as const;
    await using transport = openTransport(server, { connectTimeoutMs: 5_000, followRedirects: false });
    let abort = (): void => {};
    const sending = transport.send({ ...post(), onSent: (given) => (abort = given) });
    abort();
    assert.equal((await lost(sending)).sent, "nothing");
  });

  it("is nothing where the connection takes too long, which is said so", async () => {
    const lookup = (): void => {};
    const server = { kind: "http", url: new URL("http://slow.invalid/mcp"), wire: "streamable-http" } as const;
    await using transport = openTransport(server, { connectTimeoutMs: 100, followRedirects: false, lookup });
    assert.equal(await codeOf(transport.send(post())), "nothing ETIMEDOUT");
  });

  it("is nothing where the exchange was given up before it began", async () => {
    await using place = await raw(() => {});
    const signal = AbortSignal.abort();
    assert.equal((await lost(place.transport.send({ ...post(), signal }))).sent, "nothing");
    const early = place.transport.send({ ...post(), onSent: (abort) => abort() });
    assert.equal((await lost(early)).sent, "nothing");
    assert.equal(place.text(), "");
  });
});
