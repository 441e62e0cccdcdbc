// What the faulty server refuses: in each shape of a lost session, as a good server would, and while it is away. Seen on the wire; tests no proxy.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import {
  type Answer,
  base,
  call,
  chaos,
  get,
  initialize,
  messageOf,
  open,
  order,
  post,
  request,
  send,
  state,
  until,
  withServer,
} from "../../test/support/faulty-server.ts";
import { refusalFor, type Shape, shapes } from "./shapes.ts";

const timeout = 20_000;

describe("shapes of a lost session", { timeout }, () => {
  withServer();

  for (const [name, row] of Object.entries(shapes)) {
    const shape: Shape = row;
    if (shape.silent === true) continue;
    it(`refuses as ${name}`, async () => {
      const id = await open();
      await order({ do: "forget", as: name });
      for (const http of ["POST", "GET", "DELETE"]) {
        const expected = refusalFor(shape, http);
        const sent = http === "POST" ? JSON.stringify(call(7, "count")) : undefined;
        const answer = await send(http, chaos.url, { ...base, "mcp-session-id": id }, sent);
        assert.equal(answer.status, expected.status);
        assert.equal(answer.type, expected.contentType);
        const refused = {
          id: http === "POST" ? 7 : undefined,
          method: http === "POST" ? "tools/call" : http,
          sessionId: id,
        };
        assert.equal(answer.body, expected.body(refused));
      }
      const ping = await post(request(8, "ping"), id);
      assert.equal(ping.status === 200 && "result" in messageOf(ping), shape.answersPing === true);
      assert.equal((await state()).counter, 0);
      assert.equal((await initialize()).status, 200);
    });
  }

  it("takes a dead id as if nothing had happened where loss is silent", async () => {
    const id = await open();
    await post(request(1, "resources/subscribe", { uri: "chaos://clock" }), id);
    await order({ do: "forget", as: "200-silent" });
    assert.deepEqual(messageOf(await post(call(2, "echo", { text: "on" }), id)).id, 2);
    assert.match(JSON.stringify((await state()).sessions.list), /"subscriptions":\[\]/);
  });

  it("lets the order say whether ping is answered", async () => {
    const id = await open();
    await order({ do: "forget", as: "200-python", ping: false });
    assert.ok("error" in messageOf(await post(request(1, "ping"), id)));
  });
});

describe("requests that a good server refuses", { timeout }, () => {
  withServer();

  const bad: Readonly<Record<string, readonly [number, () => Promise<Answer>]>> = {
    "a request without session id": [400, () => post(request(1, "tools/list"))],
    "an id it never issued": [404, () => post(request(1, "tools/list"), "never")],
    "a second initialize": [400, async () => post(request(1, "initialize"), await open())],
    "an unknown protocol version": [
      400,
      async () => post(request(1, "ping"), await open(), { "mcp-protocol-version": "1999-01-01" }),
    ],
    "a batch in a session that has none": [400, async () => post([request(1, "ping")], await open("2025-06-18"))],
    "a body that is not JSON": [400, () => send("POST", chaos.url, base, "{")],
    "another content type": [415, () => send("POST", chaos.url, { ...base, "content-type": "text/plain" }, "{}")],
    "an Accept without event streams": [406, () => post(request(1, "ping"), undefined, { accept: "application/json" })],
    "a body over 32 MiB": [413, () => send("POST", chaos.url, { ...base, "content-length": "33554433" })],
    "another method": [405, () => send("PUT", chaos.url, base)],
    "a page of another origin": [403, () => post(request(1, "ping"), undefined, { origin: "http://example.com" })],
  };
  for (const [what, [status, attempt]] of Object.entries(bad)) {
    it(`answers ${status} to ${what}`, async () => assert.equal((await attempt()).status, status));
  }

  it("ends a session on DELETE", async () => {
    const id = await open();
    assert.equal((await send("DELETE", chaos.url, { "mcp-session-id": id })).status, 200);
    assert.equal((await post(request(1, "ping"), id)).status, 404);
  });

  it("answers each request of a 2025-03-26 batch", async () => {
    const answer = await post([request(1, "ping"), call(2, "echo", { text: "b" })], await open("2025-03-26"));
    assert.equal(answer.body.match(/^data: /gm)?.length, 2);
  });

  it("allows one GET stream per session", async () => {
    const id = await open();
    const first = get(id);
    await until(({ sessions }) => sessions.list[0]?.getOpen === true);
    assert.equal((await get(id)).status, 409);
    await order({ do: "close-get" });
    assert.equal((await first).status, 200);
  });
});

describe("orders that take sessions away", { timeout }, () => {
  withServer();

  it("forgets one session and keeps the others", async () => {
    const [first, second] = [await open(), await open()];
    await order({ do: "forget-one", session: "last" });
    assert.equal((await post(request(1, "ping"), first)).status, 200);
    assert.equal((await post(request(1, "ping"), second)).status, 404);
  });

  it("forgets every new session until that is turned off", async () => {
    await order({ do: "forget-always", as: "400-everything" });
    assert.equal((await post(request(1, "ping"), await open())).status, 400);
    await order({ do: "forget-always", on: false });
    assert.equal((await post(request(1, "ping"), await open())).status, 200);
  });

  it("refuses connections and comes back on the same port without its sessions", async () => {
    const id = await open();
    await order({ do: "refuse", ms: 300 });
    await assert.rejects(state(), { code: "ECONNREFUSED" });
    await comeBack();
    assert.equal((await post(request(1, "ping"), id)).status, 404);
  });

  it("keeps the sessions over an outage when told so", async () => {
    const id = await open();
    await order({ do: "refuse", ms: 1, keepSessions: true });
    await comeBack();
    assert.equal((await post(request(1, "ping"), id)).status, 200);
  });

  async function comeBack(): Promise<void> {
    for (;;) {
      const answered = await state().catch(() => undefined);
      if (answered !== undefined) return;
      await wait(10);
    }
  }
});
