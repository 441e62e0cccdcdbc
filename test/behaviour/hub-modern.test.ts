// A hub's connector whose server is legacy, used by modern clients: the sessions that these share live and end as the connector does.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EraServer, startEraServer } from "../support/era-server.ts";
import { type Hub, startHub } from "../support/hub.ts";
import { ask, said } from "../support/modern-client.ts";
import { countRows } from "../support/stored-rows.ts";

const read = { params: { name: "read", arguments: {} } };

async function withHub(use: (hub: Hub, server: EraServer, call: () => Promise<string>) => Promise<void>) {
  await using server = await startEraServer("legacy");
  await using hub = await startHub();
  await hub.addLocal("one", { kind: "http", url: server.url, wire: "auto" });
  await hub.until("one", "connected");
  await use(hub, server, async () => said(await ask(`${hub.url}/c/one/mcp`, "tools/call", read)));
}

/** The hub asks its servers for a sign of life by a session of its own; those of clients are told by what they called. */
const sessionsOf = (server: EraServer) =>
  new Set(server.seenOf("tools/call").map(({ headers }) => headers["mcp-session-id"]));

const ended = (server: EraServer, id: unknown) =>
  server.until(() => server.seen.some((one) => one.httpMethod === "DELETE" && one.headers["mcp-session-id"] === id));

describe("the session that modern clients of a hub share on a legacy server", () => {
  it("goes on after the hub was killed", () =>
    withHub(async (hub, server, call) => {
      assert.equal(await call(), "read");
      await hub.restart();
      assert.equal(await call(), "read");
      assert.equal(sessionsOf(server).size, 1);
    }));

  for (const used of [true, false])
    it(`leaves no row and no session at the server when its connector is removed${used ? "" : ", also where nobody has used it since the hub was restarted"}`, () =>
      withHub(async (hub, server, call) => {
        assert.equal(await call(), "read");
        assert.equal(countRows(hub.dataDir), 1);
        if (!used) await hub.restart();
        const { status } = await hub.api("DELETE", "/connectors/one");
        assert.equal(status, 204);
        assert.equal(countRows(hub.dataDir), 0);
        const [id] = sessionsOf(server);
        await ended(server, id);
        assert.equal(
          server.seen.filter((one) => one.httpMethod === "DELETE" && one.headers["mcp-session-id"] === id).length,
          1,
        );
      }));
});
