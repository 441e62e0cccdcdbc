// Holdfast in front of one's own server, behind the edge that the clients know: their URL stays, the secret path with it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe } from "node:test";
import { clients, sdk1 } from "../support/clients.ts";
import { caddy, caughtUp, nginx } from "../support/edges.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { itWith } from "../support/parts.ts";
import { memoryBehindSupergateway } from "../support/upstreams.ts";
import { assertNeverStartedOver, assertRemembered, remember } from "./remembering.ts";

const edges = [
  { part: "nginx", open: nginx },
  { part: "caddy", open: caddy },
] as const;

const newSecret = () => `secret-${randomBytes(16).toString("hex")}`;

describe("Holdfast in front of the server, behind the edge", () => {
  for (const { name, connect } of clients) {
    itWith(["nginx"], `hides a restart of the server from ${name} behind nginx`, async () => {
      await using gateway = await memoryBehindSupergateway("3.4.3");
      await using holdfast = await startHoldfast(gateway.url, { args: ["--front"] });
      await using edge = await nginx(holdfast.url, { secretPath: newSecret() });
      await using client = await connect(edge.url);
      await remember(client, "Anna");
      const reported = client.errors().length;
      const restarted = new Date();

      await gateway.restart({ signal: "SIGKILL" });

      await assertRemembered(client, "Anna");
      await remember(client, "Bela");
      assert.deepEqual(client.errors().slice(reported), []);
      await assertNeverStartedOver(client, holdfast, restarted);
    });
  }

  for (const { part, open } of edges) {
    itWith([part], `hides its own restart and the server's from a client behind ${part}`, async () => {
      await using gateway = await memoryBehindSupergateway("3.4.3");
      await using holdfast = await startHoldfast(gateway.url, { args: ["--front"] });
      await using edge = await open(holdfast.url, { secretPath: newSecret() });
      await using client = await sdk1.connect(edge.url);
      await remember(client, "Anna");
      const sessionId = client.sessionId();

      await holdfast.kill();
      await gateway.restart({ signal: "SIGKILL" });
      await holdfast.restart();
      await caughtUp(edge.url);

      await assertRemembered(client, "Anna");
      assert.equal(client.sessionId(), sessionId);
    });
  }
});
