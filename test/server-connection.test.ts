// Promises of the connection to an HTTP server, over real sockets: which exchanges share one, and which is used no more.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { length, post, raw, real, whole } from "./support/server-place.ts";

const timeout = 20_000;

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
