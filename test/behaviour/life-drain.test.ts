// The end of Holdfast on request: what SIGTERM and Ctrl-C let finish, what they refuse, and how long they may take.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { describe, it } from "node:test";
import { open } from "../support/raw-client.ts";
import { connect, errorCode, eventually, openScene, type RawClient, type Scene, toolText } from "./recovery-scene.ts";

const timeout = 30_000;

/** A call that keeps the server busy for that long, once it has arrived there. Wrapped, so that to await its start is not to await its answer. */
async function startSlowCall(scene: Scene, client: RawClient, ms: number) {
  const answer = client.call("slow", { ms });
  // A test that ends early must not leave a rejection behind.
  answer.catch(() => {});
  await scene.stateWhen(({ requests }) => requests.at(-1)?.method === "tools/call", "the call is at the server");
  return { answer };
}

function isRefusedAsShuttingDown({ status, error }: Awaited<ReturnType<RawClient["call"]>>): boolean {
  return status === 503 && error?.data?.["code"] === "SHUTTING_DOWN";
}

describe("SIGTERM", { timeout }, () => {
  it("lets a call in flight have its answer, and refuses new ones meanwhile as SHUTTING_DOWN", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const late = await connect(scene.holdfast.url);
    const inFlight = await startSlowCall(scene, client, 900);
    const stopped = scene.holdfast.stop();
    const refused = await eventually(async () => {
      const answer = await late.call("echo", { text: "early enough" });
      return isRefusedAsShuttingDown(answer) ? answer : undefined;
    }, "new calls are refused");
    assert.equal(refused.headers.get("connection"), "close");
    assert.equal(toolText(await inFlight.answer), "waited 900 ms");
    assert.equal(await stopped, 0);
    assert.equal((await scene.state()).sessions.count, 2, "the sessions are kept for the next start");
  });

  it("keeps every session for the next start", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("count");
    assert.equal(await scene.holdfast.stop(), 0);
    await scene.holdfast.restart();
    assert.equal(toolText(await client.call("count")), "2");
    assert.equal((await scene.state()).received.initialize, 1);
  });

  it("ends GET streams cleanly and does not wait for them", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const headers = { ...client.headers, accept: "text/event-stream" };
    const stream = await open(scene.holdfast.url, { method: "GET", headers });
    await scene.stateWhen(({ sessions }) => sessions.list[0]?.getOpen === true, "the stream is open");
    const startedMs = performance.now();
    assert.equal(await scene.holdfast.stop(), 0);
    assert.ok(performance.now() - startedMs < 5_000);
    await stream.ended;
    assert.equal(stream.stream.complete, true, "the stream ended with its last chunk");
  });

  it("ends a GET stream that was still being opened", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await scene.order({ do: "delay", ms: 500, methods: ["GET"] });
    const headers = { ...client.headers, accept: "text/event-stream" };
    const opening = open(scene.holdfast.url, { method: "GET", headers });
    await scene.stateWhen(({ requests }) => requests.at(-1)?.http === "GET", "the GET is at the server");
    const startedMs = performance.now();
    assert.equal(await scene.holdfast.stop(), 0);
    assert.ok(performance.now() - startedMs < 5_000);
    const stream = await opening;
    await stream.ended;
    assert.equal(stream.stream.complete, true);
  });

  it("does not wait for connections that clients keep open", async () => {
    await using scene = await openScene();
    const agent = new Agent({ keepAlive: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    request(`${new URL(scene.holdfast.url).origin}/healthz`, { agent }, (response) => {
      response.resume().once("end", resolve);
    }).end();
    await promise;
    const startedMs = performance.now();
    assert.equal(await scene.holdfast.stop(), 0);
    assert.ok(performance.now() - startedMs < 5_000);
    agent.destroy();
  });
});

describe("a drain that takes longer than --drain-timeout", { timeout }, () => {
  it("answers a call at the server with OUTCOME_UNKNOWN and exits 0", async () => {
    await using scene = await openScene({ args: ["--drain-timeout", "0.3"] });
    const client = await connect(scene.holdfast.url);
    const inFlight = await startSlowCall(scene, client, 20_000);
    const startedMs = performance.now();
    assert.equal(await scene.holdfast.stop(), 0);
    assert.ok(performance.now() - startedMs < 5_000);
    assert.equal(errorCode(await inFlight.answer), "OUTCOME_UNKNOWN");
  });

  it("answers a call that waits for the server with what it waited for, and exits 0", async () => {
    await using scene = await openScene({ args: ["--drain-timeout", "0.3"] });
    const client = await connect(scene.holdfast.url);
    await scene.order({ do: "refuse", ms: 20_000 });
    const waiting = { answer: client.call("count") };
    await eventually(
      async () => (await metric(scene, "holdfast_requests_in_flight")) >= 2 || undefined,
      "the call waits",
    );
    const startedMs = performance.now();
    assert.equal(await scene.holdfast.stop(), 0);
    assert.ok(performance.now() - startedMs < 5_000);
    assert.equal(errorCode(await waiting.answer), "UPSTREAM_REFUSED_CONNECTION");
  });
});

async function metric(scene: Scene, name: string): Promise<number> {
  const response = await fetch(`${new URL(scene.holdfast.url).origin}/metrics`);
  return Number(new RegExp(`^${name} (.+)$`, "m").exec(await response.text())?.[1] ?? 0);
}

describe("other signals", { timeout }, () => {
  it("end Holdfast at once when they come a second time", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const inFlight = await startSlowCall(scene, client, 20_000);
    const exit = scene.holdfast.stop();
    await eventually(async () => {
      const answer = await fetch(`${new URL(scene.holdfast.url).origin}/healthz`);
      await answer.text();
      return answer.status === 503 || undefined;
    }, "the drain has begun");
    process.kill(scene.holdfast.pid(), "SIGTERM");
    assert.equal(await exit, 130);
    await assert.rejects(inFlight.answer);
  });

  it("drain as well when they are a Ctrl-C", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    const inFlight = await startSlowCall(scene, client, 400);
    process.kill(scene.holdfast.pid(), "SIGINT");
    assert.equal(toolText(await inFlight.answer), "waited 400 ms");
    assert.equal(await scene.holdfast.exited(), 0);
  });
});
