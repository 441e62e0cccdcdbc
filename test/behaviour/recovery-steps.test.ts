// What a restore sends besides initialize may be sent twice, and is sent until the server has heard it: each of these once meets a broken connection or a gateway.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { connect, eventually } from "./recovery-scene.ts";
import { nameOf, type Seen, sendJson, startUpstream } from "./recovery-upstream.ts";

const troubles: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "a broken connection": (response) => void response.destroy(),
  "502": (response) => void response.writeHead(502).end("<h1>502 Bad Gateway</h1>"),
  "503": (response) => void response.writeHead(503).end(),
};

/** A server that refuses requests before `initialized`, as the Python SDK does, and to which `method` gets once in s2. */
async function startGate(method: string, trouble: (response: ServerResponse) => void) {
  await using resources = new AsyncDisposableStack();
  const ready = new Set<unknown>();
  let met = false;
  const upstream = resources.use(
    await startUpstream((seen: Seen, response) => {
      const { headers, message } = seen;
      const session = headers["mcp-session-id"];
      if (session === "s2" && nameOf(seen) === method && !met) {
        met = true;
        trouble(response);
        return true;
      }
      if (message["method"] === "notifications/initialized") ready.add(session);
      if (message["id"] === undefined || message["method"] === "initialize" || message["method"] === "ping")
        return undefined;
      if (ready.has(session)) return undefined;
      const error = { code: -32602, message: "Invalid request parameters", data: "" };
      return sendJson(response, 200, { jsonrpc: "2.0", id: message["id"], error });
    }),
  );
  const holdfast = resources.use(await startHoldfast(upstream.url));
  const client = await connect(holdfast.url);
  const owned = resources.move();
  return { upstream, holdfast, client, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

for (const [name, trouble] of Object.entries(troubles)) {
  describe(`a restore that meets ${name}`, () => {
    it("at notifications/initialized sends it again before the waiting call", async () => {
      await using stage = await startGate("notifications/initialized", trouble);
      const { upstream, client } = stage;
      await client.request("tools/list");
      upstream.forget("s1");
      for (let calls = 0; calls < 3; calls++) {
        const { error, text } = await client.request("tools/list");
        assert.equal(error, undefined, text);
      }
      assert.equal(upstream.names().filter((one) => one === "initialize").length, 2);
    });

    it("at the log level and at a subscription puts both back all the same", async () => {
      for (const [method, step] of [
        ["logging/setLevel", "log level"],
        ["resources/subscribe", "1 subscriptions"],
      ] as const) {
        await using stage = await startGate(method, trouble);
        const { upstream, holdfast, client } = stage;
        await client.request("logging/setLevel", { level: "debug" });
        await client.request("resources/subscribe", { uri: "chaos://clock" });
        upstream.forget("s1");
        assert.equal((await client.request("tools/list")).error, undefined);
        const sent = upstream.seen.filter(
          ({ headers, message }) => headers["mcp-session-id"] === "s2" && message["method"] === method,
        );
        assert.equal(sent.length, 2, method);
        const restored = await eventually(
          () => holdfast.log().find((line) => line["steps"] !== undefined),
          "the log line of the restore",
        );
        assert.match(String(restored["steps"]), new RegExp(step));
      }
    });
  });
}
