// Field report B's stack with real edges: nginx or Caddy under a secret path, supergateway 3.4.3, the memory server.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe } from "node:test";
import { sdk1 } from "../support/clients.ts";
import { caddy, caughtUp, nginx } from "../support/edges.ts";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { itWith } from "../support/parts.ts";
import { memoryBehindSupergateway, type Upstream } from "../support/upstreams.ts";
import { assertRemembered, remember } from "./remembering.ts";

const edges = [
  { part: "nginx", open: nginx },
  { part: "caddy", open: caddy },
] as const;

const newSecret = () => `secret-${randomBytes(16).toString("hex")}`;

/** The session ids that the gateway has named in its own log. */
function sessionIds(gateway: Upstream): readonly string[] {
  const found = gateway.output().match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? [];
  return [...new Set(found)];
}

function countInitialize(gateway: Upstream): number {
  return gateway.output().match(/"method":"initialize"/g)?.length ?? 0;
}

function assertNeverPrints(holdfast: Holdfast, secrets: readonly string[]): void {
  assert.notEqual(secrets.length, 0);
  const printed = holdfast.output();
  for (const secret of secrets) assert.ok(!printed.includes(secret), `printed ${secret}:\n${printed}`);
}

describe("a server under a secret path behind a real edge", () => {
  for (const { part, open } of edges) {
    itWith([part], `restores the session with one initialize after the server behind ${part} restarted`, async () => {
      await using gateway = await memoryBehindSupergateway("3.4.3");
      await using edge = await open(gateway.url, { secretPath: newSecret() });
      await using holdfast = await startHoldfast(edge.url);
      await using client = await sdk1.connect(holdfast.url);
      await remember(client, "Anna");
      const sessionId = client.sessionId();

      await gateway.restart({ signal: "SIGKILL" });
      await caughtUp(edge.url);

      await remember(client, "Bela");
      await assertRemembered(client, "Anna", "Bela");
      assert.deepEqual(client.errors(), []);
      assert.equal(client.sessionId(), sessionId);
      assert.equal(countInitialize(gateway), 1);
    });

    itWith([part], `prints neither the secret path nor a session id with the server behind ${part}`, async () => {
      const secretPath = newSecret();
      await using gateway = await memoryBehindSupergateway("3.4.3");
      await using edge = await open(gateway.url, { secretPath });
      await using holdfast = await startHoldfast(edge.url);
      await using client = await sdk1.connect(holdfast.url);
      await remember(client, "Anna");
      const before = sessionIds(gateway);
      await gateway.restart({ signal: "SIGKILL" });
      await caughtUp(edge.url);
      await assertRemembered(client, "Anna");
      const after = sessionIds(gateway);
      await gateway.kill();
      await edge.kill();

      const own = client.sessionId();
      assert.ok(own !== undefined && !before.includes(own), "the client was shown the server's session id");
      assert.notDeepEqual(before, after);
      await holdfast.stop();
      assertNeverPrints(holdfast, [secretPath, own, ...before, ...after]);
    });

    itWith([part], `keeps the server's session when ${part} itself restarts`, async () => {
      await using gateway = await memoryBehindSupergateway("3.4.3");
      await using edge = await open(gateway.url, { secretPath: newSecret() });
      await using holdfast = await startHoldfast(edge.url);
      await using client = await sdk1.connect(holdfast.url);
      await remember(client, "Anna");

      await edge.restart({ signal: "SIGTERM" });
      await caughtUp(edge.url);

      await assertRemembered(client, "Anna");
      assert.deepEqual(client.errors(), []);
      assert.equal(countInitialize(gateway), 1);
    });
  }
});

describe("the refusal of field report B", () => {
  itWith(["nginx"], "passes nginx as 400 with 105 bytes for POST and 29 bytes for GET", async () => {
    await using gateway = await memoryBehindSupergateway("3.4.3");
    await using edge = await nginx(gateway.url, { secretPath: newSecret() });
    const dead = { "mcp-session-id": "00000000-0000-4000-8000-000000000000" };
    const post = await fetch(edge.url, {
      method: "POST",
      headers: { ...dead, "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    assert.deepEqual([post.status, (await post.bytes()).length], [400, 105]);
    const get = await fetch(edge.url, { headers: { ...dead, accept: "text/event-stream" } });
    assert.deepEqual([get.status, (await get.bytes()).length], [400, 29]);
  });
});
