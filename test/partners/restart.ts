// The promise itself, for any real client and server: a server that was killed and came back is never noticed.
import assert from "node:assert/strict";
import { it } from "node:test";
import { clients } from "../support/clients.ts";
import { startHoldfast } from "../support/holdfast.ts";
import type { Connection } from "../support/tool-result.ts";
import type { Upstream } from "../support/upstreams.ts";
import { assertNeverStartedOver, assertRemembered, remember } from "./remembering.ts";

/** Two different requests, each with an answer that cannot come from elsewhere. */
export interface Calls {
  before(client: Connection): Promise<void>;
  after(client: Connection): Promise<void>;
}

export const memoryCalls: Calls = {
  before: (client) => remember(client, "Anna"),
  after: async (client) => {
    await assertRemembered(client, "Anna");
    await remember(client, "Bela");
    await assertRemembered(client, "Anna", "Bela");
  },
};

export const everythingCalls: Calls = {
  before: async (client) => assert.match(await client.callTool("echo", { message: "one" }), /one/),
  after: async (client) => {
    assert.match(await client.callTool("echo", { message: "two" }), /two/);
    assert.match(await client.callTool("get-sum", { a: 19, b: 23 }), /42/);
  },
};

/** Registers one test per real client. */
export function keepsEveryClientThroughRestart(startServer: () => Promise<Upstream>, calls: Calls): void {
  for (const { name, connect } of clients) {
    it(`shows ${name} right answers and no error after the server was killed and restarted`, async () => {
      await using server = await startServer();
      await using holdfast = await startHoldfast(server.url);
      await using client = await connect(holdfast.url);
      await calls.before(client);
      const reported = client.errors().length;
      const restarted = new Date();

      await server.restart({ signal: "SIGKILL" });

      await calls.after(client);
      assert.deepEqual(client.errors().slice(reported), []);
      await assertNeverStartedOver(client, holdfast, restarted);
    });
  }
}
