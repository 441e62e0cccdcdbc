// A server changes its era, restarts or dies in the middle of a legacy client's session, and so does Holdfast: the client sees answers only, or is told that the outcome is unknown.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AskedClient, askedClient } from "../support/asked-client.ts";
import { type Era, eraServer } from "../support/era-servers.ts";
import { startHoldfast } from "../support/holdfast.ts";

/** Whether a client's stream is open is not to be seen from outside, so the server announces until it is heard. */
async function announceUntilHeard(session: AskedClient, by: AskedClient = session): Promise<void> {
  const before = session.changes.length;
  while (session.changes.length === before) await by.call("change");
}

const other: Readonly<Record<Era, Era>> = { legacy: "modern", modern: "legacy" };

for (const first of ["legacy", "modern"] as const) {
  describe(`a session that began on a ${first} server`, () => {
    it(`goes on when the server becomes ${other[first]}, and when it becomes ${first} again`, async () => {
      await using server = await eraServer(first);
      await using holdfast = await startHoldfast(server.url);
      await using session = await askedClient(holdfast.url);
      await session.client.setLoggingLevel("info");
      await session.client.subscribeResource({ uri: "test://watched" });
      const sessionId = session.transport.sessionId;
      assert.equal(await session.call("echo", { text: "1" }), `${first}: 1`);
      for (const era of [other[first], first]) {
        await server.become(era);
        assert.equal(await session.call("echo", { text: era }), `${era}: ${era}`);
        assert.match(await session.call("ask_name"), /^Hello, user \d!$/);
        const logs = session.logs.length;
        await session.call("tell");
        assert.equal(session.logs.length, logs + 1);
        const updates = session.changes.filter((change) => change === "test://watched").length;
        await announceUntilHeard(session);
        await session.changed("test://watched", updates + 1);
      }
      assert.equal(session.transport.sessionId, sessionId);
    });

    it(`hears of changes of a ${other[first]} server that took its place while it was silent`, async () => {
      await using server = await eraServer(first);
      await using holdfast = await startHoldfast(server.url);
      await using session = await askedClient(holdfast.url);
      await announceUntilHeard(session);
      await server.become(other[first]);
      await using bystander = await askedClient(holdfast.url);
      await announceUntilHeard(session, bystander);
    });

    it("goes on after Holdfast was killed", async () => {
      await using server = await eraServer(first);
      await using holdfast = await startHoldfast(server.url);
      await using session = await askedClient(holdfast.url);
      assert.equal(await session.call("echo", { text: "1" }), `${first}: 1`);
      await holdfast.kill();
      await holdfast.restart();
      assert.equal(await session.call("ask_name"), "Hello, user 1!");
    });

    it("goes on when the server changed its era while Holdfast was not there", async () => {
      await using server = await eraServer(first);
      await using holdfast = await startHoldfast(server.url);
      await using session = await askedClient(holdfast.url);
      assert.equal(await session.call("echo", { text: "1" }), `${first}: 1`);
      await holdfast.kill();
      await server.become(other[first]);
      await holdfast.restart();
      assert.equal(await session.call("ask_name"), "Hello, user 1!");
    });
  });
}

describe("a modern server that is restarted under a legacy client", () => {
  it("is waited for, and its changed tools are announced", async () => {
    await using server = await eraServer("modern");
    await using holdfast = await startHoldfast(server.url);
    await using session = await askedClient(holdfast.url);
    await announceUntilHeard(session);
    const heard = session.changes.filter((change) => change === "tools").length;
    await server.kill();
    const call = session.call("echo", { text: "while away" });
    await server.start();
    assert.equal(await call, "modern: while away");
    await session.changed("tools", heard + 1);
  });

  it("may or may not have run a call that it died in, and the client is told so", async () => {
    await using server = await eraServer("modern");
    await using holdfast = await startHoldfast(server.url);
    await using session = await askedClient(holdfast.url);
    const call = session.call("wait", { ms: 60_000, mark: "lost" });
    const failed = assert.rejects(call, /may or may not have run/);
    while (!(await session.call("seen")).includes("began lost"));
    await server.restart();
    await failed;
    assert.equal(await session.call("echo", { text: "after" }), "modern: after");
  });

  it("runs a call again that is safe to repeat, and the client gets one answer", async () => {
    await using server = await eraServer("modern");
    await using holdfast = await startHoldfast(server.url, { args: ["--trusted"] });
    await using session = await askedClient(holdfast.url);
    const call = session.call("wait_safely", { ms: 1_500, mark: "again" });
    while (!(await session.call("seen")).includes("began again"));
    await server.restart();
    assert.equal(await call, "Waited for again.");
  });

  it("gets an answer that its user gave while it was away", async () => {
    await using server = await eraServer("modern");
    await using holdfast = await startHoldfast(server.url);
    await using session = await askedClient(holdfast.url, async () => {
      await server.kill();
      void server.start();
      return { action: "accept", content: { name: "patient" } };
    });
    assert.equal(await session.call("ask_name"), "Hello, patient!");
  });
});
