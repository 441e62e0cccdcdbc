// Promises of the connection to an HTTP server, over real sockets: what is reused and what is not, what is cut, and what was sent when nothing came back.
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { PassThrough, type Readable } from "node:stream";
import { describe, it } from "node:test";
import { openTransport, type Reply, type Transport, type WireRequest } from "../src/data-plane/transport/index.ts";

const timeout = 20_000;
const length = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

interface Place extends AsyncDisposable {
  readonly transport: Transport;
  /** Connections that the server was given, in their order. */
  readonly sockets: readonly Socket[];
  /** What came on all of them, in its order. */
  text(): string;
}

/** `take`: called with each piece of each connection, and the number of the connection. */
async function raw(take: (socket: Socket, text: string, number: number) => void): Promise<Place> {
  const sockets: Socket[] = [];
  let all = "";
  const server = createServer((socket) => {
    const number = sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (piece: Buffer) => {
      all += piece.toString("latin1");
      take(socket, piece.toString("latin1"), number);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const transport = transportTo((server.address() as AddressInfo).port);
  return {
    transport,
    sockets,
    text: () => all,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function real(
  listener: RequestListener,
  keepAliveTimeout?: number,
): Promise<Place & { readonly server: HttpServer }> {
  const sockets: Socket[] = [];
  const server = createHttpServer(keepAliveTimeout === undefined ? {} : { keepAliveTimeout }, listener);
  server.on("connection", (socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const transport = transportTo((server.address() as AddressInfo).port);
  return {
    server,
    transport,
    sockets,
    text: () => "",
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      server.close();
      server.closeAllConnections();
    },
  };
}

function transportTo(port: number, path = "/mcp"): Transport {
  const url = new URL(`http://127.0.0.1:${port}${path}`);
  const server = { kind: "http", url, wire: "streamable-http" } as const;
  return openTransport(server, { connectTimeoutMs: 5_000, followRedirects: false });
}

const post = (body: Uint8Array | Readable = Buffer.from("{}"), headers: readonly string[] = []): WireRequest => ({
  method: "POST",
  headers: [...headers],
  body,
});

interface Whole {
  readonly text: string;
  readonly cut: Error | undefined;
}

function whole(reply: Reply): Promise<Whole> {
  assert.ok(reply.kind === "reply", JSON.stringify(reply));
  const { body } = reply;
  return new Promise((resolve) => {
    let text = "";
    body.pipe({
      data: (chunk) => {
        text += chunk.toString("latin1");
        return true;
      },
      end: () => resolve({ text, cut: undefined }),
      cut: (cut) => resolve({ text, cut }),
    });
  });
}

async function lost(sending: Promise<Reply>): Promise<Extract<Reply, { kind: "lost" }>> {
  const reply = await sending;
  assert.equal(reply.kind, "lost");
  return reply;
}

async function codeOf(sending: Promise<Reply>): Promise<string> {
  const { sent, cause } = await lost(sending);
  return `${sent} ${(cause as NodeJS.ErrnoException).code}`;
}

describe("a connection", { timeout }, () => {
  it("carries one exchange after the other, and two at once go over two", async () => {
    await using place = await real((_request, response) => void response.end("yes"));
    for (let round = 0; round < 5; round += 1)
      assert.equal((await whole(await place.transport.send(post()))).text, "yes");
    assert.equal(place.sockets.length, 1);
    const both = await Promise.all([place.transport.send(post()), place.transport.send(post())]);
    for (const reply of both) await whole(reply);
    assert.equal(place.sockets.length, 2);
  });

  it("is opened ahead of the second of two requests that follow an answer, and is none too many", async () => {
    const held: ServerResponse[] = [];
    await using place = await real((request, response) => {
      if (request.url === "/mcp" && held.push(response) > 1) response.end("later");
    });
    const { transport, sockets } = place;
    const server = place.server;
    const first = transport.send({ ...post(), twoFollow: true });
    while (held.length < 1 || sockets.length < 2) await once(server, held.length < 1 ? "request" : "connection");
    held[0]?.end("first");
    assert.equal((await whole(await first)).text, "first");
    const both = await Promise.all([transport.send(post()), transport.send(post())]);
    for (const reply of both) assert.equal((await whole(reply)).text, "later");
    assert.equal(sockets.length, 2);
    // One is free already.
    assert.equal((await whole(await transport.send({ ...post(), twoFollow: true }))).text, "later");
    assert.equal((await whole(await transport.send(post()))).text, "later");
    assert.equal(sockets.length, 2);
  });

  it("that the server ends with its answer carries no other", async () => {
    await using place = await real((_request, response) => void response.setHeader("connection", "close").end("yes"));
    for (let round = 0; round < 3; round += 1) await whole(await place.transport.send(post()));
    assert.equal(place.sockets.length, 3);
  });

  it("that the server keeps for a second only carries no other", async () => {
    await using place = await real((_request, response) => void response.end("yes"), 1_000);
    for (let round = 0; round < 3; round += 1) await whole(await place.transport.send(post()));
    assert.equal(place.sockets.length, 3);
  });

  it("that the server closed while it was free is not written to", async () => {
    await using place = await raw((socket) => void socket.write(length("yes")));
    await whole(await place.transport.send(post()));
    place.sockets[0]?.destroy();
    // The end has arrived, and nobody has looked yet.
    const until = Date.now() + 200;
    while (Date.now() < until);
    assert.equal((await whole(await place.transport.send(post()))).text, "yes");
    assert.equal(place.sockets.length, 2);
  });

  it("on which more comes than was asked for carries no other", async () => {
    await using place = await raw((socket) => void socket.write(`${length("yes")}HTTP/1.1 200 OK\r\n`));
    for (let round = 0; round < 2; round += 1)
      assert.equal((await whole(await place.transport.send(post()))).text, "yes");
    assert.equal(place.sockets.length, 2);
  });

  it("on which something comes while it is free is destroyed, and what came answers nobody", async () => {
    await using place = await raw((socket, _text, number) => void socket.write(length(`answer ${number}`)));
    await whole(await place.transport.send(post()));
    place.sockets[0]?.write(length("forged"));
    await once(place.sockets[0] as Socket, "close");
    assert.equal((await whole(await place.transport.send(post()))).text, "answer 2");
  });

  it("keeps no answer of which the body ends with it", async () => {
    await using place = await raw((socket) => void socket.end("HTTP/1.0 200 OK\r\n\r\nyes"));
    for (let round = 0; round < 2; round += 1) {
      const { text, cut } = await whole(await place.transport.send(post()));
      assert.deepEqual([text, cut], ["yes", undefined]);
    }
    assert.equal(place.sockets.length, 2);
  });
});

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

describe("an answer", { timeout }, () => {
  it("in chunks that is torn in the middle is cut, and so is one that is shorter than its length", async () => {
    for (const answer of [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nwo",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\nwo\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhellowo",
    ]) {
      await using place = await raw((socket) => void socket.end(answer));
      const { text, cut } = await whole(await place.transport.send(post()));
      assert.equal(text, "hellowo");
      assert.equal((cut as NodeJS.ErrnoException).code, "CONNECTION_CLOSED");
    }
  });

  it("that nobody reads pauses its server, and flows on when somebody does", async () => {
    const size = 30_000_000;
    let socket: Socket | undefined;
    await using place = await real((_request, response) => {
      socket = response.socket ?? undefined;
      response.end(Buffer.alloc(size));
    });
    const reply = await place.transport.send(post());
    assert.ok(reply.kind === "reply");
    const { body } = reply;
    let before = -1;
    for (let quiet = 0; quiet < 10; quiet = socket?.bytesWritten === before ? quiet + 1 : 0) {
      before = socket?.bytesWritten ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(body.arrived.reduce((sum, chunk) => sum + chunk.length, 0) < 256 * 1024);
    let got = 0;
    await new Promise<void>((resolve, reject) => {
      body.pipe({
        data: (chunk) => {
          got += chunk.length;
          // Half of them ask for a pause.
          if (got % 2 === 0) return true;
          setImmediate(() => body.resume());
          return false;
        },
        end: resolve,
        cut: reject,
      });
    });
    assert.equal(got, size);
    await whole(await place.transport.send(post()));
    assert.equal(place.sockets.length, 1);
  });

  it("that is given up in its middle is cut at once, and the server sees its connection closed", async () => {
    await using place = await raw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    });
    const reply = await place.transport.send(post());
    assert.ok(reply.kind === "reply");
    await reply.body.ready();
    const closed = once(place.sockets[0] as Socket, "close");
    const ending = whole(reply);
    reply.body.abort();
    const { text, cut } = await ending;
    assert.deepEqual([text, cut?.message], ["hello", "ended by the proxy"]);
    await closed;
  });

  it("that is over is left alone by whoever still holds it, for its connection may carry another one", async () => {
    await using place = await raw((socket) => void socket.write(length("yes")));
    const first = await place.transport.send(post());
    await whole(first);
    const second = place.transport.send(post());
    assert.ok(first.kind === "reply");
    first.body.abort();
    first.body.resume();
    assert.equal((await whole(await second)).text, "yes");
    assert.equal(place.sockets.length, 1);
  });

  it("comes after interim ones, and to HEAD without a body", async () => {
    await using place = await real((request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.setHeader("content-length", 3);
      response.end(request.method === "HEAD" ? undefined : "yes");
    });
    assert.equal((await whole(await place.transport.send(post()))).text, "yes");
    const head = await place.transport.sendTo("/x", { method: "GET", verb: "HEAD", headers: [] });
    assert.equal((await whole(head)).text, "");
  });
});
