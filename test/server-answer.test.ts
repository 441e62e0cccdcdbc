// Promises of the answer of an HTTP server, over real sockets: whole or cut, read at its reader's pace, given up in its middle, and its connection used again.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { length, post, raw, real, whole } from "./support/server-place.ts";

const timeout = 20_000;

function digest(chunks: readonly Buffer[]): string {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

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

  it("is the server's byte for byte, and stays so while others come: small ones, large ones and ones in pieces, eight at a time", async () => {
    await using place = await real((request, response) => {
      const body = randomBytes(Number(request.headers["x-size"]));
      response.setHeader("x-digest", digest([body]));
      // Without a length it goes out in chunks, whose ends fall anywhere in what is read at once.
      for (let at = 0; at < body.length; at += 100_003) response.write(body.subarray(at, at + 100_003));
      response.end();
    });
    const sizes = [0, 1, 425, 4_096, 32_768, 32_769, 65_536, 65_537, 131_072, 1_000_000, 3_000_000];
    const answer = async (size: number): Promise<void> => {
      const reply = await place.transport.send(post(undefined, ["x-size", String(size)]));
      assert.ok(reply.kind === "reply");
      const { body, headers } = reply;
      const chunks: Buffer[] = [];
      await new Promise<void>((end, cut) => body.pipe({ data: (chunk) => chunks.push(chunk) > 0, end, cut }));
      kept.push({ chunks, expected: headers["x-digest"] });
    };
    const kept: { readonly chunks: readonly Buffer[]; readonly expected: unknown }[] = [];
    for (let round = 0; round < 3; round++)
      for (let first = 0; first < sizes.length; first++)
        await Promise.all(Array.from({ length: 8 }, (_, more) => answer(sizes[(first + more) % sizes.length] ?? 0)));
    assert.equal(kept.length, 3 * sizes.length * 8);
    for (const { chunks, expected } of kept) assert.equal(digest(chunks), expected);
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
