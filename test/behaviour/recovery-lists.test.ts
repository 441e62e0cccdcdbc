// What each kind of list makes of an upgrade: the client is told of what changed, and of nothing else.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect, type Message, openScene, type Scene, toolText } from "./recovery-scene.ts";

const forget = (scene: Scene) => scene.order({ do: "forget", as: "404-json" });
const isMethod = (method: string) => (message: Message) => message["method"] === method;

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
