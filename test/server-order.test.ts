// What is sent to an HTTP server goes out in the order in which it was given to the transport, whichever of its connections stands first.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { openTransport, type Transport } from "../src/data-plane/transport/index.ts";
import { lost, post, whole } from "./support/server-place.ts";

/** A server whose name is looked up as slowly as the test wants: `stand` lets the connection of that number be opened. */
interface Place extends AsyncDisposable {
  readonly transport: Transport;
  /** Bodies, as they came. */
  readonly bodies: readonly string[];
  /** Resolves with the answer to the next request that comes, which is still to be given. */
  come(): Promise<ServerResponse>;
  stand(number: number): void;
  refuse(number: number): void;
}

async function openPlace(): Promise<Place> {
  const bodies: string[] = [];
  const lookups: Parameters<LookupFunction>[2][] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      server.emit("come", response);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://server.test:${(server.address() as AddressInfo).port}/mcp`);
  const lookup: LookupFunction = (_name, _options, done) => void lookups.push(done);
  const parts = { connectTimeoutMs: 5_000, followRedirects: false, lookup };
  const transport = openTransport({ kind: "http", url, wire: "streamable-http" }, parts);
  return {
    transport,
    bodies,
    come: async () => (await once(server, "come"))[0] as ServerResponse,
    stand: (number) => lookups[number - 1]?.(null, [{ address: "127.0.0.1", family: 4 }]),
    refuse: (number) => lookups[number - 1]?.(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), []),
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      server.close();
      server.closeAllConnections();
    },
  };
}

describe("requests to an HTTP server", { timeout: 20_000 }, () => {
  it("go out in their order when the second connection stands first", async () => {
    await using place = await openPlace();
    const sent = ["first", "second"].map((body) => place.transport.send(post(Buffer.from(body))));
    for (const number of [2, 1]) {
      const come = place.come();
      place.stand(number);
      (await come).end("yes");
    }
    for (const reply of await Promise.all(sent)) assert.equal((await whole(reply)).text, "yes");
    assert.deepEqual(place.bodies, ["first", "second"]);
  });

  it("go over a connection that another one has freed, the oldest of them first, where their own do not stand yet", async () => {
    await using place = await openPlace();
    const [come, first] = [place.come(), place.transport.send(post(Buffer.from("first")))];
    place.stand(1);
    const response = await come;
    const sent = ["second", "third"].map((body) => place.transport.send(post(Buffer.from(body))));
    for (let answer = response; place.bodies.length < 3; ) {
      const next = place.come();
      answer.end("yes");
      answer = await next;
      if (place.bodies.length === 3) answer.end("yes");
    }
    for (const reply of await Promise.all([first, ...sent])) assert.equal((await whole(reply)).text, "yes");
    assert.deepEqual(place.bodies, ["first", "second", "third"]);
  });

  it("go on when one that waits for a connection is given up", async () => {
    await using place = await openPlace();
    const end = new AbortController();
    const first = place.transport.send({ ...post(Buffer.from("first")), signal: end.signal });
    const second = place.transport.send(post(Buffer.from("second")));
    end.abort();
    assert.equal((await lost(first)).sent, "nothing");
    const come = place.come();
    place.stand(2);
    (await come).end("yes");
    assert.equal((await whole(await second)).text, "yes");
    assert.deepEqual(place.bodies, ["second"]);
  });

  it("fail, the oldest first, with the connections that do not come to stand", async () => {
    await using place = await openPlace();
    const sent = ["first", "second"].map((body) => place.transport.send(post(Buffer.from(body))));
    place.refuse(2);
    const { sent: reached, cause } = await lost(sent[0] as (typeof sent)[0]);
    assert.deepEqual([reached, (cause as NodeJS.ErrnoException).code], ["nothing", "ENOTFOUND"]);
    const come = place.come();
    place.stand(1);
    (await come).end("yes");
    assert.equal((await whole(await (sent[1] as (typeof sent)[0]))).text, "yes");
    assert.deepEqual(place.bodies, ["second"]);
  });

  it("that still wait for a connection are told when the transport is closed", async () => {
    await using place = await openPlace();
    const sent = place.transport.send(post());
    await place.transport[Symbol.asyncDispose]();
    assert.equal((await lost(sent)).sent, "nothing");
  });
});
