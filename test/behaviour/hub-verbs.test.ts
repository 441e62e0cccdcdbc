// The hub's connectors through its REST interface: what a verb says is so, for the client, for the server, over a reload and over a SIGKILL.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hub, startHub } from "../support/hub.ts";
import { httpServer, openHubStage } from "./hub-stage.ts";
import { connect, errorCode, eventually, toolText } from "./recovery-scene.ts";

const timeout = 90_000;

const wantedOf = async (hub: Hub, name = "one") => (await hub.api("GET", `/connectors/${name}`)).body["wanted"];

describe("disconnect", { timeout }, () => {
  it("ends the sessions on both sides, tells clients the cause, and holds over a reload and a SIGKILL", async () => {
    await using stage = await openHubStage();
    const { hub, endpoint } = stage;
    const client = await connect(endpoint);
    assert.equal(toolText(await client.call("count")), "1");
    assert.equal((await hub.api("POST", "/connectors/one/disconnect")).body["wanted"], "disconnected");
    assert.equal((await stage.state()).sessions.count, 0);
    assert.equal(errorCode(await client.call("count")), "CONNECTOR_DISCONNECTED");
    assert.equal((await hub.api("GET", "/connectors/one/sessions")).text, '{"sessions":[]}');
    await hub.restart();
    assert.equal(await wantedOf(hub), "disconnected");
    assert.equal(errorCode(await client.call("count")), "CONNECTOR_DISCONNECTED");
    await hub.api("POST", "/connectors/one/connect");
    await hub.until("one", "connected");
    assert.equal(errorCode(await client.call("count")), "UNKNOWN_SESSION");
    assert.equal(toolText(await (await connect(endpoint)).call("count")), "2");
  });

  it("answers a call that waits for the server at once, with an error that says whether it ran", async () => {
    await using stage = await openHubStage();
    const client = await connect(stage.endpoint);
    const slow = client.call("slow", { ms: 60_000 });
    await eventually(
      async () => ((await stage.state()).requests.at(-1)?.method === "tools/call" ? true : undefined),
      "the call",
    );
    const begun = performance.now();
    await stage.hub.api("POST", "/connectors/one/disconnect");
    const answer = await slow;
    assert.equal(errorCode(answer), "OUTCOME_UNKNOWN", answer.text);
    assert.ok(performance.now() - begun < 10_000);
  });

  it("ends a client's open stream", async () => {
    await using stage = await openHubStage();
    const client = await connect(stage.endpoint);
    const stream = await client.listen();
    await stage.hub.api("POST", "/connectors/one/disconnect");
    await stream.ended;
  });
});

describe("a restart of the hub", { timeout }, () => {
  it("keeps every session of a connected connector", async () => {
    await using stage = await openHubStage();
    const client = await connect(stage.endpoint);
    assert.equal(toolText(await client.call("count")), "1");
    await stage.hub.restart();
    assert.equal(toolText(await client.call("count")), "2");
    // The hub's own question whether the server lives has a session of its own, which it ends.
    await eventually(async () => ((await stage.state()).sessions.count === 1 ? true : undefined), "one session");
  });
});

describe("remove", { timeout }, () => {
  it("forgets everything: a connector of the same name and URL begins with a new session", async () => {
    await using stage = await openHubStage();
    const { hub, endpoint } = stage;
    const client = await connect(endpoint);
    await client.call("count");
    assert.equal((await hub.api("DELETE", "/connectors/one")).status, 204);
    assert.equal((await stage.state()).sessions.count, 0);
    assert.equal((await client.call("count")).status, 404);
    assert.equal((await hub.api("GET", "/connectors/one")).status, 404);
    await hub.addLocal("one", httpServer(stage.chaos));
    await hub.until("one", "connected");
    assert.equal(errorCode(await client.call("count")), "UNKNOWN_SESSION");
    assert.deepEqual((await hub.api("GET", "/connectors/one/exchanges")).body["restores"], []);
    assert.equal(toolText(await (await connect(endpoint)).call("count")), "2");
  });

  it("in the middle of a restore answers who waits at once, and ends the session that the server opens for it", async () => {
    await using stage = await openHubStage();
    const { hub, order } = stage;
    const client = await connect(stage.endpoint);
    await client.call("count");
    await order({ do: "forget", as: "404-json" });
    await order({ do: "delay", ms: 2_000, methods: ["initialize"] });
    const before = await stage.state();
    let answeredMs = 0;
    const waiting = client.call("count").finally(() => (answeredMs = performance.now()));
    await eventually(
      async () => ((await stage.state()).received.initialize > before.received.initialize ? true : undefined),
      "the restore's initialize",
    );
    const begunMs = performance.now();
    assert.equal((await hub.api("DELETE", "/connectors/one")).status, 204);
    assert.equal(errorCode(await waiting), "CONNECTOR_DISCONNECTED");
    assert.ok(answeredMs - begunMs < 1_500, `${answeredMs - begunMs} ms`);
    const { sessions } = await eventually(async () => {
      const state = await stage.state();
      const news = state.requests.slice(before.requests.length);
      return news.some(({ http, status }) => http === "DELETE" && status === 200) ? state : undefined;
    }, "the end of the session that was to be the new one");
    assert.equal(sessions.count, 0);
  });

  it("of the demo holds over a restart", async () => {
    await using hub = await startHub();
    await hub.until("demo", "connected");
    assert.equal((await hub.api("DELETE", "/connectors/demo")).status, 204);
    await hub.restart();
    assert.deepEqual((await hub.api("GET", "/connectors")).body, { connectors: [] });
  });
});

describe("edit", { timeout }, () => {
  it("needs the ETag of what was read, and refuses one that is old", async () => {
    await using stage = await openHubStage();
    const { hub } = stage;
    const first = await hub.api("GET", "/connectors/one");
    const etag = first.headers.get("etag") ?? "";
    const change = { options: { trusted: true } };
    assert.equal((await hub.api("PATCH", "/connectors/one", change)).body["code"], "IF_MATCH_REQUIRED");
    const changed = await hub.api("PATCH", "/connectors/one", change, { "if-match": etag });
    assert.equal((changed.body["options"] as { trusted: boolean }).trusted, true);
    const late = await hub.api("PATCH", "/connectors/one", { options: { trusted: false } }, { "if-match": etag });
    assert.deepEqual([late.status, late.body["code"]], [412, "CONNECTOR_CHANGED"]);
    assert.equal((await hub.api("DELETE", "/connectors/one", undefined, { "if-match": etag })).status, 412);
    assert.equal((await hub.api("POST", "/connectors/one/disconnect", undefined, { "if-match": etag })).status, 412);
  });

  it("of an option goes on with the sessions, and lets what is in flight finish", async () => {
    await using stage = await openHubStage();
    const { hub } = stage;
    const client = await connect(stage.endpoint);
    const slow = client.call("slow", { ms: 600 });
    await eventually(
      async () => ((await stage.state()).requests.at(-1)?.method === "tools/call" ? true : undefined),
      "the call",
    );
    const etag = (await hub.api("GET", "/connectors/one")).headers.get("etag") ?? "";
    const change = { options: { trusted: true } };
    assert.equal((await hub.api("PATCH", "/connectors/one", change, { "if-match": etag })).status, 200);
    assert.equal(toolText(await client.call("count")), "1");
    assert.equal((await slow).status, 200);
    assert.equal((await stage.state()).sessions.count, 1);
  });
});

describe("break", { timeout }, () => {
  it("lets the next call of one session meet a real loss, and shows how it heals step by step", async () => {
    await using stage = await openHubStage();
    const { hub } = stage;
    const client = await connect(stage.endpoint);
    const other = await connect(stage.endpoint);
    await client.call("count");
    await other.call("count");
    const { body } = await hub.api("GET", "/connectors/one/sessions");
    const [session] = body["sessions"] as readonly { readonly session: string }[];
    const broken = await hub.api("POST", `/connectors/one/sessions/${session?.session}/break`);
    assert.deepEqual([broken.status, broken.body["broken"]], [202, true]);
    assert.equal(toolText(await client.call("count")), "3");
    assert.equal(toolText(await other.call("count")), "4");
    const { restores } = (await hub.api("GET", "/connectors/one/exchanges")).body as {
      restores: readonly { outcome: string; steps: readonly { step: string; status?: number; atMs: number }[] }[];
    };
    assert.equal(restores.length, 1);
    const steps =
      restores[0]?.steps.map(({ step, status }) => (status === undefined ? step : `${step} ${status}`)) ?? [];
    const order = ["call", "refused 404", "initialize 200", "saved", "replay 200", "answer 200"];
    assert.deepEqual(
      steps.filter((step) => order.includes(step)),
      order,
    );
    assert.ok((await stage.state()).sessions.count <= 2);
  });
});

describe("many connectors", { timeout }, () => {
  it("are each themselves: one that is dead delays no other, and says what stands in the way", async () => {
    await using stage = await openHubStage();
    const { hub } = stage;
    await hub.addLocal("dead", { kind: "http", url: "http://127.0.0.1:1/mcp", wire: "auto" });
    const dead = await hub.until("dead", "unreachable");
    assert.equal((dead["status"] as { errorCode: string }).errorCode, "UPSTREAM_REFUSED_CONNECTION");
    assert.ok((dead["status"] as { nextTryAt?: string }).nextTryAt !== undefined);
    assert.equal(toolText(await (await connect(stage.endpoint)).call("count")), "1");
    const ready = async (name: string) => (await fetch(`${hub.url}/readyz?connector=${name}`)).status;
    assert.deepEqual([await ready("one"), await ready("dead"), await ready("none")], [200, 503, 404]);
  });
});
