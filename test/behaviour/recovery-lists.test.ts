// What becomes of lists when a session is lost: the client is told of what changed and of nothing else, and a cursor of the lost session is worth nothing.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type ChaosState,
  connect,
  errorCode,
  forget,
  isMethod,
  openScene,
  type RawClient,
  toolText,
  upToNow,
} from "./recovery-scene.ts";

const lists = ["tools/list", "prompts/list", "resources/list"] as const;

describe("list_changed after a restore", () => {
  const readLists = async (client: RawClient) => {
    for (const list of lists) assert.equal((await client.request(list)).status, 200);
  };
  const readAgain = ({ received }: ChaosState) => lists.every((list) => (received.methods[list] ?? 0) >= 2);

  it("comes for the list that differs and for no other", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await readLists(client);
    await scene.order({ do: "tools", add: ["extra"] });
    await forget(scene);
    await client.call("echo", { text: "x" });
    await scene.stateWhen(readAgain, "the lists read again");
    await listener.next(isMethod("notifications/tools/list_changed"));
    assert.deepEqual(await upToNow(scene, listener), ["notifications/tools/list_changed"]);
    listener.close();
  });

  it("does not come where nothing differs", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await readLists(client);
    await scene.order({ do: "version", server: "2.0.0" });
    await forget(scene);
    await client.call("echo", { text: "x" });
    await scene.stateWhen(readAgain, "the lists read again");
    assert.deepEqual(await upToNow(scene, listener), []);
    listener.close();
  });

  it("does not come where the client was not told to expect it", async () => {
    await using scene = await openScene();
    await scene.order({ do: "capabilities", capabilities: { tools: {}, resources: {}, prompts: {} } });
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await readLists(client);
    await scene.order({ do: "tools", add: ["extra"] });
    await forget(scene);
    await client.call("echo", { text: "x" });
    assert.deepEqual(await upToNow(scene, listener), []);
    assert.equal((await scene.state()).received.methods["tools/list"], 1);
    listener.close();
  });

  it("does not come for a list that the client never read", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const listener = await client.listen();
    await client.request("prompts/list");
    await scene.order({ do: "tools", add: ["extra"] });
    await forget(scene);
    await client.call("echo", { text: "x" });
    await scene.stateWhen(({ received }) => received.methods["prompts/list"] === 2, "the list read again");
    assert.deepEqual(await upToNow(scene, listener), []);
    listener.close();
  });
});

describe("list_changed after an upgrade", () => {
  const changed = {
    "prompts/list": { prompts: [{ name: "farewell" }] },
    "resources/list": { resources: [{ uri: "chaos://new", name: "new" }] },
  } as const;

  for (const [list, result] of Object.entries(changed)) {
    it(`comes for ${list} where it differs, and for no other`, async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      const listener = await client.listen();
      for (const each of ["tools/list", "prompts/list", "resources/list"]) await client.request(each);
      await scene.order({ do: "answer", status: 200, methods: [list], body: { jsonrpc: "2.0", id: "$id", result } });
      await forget(scene);
      assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
      await listener.next(isMethod(`notifications/${list.replace("/list", "")}/list_changed`));
      await scene.stateWhen(({ received }) => received.methods["resources/list"] === 2, "the lists read again");
      await scene.order({ do: "notify", what: "message", level: "emergency", data: "now" });
      await listener.next(isMethod("notifications/message"));
      const told = listener.messages.filter(({ method }) => String(method).endsWith("list_changed"));
      assert.equal(told.length, 1);
      listener.close();
    });
  }
});

describe("a list that is continued after a loss", () => {
  it("is CURSOR_LOST with a cursor, and begins anew without", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    for (const list of [...lists, "resources/templates/list"]) {
      await client.call("echo", { text: "in use" });
      await forget(scene);
      const got = await client.request(list, { cursor: "page-2" }, 600);
      assert.equal(errorCode(got), "CURSOR_LOST", got.text);
      await forget(scene);
      assert.notEqual((await client.request(list, {})).result, undefined);
    }
    const { requests } = await scene.state();
    assert.ok(requests.filter(({ id }) => id === 600).every(({ status }) => status === 404));
  });
});
