// Random schedules of everything that can happen to a session at once, over real sockets: the proxy in this process, in front of a scripted
// server. Each schedule is judged by what the client was told and by what the server remembers.
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import * as fc from "fast-check";
import { type Bridge, startHoldfast } from "../src/index.ts";
import { type Answer, exchange, type Outcome } from "./support/one-exchange.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./support/process.ts";
import { type Schedule, scheduleOf, shared, stopping } from "./support/schedules.ts";
import { ScriptedServer } from "./support/scripted-server.ts";
import { type Open, play, World } from "./support/session-world.ts";
import { countRows } from "./support/stored-rows.ts";

const recoveryWindowMs = 2_000;
/** What reached the socket so shortly before the end may find it closed; on a busy machine it is read that much later. */
const closingMs = 100;

let directory: TemporaryDirectory;

function launch(url: string, trusted: boolean): Promise<Bridge> {
  const logTo = join(directory.path, "log");
  const limits = { recoveryWindowMs, drainTimeoutMs: 3_000, quiet: true };
  return startHoldfast({ url, trusted, dataDir: directory.path, logTo, name: "scripted", ...limits });
}

const initialize = {
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "schedules", version: "1" } },
};

/** Every initialize that leaves this process, by when it was given to the wire. */
const initializes: { readonly origin: string; readonly atMs: number }[] = [];
function noteInitialize(event: unknown): void {
  const request = event as { readonly origin: string; readonly body: unknown };
  const isInitialize = Buffer.isBuffer(request.body) && request.body.includes('"method":"initialize"');
  if (isInitialize) initializes.push({ origin: request.origin, atMs: performance.now() });
}

async function open(schedule: Schedule, processes: number): Promise<World> {
  const server = new ScriptedServer();
  server.refusal = schedule.refusal;
  await server.listen();
  const bridges = await Promise.all(Array.from({ length: processes }, () => launch(server.url, schedule.trusted)));
  const answer = await exchange((bridges[0] as Bridge).url, { httpMethod: "POST", message: initialize }).outcome;
  assert.ok(answer.kind === "answered" && answer.sessionId !== undefined, "the session opens");
  const world = new World(server, bridges, answer.sessionId, schedule.trusted ? 2 : 1);
  await world.ask({ httpMethod: "POST", message: { method: "notifications/initialized" } });
  const setLevel = { id: 0, method: "logging/setLevel", params: { level: "error" } };
  if (schedule.holdsState) await world.ask({ httpMethod: "POST", message: setLevel });
  return world;
}

async function eventually(holds: () => boolean, message: () => string): Promise<void> {
  const endMs = performance.now() + 2_000;
  while (!holds()) {
    assert.ok(performance.now() < endMs, message());
    await delay(2);
  }
}

/** What the client was told must be one answer, and what it says about the call must be so. */
function judge(world: World, open: Open, outcome: Outcome): void {
  const runs = open.key === undefined ? 0 : (world.server.executed.get(open.key) ?? 0);
  assert.ok(runs <= world.mostRuns, `${open.key} ran ${runs} times`);
  if (outcome.kind === "closed") {
    const atTheEnd = open.sentAtMs >= world.stoppedAtMs - closingMs;
    assert.ok(open.left || atTheEnd, `${open.asked.httpMethod} ${open.key} was cut off`);
    return;
  }
  if (outcome.status === 404)
    assert.ok(world.deleteAsked, `404 for a session that lives: ${JSON.stringify(outcome.answers)}`);
  if (open.id === undefined) return;
  assert.equal(outcome.answers.length, 1, `${open.key} got ${outcome.answers.length} answers`);
  judgeAnswer(open, outcome.answers[0] as Answer, runs);
}

function judgeAnswer(open: Open, { id, result, error }: Answer, runs: number): void {
  // What is refused at the door is not read.
  if (error?.data?.code !== "SHUTTING_DOWN") assert.equal(id, open.id);
  if (result !== undefined && open.key !== undefined) {
    assert.equal(result.content?.[0]?.text, open.key, "the answer of another call");
    assert.ok(runs > 0, `${open.key} never ran`);
  }
  if (error === undefined) return;
  assert.equal(typeof error.data?.code, "string", `not an error of Holdfast's: ${JSON.stringify(error)}`);
  assert.notEqual(error.data?.code, "INTERNAL");
  if (error.data?.executed === "no") assert.equal(runs, 0, `${error.data.code} says that ${open.key} did not run`);
}

async function judgeServer(world: World, rowsBefore: number): Promise<void> {
  const { server } = world;
  const forgotten = server.issued.filter((session) => session.forgotten).length;
  const told = () => JSON.stringify(server.issued);
  if (world.bridges.length === 1)
    assert.ok(
      server.issued.length <= 1 + forgotten,
      `${server.issued.length} sessions for ${forgotten} losses: ${told()}`,
    );
  if (world.deletedAtMs === Number.POSITIVE_INFINITY) return;
  await eventually(
    () => server.kept.length === 0,
    () => `sessions left at the server: ${told()}`,
  );
  await eventually(
    () => countRows(directory.path) === rowsBefore,
    () => "a row is left of a deleted session",
  );
  const origin = new URL(server.url).origin;
  const late = initializes.filter((sent) => sent.origin === origin && sent.atMs > world.deletedAtMs);
  if (world.bridges.length === 1) assert.equal(late.length, 0, "an initialize after the end of the session");
}

/** A session that was not ended goes on with whoever serves the data directory next. */
async function judgeRestart(world: World): Promise<void> {
  if (!world.stopped || world.deleteAsked) return;
  world.server.forgetNext = 0;
  world.server.cuts.length = 0;
  await using next = await launchDisposable(world.server.url);
  const message = { id: 1, method: "tools/call", params: { name: "run", arguments: { key: "after", ms: 0 } } };
  const outcome = await exchange(next.bridge.url, { httpMethod: "POST", sessionId: world.sessionId, message }).outcome;
  assert.ok(outcome.kind === "answered");
  assert.equal(outcome.answers[0]?.result?.content?.[0]?.text, "after", JSON.stringify(outcome));
}

async function launchDisposable(url: string): Promise<{ readonly bridge: Bridge } & AsyncDisposable> {
  const bridge = await launch(url, false);
  return { bridge, [Symbol.asyncDispose]: () => bridge.close() };
}

async function run(schedule: Schedule, processes: number): Promise<void> {
  const rowsBefore = countRows(directory.path);
  const world = await open(schedule, processes);
  try {
    const outcomes = await play(world, schedule);
    for (const [index, open] of world.asked.entries()) judge(world, open, outcomes[index] as Outcome);
    await judgeServer(world, rowsBefore);
    await judgeRestart(world);
  } finally {
    await Promise.all(world.bridges.map((bridge) => bridge.close()));
    await world.server[Symbol.asyncDispose]();
  }
}

const unhandled: unknown[] = [];
const noteRejection = (reason: unknown): void => void unhandled.push(reason);

describe("random interleavings", () => {
  before(async () => {
    directory = await temporaryDirectory();
    subscribe("holdfast:request", noteInitialize);
    process.on("unhandledRejection", noteRejection);
  });
  after(async () => {
    unsubscribe("holdfast:request", noteInitialize);
    process.off("unhandledRejection", noteRejection);
    await directory[Symbol.asyncDispose]();
    assert.deepEqual(unhandled, []);
  });

  it("leave each request with one true answer and nothing behind, in 250 schedules of one process", async () => {
    const property = fc.asyncProperty(scheduleOf(fc.oneof(...shared)), (schedule) => run(schedule, 1));
    await fc.assert(property, { numRuns: 250, endOnFailure: true });
  });

  it("lose no call and no session when Holdfast stops in the middle, in 50 schedules", async () => {
    const property = fc.asyncProperty(scheduleOf(fc.oneof(...shared, stopping, stopping)), (schedule) =>
      run(schedule, 1),
    );
    await fc.assert(property, { numRuns: 50, endOnFailure: true });
  });

  it("are told apart by two processes on one store, in 50 schedules", async () => {
    const property = fc.asyncProperty(scheduleOf(fc.oneof(...shared)), (schedule) => run(schedule, 2));
    await fc.assert(property, { numRuns: 50, endOnFailure: true });
  });

  it("end a session at the server whose client left before it was given the id", async () => {
    const rowsBefore = countRows(directory.path);
    await using server = new ScriptedServer();
    await server.listen();
    server.slowMs = 50;
    await using proxy = await launchDisposable(server.url);
    const left = exchange(proxy.bridge.url, { httpMethod: "POST", message: initialize });
    await eventually(
      () => server.initializing > 0,
      () => "the server was not asked",
    );
    left.leave();
    await eventually(
      () => server.issued.length === 1 && server.kept.length === 0,
      () => JSON.stringify(server.issued),
    );
    await eventually(
      () => countRows(directory.path) === rowsBefore,
      () => "a row is left of a session that nobody knows",
    );
  });
});
