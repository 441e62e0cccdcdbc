import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Reply, Transport, WireRequest } from "../transport/index.ts";
import { SignedTransport } from "./signed-transport.ts";

const lost: Reply = { kind: "lost", sent: "nothing", cause: new Error("not there") };

describe("a request that a sign-in puts its credential on", () => {
  it("keeps what it wants of its connection", async () => {
    let sent: WireRequest | undefined;
    const inner = {
      origin: "http://server",
      send: (request: WireRequest) => {
        sent = request;
        return Promise.resolve(lost);
      },
    } as unknown as Transport;
    const credential = { isIdle: false, current: () => Promise.resolve("Bearer token") };
    const request = { method: "POST", headers: [], twoFollow: true, onNewConnection: true } as const;
    await new SignedTransport(inner, credential as never).send({ ...request, headers: [] });
    assert.deepEqual([sent?.twoFollow, sent?.onNewConnection], [true, true]);
    assert.deepEqual(sent?.headers, ["authorization", "Bearer token"]);
  });
});
