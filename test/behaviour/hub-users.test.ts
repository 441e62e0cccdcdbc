// Who it was: each line of the hub's log names the user of the token, on every wire and for the REST interface, and what was refused with its code.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Hub, startHub } from "../support/hub.ts";
import { connectWebSocket, openSse, type WireClient } from "../support/wire-clients.ts";
import { connect, eventually, type Message } from "./recovery-scene.ts";

const timeout = 60_000;
let hub: Hub;
let headers: { readonly authorization: string };
before(async () => {
  hub = await startHub({ args: ["--require-token"] });
  await hub.until("demo", "connected");
  const { body } = await hub.api("POST", "/tokens", { user: "ann" });
  headers = { authorization: `Bearer ${String(body["secret"])}` };
});
after(() => hub[Symbol.asyncDispose]());

const line = (fits: (line: Message) => boolean): Promise<Message> =>
  eventually(() => {
    const lines = hub
      .output()
      .split("\n")
      .filter((text) => text.startsWith("{"));
    return lines.map((text) => JSON.parse(text) as Message).findLast(fits);
  }, "the line");

describe("a client of each wire", { timeout }, () => {
  const base = () => `${hub.url}/c/demo`;
  const wires: readonly (readonly [string, string, () => Promise<WireClient>])[] = [
    ["HTTP+SSE", "POST", () => openSse(`${base()}/sse`, { headers })],
    ["WebSocket", "WS", () => connectWebSocket(`${base().replace("http", "ws")}/ws`, { headers })],
    [
      "WebSocket at the Streamable HTTP path",
      "WS",
      () => connectWebSocket(`${base().replace("http", "ws")}/mcp`, { headers }),
    ],
  ];
  for (const [wire, method, open] of wires) {
    it(`is served on ${wire}, and named by its user in the log and in the list of sessions`, async () => {
      await using client = await open();
      await client.initialize();
      const id = `${wire}-1`;
      assert.match(await client.ask(id, "tools/call", { name: "echo", arguments: { text: "over it" } }), /over it/);
      const { user_id, connector, session_id, http_method } = await line(
        ({ jsonrpc_id }) => jsonrpc_id === id || jsonrpc_id === JSON.stringify(id),
      );
      assert.deepEqual([user_id, connector, http_method], ["ann", "demo", method]);
      const { body } = await hub.api("GET", "/connectors/demo/sessions");
      const session = (body["sessions"] as readonly Message[]).find((one) => one["session"] === session_id);
      assert.equal(session?.["user"], "ann");
    });
  }

  it("is named on Streamable HTTP too", async () => {
    const client = await connect(`${base()}/mcp`, { headers });
    await client.call("echo", { text: "x" }, 4_711);
    const { user_id, session_id } = await line(({ jsonrpc_id }) => jsonrpc_id === "4711");
    assert.equal(user_id, "ann");
    const { body } = await hub.api("GET", "/connectors/demo/sessions");
    const session = (body["sessions"] as readonly Message[]).find((one) => one["session"] === session_id);
    assert.equal(session?.["user"], "ann");
  });

  it("has a line for its connection when that is over, with the code where it was refused", async () => {
    const url = `${base().replace("http", "ws")}/ws`;
    await (await connectWebSocket(url, { headers }))[Symbol.asyncDispose]();
    const good = await line(({ status, http_method }) => status === 101 && http_method === "GET");
    assert.deepEqual([good["user_id"], good["connector"], good["error_code"]], ["ann", "demo", "-"]);
    await assert.rejects(connectWebSocket(url), /401/);
    const refused = await line(({ error_code, connector }) => error_code === "TOKEN_REQUIRED" && connector === "demo");
    assert.deepEqual([refused["status"], refused["user_id"]], [401, "-"]);
  });
});

describe("the REST interface", { timeout }, () => {
  it("has a line for each request, with the user and the code of what was refused", async () => {
    await hub.api("PATCH", "/settings", {});
    assert.equal((await line(({ http_method }) => http_method === "PATCH"))["user_id"], "admin");
    for (const [method, path, more, expected] of [
      ["GET", "/connectors", headers, ["ann", 403, "ADMIN_REQUIRED"]],
      ["GET", "/connectors", { authorization: undefined }, ["-", 401, "SIGN_IN_REQUIRED"]],
      ["GET", "/connectors/nobody", {}, ["admin", 404, "CONNECTOR_UNKNOWN"]],
      ["GET", "/nowhere", {}, ["-", 404, "PATH_NOT_FOUND"]],
    ] as const) {
      await hub.api(method, path, undefined, more);
      const found = await line(({ error_code }) => error_code === expected[2]);
      assert.deepEqual([found["user_id"], found["status"], found["error_code"]], expected);
    }
  });
});
