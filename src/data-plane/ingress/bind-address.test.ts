import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { bindAddress } from "./bind-address.ts";

describe("an address that is bound ahead", () => {
  it("is one of IPv4; what has to be looked up or read is left to Node", () => {
    for (const host of ["localhost", "::1", "::", "example.com", "127.0.0.1:80", "127.1", ""])
      assert.equal(bindAddress(host, 0), undefined, host);
  });

  it("is what a server listens on", async () => {
    const bound = bindAddress("127.0.0.1", 0);
    assert.ok(bound !== undefined);
    const { port } = bound.address();
    const server = createServer((socket) => socket.end("hello"));
    server.listen(bound, 16);
    await once(server, "listening");
    assert.deepEqual(server.address(), { address: "127.0.0.1", family: "IPv4", port });
    const client = connect(port, "127.0.0.1");
    const [chunk]: unknown[] = await once(client, "data");
    assert.equal(String(chunk), "hello");
    server.close();
    client.destroy();
  });

  it("is refused where another listens, and where it is not this machine's", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    assert.throws(() => bindAddress("127.0.0.1", port), { code: "EADDRINUSE" });
    assert.throws(() => bindAddress("192.0.2.1", 0), { code: "EADDRNOTAVAIL" });
    server.close();
  });
});
