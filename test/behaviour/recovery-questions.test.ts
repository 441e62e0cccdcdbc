// What dies with a lost session: the questions that its server had open, and what a client says about its requests. The new session asks for itself.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type ChaosState,
  connect,
  forget,
  isMethod,
  newest,
  openScene,
  type RawClient,
  type Scene,
  toolText,
} from "./recovery-scene.ts";

describe("a question of the server that was open at the loss", () => {
  const capabilities = { elicitation: {} };
  const response = ({ requests }: ChaosState, session: string | undefined) =>
    requests.filter((one) => one.http === "POST" && one.method === null && one.session === session);

  /** A call that makes the server ask, its question, and how to leave the call. */
  const ask = async (scene: Scene, client: RawClient) => {
    const leave = new AbortController();
    const listener = await client.listen();
    const left = client.request("tools/call", { name: "ask", arguments: {} }, 300, leave.signal).catch(() => "left");
    await scene.stateWhen(({ executions }) => executions["ask"]?.[""] === 1, "the call under way");
    return { leave: () => leave.abort(), left, listener };
  };

  it("is not answered under the new session, whoever finds the loss first", async () => {
    await using scene = await openScene({ chaos: { json: true } });
    const client = await connect(scene.holdfast.url, { capabilities, protocolVersion: "2025-03-26" });
    for (const [restoredBefore, asBatch] of [
      [true, false],
      [false, false],
      [true, true],
      [false, true],
    ] as const) {
      await scene.order({ do: "reset", counts: true });
      const { leave, left, listener } = await ask(scene, client);
      const question = await listener.next(isMethod("elicitation/create"));
      await forget(scene);
      if (restoredBefore) assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
      const answer = { jsonrpc: "2.0", id: question["id"], result: { action: "accept" } };
      const told = await client.post(asBatch ? [answer] : answer);
      assert.equal(told.status, 202, told.text);
      assert.equal(toolText(await client.call("echo", { text: "y" })), "y");
      const state = await scene.state();
      assert.deepEqual(response(state, newest(state)?.id), []);
      leave();
      assert.equal(await left, "left");
      listener.close();
    }
  });

  it("is withdrawn on the client's stream, so that nobody goes on asking", async () => {
    await using scene = await openScene({ chaos: { json: true } });
    const client = await connect(scene.holdfast.url, { capabilities });
    const { leave, left, listener } = await ask(scene, client);
    const question = await listener.next(isMethod("elicitation/create"));
    await forget(scene);
    await client.call("echo", { text: "x" });
    const { params } = await listener.next(isMethod("notifications/cancelled"));
    assert.deepEqual((params as { requestId: unknown }).requestId, question["id"]);
    leave();
    assert.equal(await left, "left");
    listener.close();
  });

  it("does not keep the new session from asking and being answered", async () => {
    await using scene = await openScene({ chaos: { json: true } });
    const client = await connect(scene.holdfast.url, { capabilities });
    await client.call("echo", { text: "in use" });
    const listener = await client.listen();
    await forget(scene);
    const answered = client.call("ask", {});
    const { id } = await listener.next(isMethod("elicitation/create"));
    const content = { answer: "yes" };
    assert.equal((await client.post({ jsonrpc: "2.0", id, result: { action: "accept", content } })).status, 202);
    assert.match(toolText(await answered), /"answer":"yes"/);
    listener.close();
  });

  for (const method of ["notifications/cancelled", "notifications/progress"]) {
    it(`drops ${method} about a request of the lost session`, async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: "in use" });
      await forget(scene);
      assert.equal((await client.notify(method, { requestId: 999, progressToken: 9, progress: 1 })).status, 202);
      assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
      const { requests } = await scene.state();
      assert.deepEqual(
        requests.filter((request) => request.method === method).map(({ status }) => status),
        [404],
      );
    });
  }
});
