// Sessions lost in other ways than one restart: reaped for idleness, a newer version, an outage, our own end.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clients, sdk1 } from "../support/clients.ts";
import { nginx } from "../support/edges.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { itWith } from "../support/parts.ts";
import { connectPlainly } from "../support/plain-client.ts";
import { memoryBehindSupergateway } from "../support/upstreams.ts";
import { assertNeverStartedOver, assertRemembered, remember } from "./remembering.ts";

const reaped = /Session .* timed out, cleaning up/;

describe("a session reaped for idleness", () => {
  for (const version of ["3.4.3", "4.0.0"] as const) {
    it(`is restored by the next call when supergateway ${version} reaped it`, async () => {
      await using gateway = await memoryBehindSupergateway(version, { sessionTimeoutMs: 300 });
      await using holdfast = await startHoldfast(gateway.url);
      await using client = await connectPlainly(holdfast.url);
      await remember(client, "Anna");
      await gateway.waitForLine(reaped);
      await assertRemembered(client, "Anna");
    });
  }

  itWith(["nginx"], "is restored by the next call when an edge allows no stream that would keep it", async () => {
    await using gateway = await memoryBehindSupergateway("3.4.3", { sessionTimeoutMs: 300 });
    await using edge = await nginx(gateway.url, { standaloneStream: false });
    await using holdfast = await startHoldfast(edge.url);
    await using client = await sdk1.connect(holdfast.url);
    await remember(client, "Anna");
    await gateway.waitForLine(reaped);
    await assertRemembered(client, "Anna");
    assert.deepEqual(client.errors(), []);
  });
});

describe("a server swapped for a newer version on the same port", () => {
  for (const { name, connect } of clients) {
    it(`keeps answering ${name} when supergateway 4.0.0 takes the place of 3.4.3`, async () => {
      await using gateway = await memoryBehindSupergateway("3.4.3");
      await using holdfast = await startHoldfast(gateway.url);
      await using client = await connect(holdfast.url);
      await remember(client, "Anna");
      const reported = client.errors().length;
      const swapped = new Date();
      await gateway.swap("4.0.0");
      await assertRemembered(client, "Anna");
      await remember(client, "Bela");
      await assertRemembered(client, "Bela");
      assert.deepEqual(client.errors().slice(reported), []);
      await assertNeverStartedOver(client, holdfast, swapped);
    });
  }
});

describe("a server that is down when the call comes", () => {
  for (const version of ["3.4.3", "4.0.0"] as const) {
    it(`gets the call of the client when supergateway ${version} is back`, async () => {
      await using gateway = await memoryBehindSupergateway(version);
      await using holdfast = await startHoldfast(gateway.url);
      await using client = await sdk1.connect(holdfast.url);
      await remember(client, "Anna");
      await gateway.kill("SIGKILL");
      const waiting = assertRemembered(client, "Anna");
      await gateway.start();
      await waiting;
      assert.deepEqual(client.errors(), []);
    });
  }
});

describe("Holdfast killed between two calls", () => {
  for (const { name, connect } of clients) {
    it(`goes on with the session of ${name} after its start on the same data directory`, async () => {
      await using gateway = await memoryBehindSupergateway("3.4.3");
      await using holdfast = await startHoldfast(gateway.url);
      await using client = await connect(holdfast.url);
      await remember(client, "Anna");
      const restarted = new Date();
      await holdfast.restart();
      await assertRemembered(client, "Anna");
      await remember(client, "Bela");
      await assertRemembered(client, "Bela");
      await assertNeverStartedOver(client, holdfast, restarted);
    });
  }
});
