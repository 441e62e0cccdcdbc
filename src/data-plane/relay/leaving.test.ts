import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SignedTransport } from "../session/index.ts";
import type { Reply, Transport, WireRequest } from "../transport/index.ts";
import { EndingPost, Leaving } from "./leaving.ts";

const lost: Reply = { kind: "lost", sent: "nothing", cause: new Error("not there") };

describe("a request that ends when its client leaves", () => {
  it("ends as well where a sign-in puts its credential on it", async () => {
    for (const isIdle of [true, false]) {
      let sent: WireRequest | undefined;
      const inner = {
        origin: "http://server",
        send: (request: WireRequest) => {
          sent = request;
          return Promise.resolve(lost);
        },
      } as unknown as Transport;
      const credential = { isIdle, current: () => Promise.resolve("Bearer token") };
      const leaving = new Leaving();
      const signed = new SignedTransport(inner, credential as never);
      await signed.send(new EndingPost([], Buffer.from("{}"), leaving));
      let ended = false;
      sent?.onSent?.(() => {
        ended = true;
      });
      const { signal } = sent as WireRequest;
      leaving.leave();
      assert.ok(ended, "by its callback");
      assert.ok(signal?.aborted, "by its signal");
    }
  });
});
