// A server that comes back from a loss as another version: fewer tools, or an older protocol, to a client that keeps its own.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect, errorCode, forget, newest, openScene, toolText, upToNow } from "./recovery-scene.ts";

describe("a server that came back as another version", () => {
  it("answers TOOL_VANISHED for a tool that it no longer has, and the call is not sent to it", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("count", { key: "before" });
    await scene.order({ do: "version", server: "2.0.0" });
    await scene.order({ do: "tools", remove: ["count"] });
    await forget(scene);
    const got = await client.call("count", { key: "after" }, 400);
    assert.equal(errorCode(got), "TOOL_VANISHED", got.text);
    assert.equal(got.error?.data?.["executed"], "no");
    const { requests } = await scene.state();
    assert.deepEqual(
      requests.filter(({ id }) => id === 400).map(({ status }) => status),
      [404],
    );
    assert.equal(toolText(await client.call("echo", { text: "still there" })), "still there");
  });

  it("runs a call of a tool that it still has", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "version", server: "2.0.0" });
    await scene.order({ do: "tools", remove: ["slow"] });
    await forget(scene);
    assert.equal(toolText(await client.call("count", { key: "after" })), "1");
  });

  for (const [offered, now] of [
    [["2025-06-18"], "2025-06-18"],
    [["2025-03-26"], "2025-03-26"],
  ] as const) {
    it(`is spoken to in its own protocol version (${now}) while the client keeps 2025-11-25`, async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      const listener = await client.listen();
      await client.request("logging/setLevel", { level: "error" });
      await scene.order({ do: "protocol", versions: offered });
      await forget(scene);
      assert.equal(toolText(await client.call("count", { key: "after" })), "1");
      assert.equal(client.headers["mcp-protocol-version"], "2025-11-25");
      const session = newest(await scene.state());
      assert.equal(session?.protocolVersion, now);
      assert.equal(session.logLevel, "error");
      assert.deepEqual(await upToNow(scene, listener), []);
      listener.close();
    });
  }

  it("is asked anew where it refuses the protocol version of a session that it still holds", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "protocol", versions: ["2025-06-18"] });
    assert.equal(toolText(await client.call("count", { key: "after" })), "1");
    assert.equal((await scene.state()).received.initialize, 2);
  });
});
