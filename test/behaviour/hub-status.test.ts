// The truth of a hub's status, live: what was seen, when it shows, and that listeners hear of each change without asking; and settings that count at once.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hub, startHub } from "../support/hub.ts";
import { shellOn } from "../support/hub-shell.ts";
import { openHubStage } from "./hub-stage.ts";
import { connect, errorCode, eventually, type Message, toolText } from "./recovery-scene.ts";

const timeout = 60_000;

type Event = Message & { readonly type: string };

/** Everything that GET /events sends, until it is closed. */
async function listen(hub: Hub, query = ""): Promise<{ readonly events: readonly Event[] } & Disposable> {
  const ending = new AbortController();
  const headers = { authorization: `Bearer ${hub.adminToken()}` };
  const answer = await fetch(`${hub.url}/api/v1/events${query}`, { headers, signal: ending.signal });
  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  const events: Event[] = [];
  void read(answer, events).catch(() => undefined);
  await eventually(() => events.find(({ type }) => type === "snapshot"), "the snapshot");
  return { events, [Symbol.dispose]: () => ending.abort() };
}

async function read(answer: Response, events: Event[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of answer.body ?? []) {
    const frames = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data !== undefined) events.push(JSON.parse(data) as Event);
    }
  }
}

type StatusView = Message & { readonly kind: string };
const statusOf = (event: Message): StatusView => (event["connector"] as Message)["status"] as StatusView;
const kinds = (events: readonly Event[]) =>
  events.filter(({ type }) => type === "connector").map((event) => statusOf(event).kind);

describe("the status of a connector", { timeout }, () => {
  it("stays connected through a restore of less than a second, and listeners are told nothing else", async () => {
    await using stage = await openHubStage();
    using heard = await listen(stage.hub);
    const client = await connect(stage.endpoint);
    await client.call("count");
    await stage.order({ do: "forget", as: "404-json" });
    assert.equal(toolText(await client.call("count")), "2");
    await eventually(() => heard.events.find(restored), "the restore");
    await client.call("count");
    // News of the same kind may still be on their way.
    assert.deepEqual(
      kinds(heard.events).filter((kind) => kind !== "connected"),
      [],
    );
  });

  it("turns to recovering once a trouble has lasted a second, with the next try, and back when the server answers", async () => {
    await using stage = await openHubStage();
    using heard = await listen(stage.hub);
    const client = await connect(stage.endpoint);
    await stage.order({ do: "refuse", ms: 4_000 });
    const begunMs = Date.now();
    const waiting = client.call("count");
    const isRecovering = (event: Event) => event.type === "connector" && statusOf(event).kind === "recovering";
    const told = statusOf(await eventually(() => heard.events.find(isRecovering), "recovering"));
    const tookMs = Date.now() - begunMs;
    assert.ok(tookMs >= 900, `${tookMs} ms`);
    assert.ok(Math.abs(Date.parse(String(told["since"])) - begunMs) < 900, "since the trouble began");
    assert.ok(Date.parse(String(told["lastGoodAt"])) <= Date.now());
    assert.equal(told["errorCode"], "UPSTREAM_REFUSED_CONNECTION");
    assert.equal(toolText(await waiting), "1");
    await stage.hub.until("one", "connected");
    await eventually(() => (kinds(heard.events).at(-1) === "connected" ? true : undefined), "told of it");
  });

  it("says that a sign-in is needed as soon as the server says so, and what to do", async () => {
    await using stage = await openHubStage();
    await stage.order({ do: "answer", status: 401, body: "who are you", times: 1_000 });
    const client = await connect(stage.endpoint).catch(() => undefined);
    await client?.call("count");
    await stage.hub.api("POST", "/connectors/one/test");
    const status = (await stage.hub.until("one", "needs-sign-in"))["status"] as StatusView;
    assert.equal(status["errorCode"], "AUTHORIZATION_REQUIRED");
    assert.match(String(status["action"]), /Authorization/);
    assert.equal((status["lastAnswer"] as Message)["status"], 401);
    const tested = await shellOn(stage.hub.dataDir).run("test", "one");
    assert.equal(tested.status, 3, tested.stderr);
  });
});

const restored = (event: Event) =>
  event.type === "restore" && (event["restore"] as Message)["outcome"] === "restored" ? event : undefined;

describe("a listener", { timeout }, () => {
  it("hears of each session, exchange and change as it happens, of one connector alone if it asks for that", async () => {
    await using stage = await openHubStage();
    const { hub } = stage;
    using all = await listen(hub);
    using one = await listen(hub, "?connector=one");
    const client = await connect(stage.endpoint);
    await client.call("echo", { text: "x" });
    const sh = shellOn(hub.dataDir);
    await sh.json("add", "two", stage.chaos.url);
    await hub.until("two", "connected");
    await hub.api("POST", "/connectors/two/disconnect");
    await fetch(stage.endpoint, { method: "DELETE", headers: client.headers });
    const of = (type: string, fits: (event: Event) => boolean = () => true) =>
      eventually(() => all.events.find((event) => event.type === type && fits(event)), type);
    const opened = (await of("session"))["session"] as Message;
    assert.deepEqual([opened["connector"], opened["status"], opened["generation"]], ["one", "operating", 1]);
    await of("exchange", ({ exchange }) => (exchange as Message)["jsonrpc_method"] === "tools/call");
    const two = (event: Event) => (event["connector"] as Message)["name"] === "two";
    await of("connector", (event) => two(event) && statusOf(event).kind === "connected");
    await of("connector", (event) => two(event) && statusOf(event).kind === "disconnected");
    await hub.api("DELETE", "/connectors/two");
    assert.equal((await of("connector-removed"))["name"], "two");
    assert.equal((await of("session-ended"))["session"], opened["session"]);
    await eventually(() => one.events.find(({ type }) => type === "session-ended"), "its own");
    assert.ok(!JSON.stringify(one.events.slice(1)).includes('"two"'), "nothing of the other");
  });
});

describe("PATCH /settings", { timeout }, () => {
  it("counts at once: fewer exchanges are kept, and silent servers are asked more often", async () => {
    await using stage = await openHubStage();
    const { hub } = stage;
    const client = await connect(stage.endpoint);
    for (let call = 0; call < 30; call += 1) await client.call("echo", { text: "x" });
    const kept = async () =>
      ((await hub.api("GET", "/connectors/one/exchanges")).body["exchanges"] as readonly object[]).length;
    assert.ok((await kept()) >= 30);
    const changed = await hub.api("PATCH", "/settings", { keepExchanges: 0, probeIntervalMs: 100 });
    assert.deepEqual([changed.body["keepExchanges"], changed.body["probeIntervalMs"]], [0, 100]);
    assert.equal(await kept(), 0);
    assert.equal((await hub.api("GET", "/settings")).body["probeIntervalMs"], 100);
    // Nobody calls: only a probe can find out.
    await stage.order({ do: "refuse", ms: 8_000 });
    await hub.until("one", "recovering", 8_000);
  });

  it("refuses what is no setting, names the field, and lets no user but an admin", async () => {
    await using hub = await startHub({ args: ["--no-demo"] });
    for (const [body, path] of [
      [{ keepExchanges: -1 }, "keepExchanges"],
      [{ probeIntervalMs: 1.5 }, "probeIntervalMs"],
      [{ keepBodyBytes: "much" }, "keepBodyBytes"],
    ] as const) {
      const refused = await hub.api("PATCH", "/settings", body);
      const [error] = refused.body["errors"] as readonly Message[];
      assert.deepEqual([refused.status, error?.["path"]], [400, path]);
    }
    assert.equal((await hub.api("PATCH", "/settings", { dataDir: "/x" })).status, 400);
    const { body } = await hub.api("POST", "/tokens", { user: "ann" });
    const authorization = `Bearer ${String(body["secret"])}`;
    assert.equal((await hub.api("PATCH", "/settings", {}, { authorization })).status, 403);
  });
});

describe("sessions that wait for their clients since the hub's start", { timeout }, () => {
  it("are listed as stored, with what is known of them, and can be ended on both sides", async () => {
    await using stage = await openHubStage();
    const { hub } = stage;
    const made = await hub.api("POST", "/tokens", { user: "ann" });
    const headers = { authorization: `Bearer ${String(made.body["secret"])}` };
    const returning = await connect(stage.endpoint, { headers });
    const leaving = await connect(stage.endpoint);
    assert.equal(toolText(await returning.call("count")), "1");
    const sessions = async () =>
      (await hub.api("GET", "/connectors/one/sessions")).body["sessions"] as readonly Message[];
    const before = await sessions();
    const mine = before.find(({ user }) => user === "ann");
    assert.ok(Date.parse(String(mine?.["lastGoodAt"])) > 0, "its last good exchange is known");
    await hub.restart();
    await hub.until("one", "connected");
    const stored = await sessions();
    assert.deepEqual(
      stored.map(({ status }) => status),
      ["stored", "stored"],
    );
    const same = ({ session, user, clientName, protocolVersion, generation, openedAt }: Message) => ({
      session,
      user,
      clientName,
      protocolVersion,
      generation,
      openedAt,
    });
    const sorted = (all: readonly Message[]) =>
      all.map(same).sort((a, b) => (String(a.session) < String(b.session) ? -1 : 1));
    assert.deepEqual(sorted(stored), sorted(before));
    assert.match((await shellOn(hub.dataDir).run("sessions", "one")).stdout, /stored/);
    assert.equal(toolText(await returning.call("count")), "2");
    const now = await sessions();
    assert.equal(now.find(({ session }) => session === mine?.["session"])?.["status"], "operating");
    const other = now.find(({ status }) => status === "stored");
    assert.equal((await hub.api("DELETE", `/connectors/one/sessions/${String(other?.["session"])}`)).status, 204);
    assert.equal((await sessions()).length, 1);
    assert.equal(errorCode(await leaving.call("count")), "UNKNOWN_SESSION");
    const state = (await (await fetch(stage.chaos.controlUrl)).json()) as { sessions: { count: number } };
    assert.equal(state.sessions.count, 1);
  });
});

describe("the demo", { timeout }, () => {
  it("shows where its server is, like every other connector", async () => {
    await using hub = await startHub();
    await hub.until("demo", "connected");
    assert.match(
      (await shellOn(hub.dataDir).run("list")).stdout,
      /^demo +connected +\d+ s +0 +http:\/\/127\.0\.0\.1:\d+$/m,
    );
  });
});
