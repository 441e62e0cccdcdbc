// The inspector's bodies: none unless somebody switches them on for a connector, then bounded, without a secret, on every wire, and gone when it is switched off.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { WebSocket } from "ws";
import { type Chaos, startChaos } from "../../src/chaos/index.ts";
import { type Hub, startHub } from "../support/hub.ts";
import { shellOn } from "../support/hub-shell.ts";
import { type ChaosState, connect, eventually, type Message } from "./recovery-scene.ts";

const timeout = 60_000;
let hub: Hub;
let chaos: Chaos;
let userToken = "";
before(async () => {
  chaos = await startChaos();
  hub = await startHub({ args: ["--no-demo"] });
  const url = `${chaos.url}?key=canary-query`;
  const more = { headers: { "X-Api-Key": "canary-header", Authorization: "Bearer canary-credential" } };
  await hub.addLocal("one", { kind: "http", url, wire: "auto" }, more);
  await hub.until("one", "connected");
  userToken = String((await hub.api("POST", "/tokens", { user: "ann" })).body["secret"]);
});
after(async () => {
  await hub[Symbol.asyncDispose]();
  await chaos.close();
});

interface Kept {
  readonly request?: { readonly text: string; readonly bytes: number; readonly isCut: boolean };
  readonly answer?: { readonly text: string; readonly bytes: number; readonly isCut: boolean };
}
interface Listed {
  readonly exchanges: readonly { readonly seq: number; readonly hasBodies?: true; readonly jsonrpc_method: string }[];
}

const list = async () => (await hub.api("GET", "/connectors/one/exchanges?limit=1000")).body as unknown as Listed;
const turn = (keepBodies: boolean) => hub.api("PATCH", "/connectors/one/inspector", { keepBodies });
const kept = async (seq: number) =>
  (await hub.api("GET", `/connectors/one/exchanges/${seq}/bodies`)).body as unknown as Kept;
const serverIds = async () => {
  const state = (await (await fetch(chaos.controlUrl)).json()) as ChaosState;
  return state.sessions.list.map(({ id }) => id);
};
const open = () => connect(`${hub.url}/c/one/mcp`, { headers: { authorization: `Bearer ${userToken}` } });
const isOn = async () => (await hub.api("GET", "/connectors/one")).body["keepsBodies"];
const lastCall = async (count = 1) => {
  const of = (all: Listed) => all.exchanges.filter(({ jsonrpc_method: method }) => method === "tools/call");
  return eventually(async () => of(await list()).at(-count), "the call");
};

describe("bodies", { timeout }, () => {
  it("are not kept unless somebody switches them on, and then for that connector alone", async () => {
    const client = await open();
    await client.call("echo", { text: "before" });
    assert.equal(await isOn(), false);
    const before = await lastCall();
    assert.equal(before.hasBodies, undefined);
    assert.equal((await hub.api("GET", `/connectors/one/exchanges/${before.seq}/bodies`)).body["code"], "NOT_THERE");
    assert.equal((await turn(true)).status, 204);
    assert.equal(await isOn(), true);
    await client.call("echo", { text: "seen" });
    const call = await eventually(async () => ((await lastCall()).hasBodies ? lastCall() : undefined), "its bodies");
    const { request, answer } = await kept(call.seq);
    const asked = JSON.parse(request?.text ?? "") as Message;
    assert.deepEqual(asked["params"], { name: "echo", arguments: { text: "seen" } });
    assert.equal(request?.isCut, false);
    assert.match(answer?.text ?? "", /"text":"seen"/);
    await hub.api("POST", "/connectors/one/disconnect");
    assert.equal((await turn(true)).body["code"], "CONNECTOR_DISCONNECTED");
    await hub.api("POST", "/connectors/one/connect");
    await hub.until("one", "connected");
  });

  it("show no secret of the connector, of the client and of the session", async () => {
    await turn(true);
    const before = await serverIds();
    const client = await open();
    const ids = [client.sessionId, ...(await serverIds()).filter((id) => !before.includes(id))];
    assert.equal(ids.length, 2);
    const words = ["canary-query", "canary-header", "canary-credential", userToken, ...ids];
    const nested = JSON.stringify({ password: "canary-password", seen: "yes" });
    await client.call("echo", { text: `${words.join(" ")} ${nested}`, apiKey: "canary-named" });
    // A secret that stands where the body is cut.
    await client.call("echo", { text: `${"x".repeat(16 * 1024 - 140)}${"canary-header ".repeat(20)}` });
    const calls = [await lastCall(2), await lastCall(1)];
    const texts = await Promise.all(calls.map(async ({ seq }) => JSON.stringify(await kept(seq))));
    assert.match(texts[0] ?? "", /yes/);
    for (const text of texts) {
      assert.ok(!text.includes("canary-h") && !text.includes("canary-"), text.slice(-400));
      for (const id of ids) assert.ok(!text.includes(id));
      assert.ok(!text.includes(userToken));
    }
    const { request } = await kept(calls[1]?.seq ?? 0);
    assert.deepEqual([request?.isCut, (request?.text.length ?? 0) <= 16 * 1024 + 100], [true, true]);
    assert.ok((request?.bytes ?? 0) > 16 * 1024);
  });

  it("are kept of clients on WebSocket too", async () => {
    await turn(true);
    const socket = new WebSocket(`${hub.url.replace("http", "ws")}/c/one/ws`, "mcp");
    await new Promise((resolve) => socket.once("open", resolve));
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "ws", version: "1" } };
    const answered = new Promise((resolve) => socket.once("message", resolve));
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: "ws-1", method: "initialize", params }));
    await answered;
    const ofSocket = async () =>
      (await list()).exchanges.findLast((one) => one.jsonrpc_method === "initialize" && one.hasBodies);
    const { request, answer } = await kept((await eventually(ofSocket, "the exchange")).seq);
    assert.match(request?.text ?? "", /"ws-1"/);
    assert.match(answer?.text ?? "", /"serverInfo"/);
    socket.terminate();
  });

  it("take no more memory than the settings allow, the oldest going first, and none where that is nothing", async () => {
    await turn(true);
    const limit = 100_000;
    assert.equal((await hub.api("PATCH", "/settings", { keepBodyBytes: limit })).body["keepBodyBytes"], limit);
    const client = await open();
    for (let call = 0; call < 12; call += 1) await client.call("echo", { text: "y".repeat(8_000) });
    const all = (await list()).exchanges;
    const sizes = await Promise.all(
      all.filter(({ hasBodies }) => hasBodies).map(async ({ seq }) => JSON.stringify(await kept(seq)).length * 2),
    );
    assert.ok(sizes.length > 0 && sizes.reduce((a, b) => a + b) < limit * 1.1, sizes.join());
    assert.equal(all.at(-1)?.hasBodies, true);
    await hub.api("PATCH", "/settings", { keepBodyBytes: 0 });
    assert.equal(await isOn(), false);
    assert.equal((await turn(true)).body["code"], "BODIES_NOT_KEPT");
    await hub.api("PATCH", "/settings", { keepBodyBytes: 1_000_000 });
  });

  it("are shown by the shell, switched there as well, and gone with the switch; no log and no file ever holds them", async () => {
    const sh = shellOn(hub.dataDir);
    const on = await sh.run("logs", "one", "--keep-bodies", "on");
    assert.match(on.stderr, /Bodies are kept from now on/);
    const client = await open();
    await client.call("echo", { text: "a word of the body" });
    await lastCall();
    assert.match((await sh.run("logs", "one", "--bodies")).stdout, /^ {4}> \{.*a word of the body.*\n {4}< /m);
    const off = await sh.run("logs", "one", "--keep-bodies", "off", "--bodies");
    assert.ok(!off.stdout.includes("a word of the body"));
    assert.equal(
      (await list()).exchanges.some(({ hasBodies }) => hasBodies),
      false,
    );
    await turn(true);
    await client.call("echo", { text: "a word of the body" });
    await hub.stop();
    assert.ok(!hub.output().includes("a word of the body"));
    for (const name of readdirSync(hub.dataDir))
      assert.ok(!readFileSync(join(hub.dataDir, name)).includes("a word of the body"), name);
    await hub.restart();
    assert.equal(await isOn(), false);
  });
});
