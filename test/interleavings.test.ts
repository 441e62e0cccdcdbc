// Random schedules of everything that can happen to a session at once, over real sockets: the proxy in this process, in front of a scripted
// server. Each schedule is judged by what the client was told and by what the server remembers.
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import * as fc from "fast-check";
import { type Bridge, startHoldfast } from "../src/index.ts";
import { type Answer, type Asked, exchange, type OneExchange, type Outcome } from "./support/one-exchange.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./support/process.ts";
import { type Refusal, ScriptedServer } from "./support/scripted-server.ts";
import { countRows } from "./support/stored-rows.ts";

const recoveryWindowMs = 2_000;
/** Longer than any legal wait: whatever is open then hangs. */
const hangMs = 6_000;
/** What reached the socket so shortly before the end may find it closed. */
const closingMs = 30;

/** What happens to the server. */
type Breaking =
  | { readonly do: "forget" }
  | { readonly do: "forget-next"; readonly times: number }
  | { readonly do: "slow"; readonly ms: number }
  | { readonly do: "cut"; readonly when: "before" | "after" }
  | { readonly do: "restart"; readonly downMs: number };

type Step =
  | { readonly do: "call"; readonly ms: number; readonly via: number }
  | { readonly do: "list" | "notify"; readonly via: number }
  | { readonly do: "leave" | "cancel" | "stream" | "delete" | "stop" }
  | Breaking;

/** A step, and how long the schedule waits after it: undefined is not at all, 0 is one turn of the event loop. */
type Timed = readonly [Step, thenMs: number | undefined];

interface Schedule {
  readonly refusal: Refusal;
  /** The server's word that its tool may run twice is believed. */
  readonly trusted: boolean;
  /** The session holds a log level, which a restore must put back before anything waits no longer. */
  readonly holdsState: boolean;
  readonly steps: readonly Timed[];
}

interface Open {
  readonly asked: Asked;
  readonly key: string | undefined;
  readonly id: number | undefined;
  readonly sentAtMs: number;
  readonly exchange: OneExchange;
  left: boolean;
}

/** One session and everything that was asked in it. */
class World {
  readonly server: ScriptedServer;
  readonly bridges: Bridge[];
  readonly sessionId: string;
  /** How often one call may run. */
  readonly mostRuns: number;
  readonly asked: Open[] = [];
  stoppedAtMs = Number.POSITIVE_INFINITY;
  deleteAsked = false;
  deletedAtMs = Number.POSITIVE_INFINITY;
  #stopping: Promise<unknown> = Promise.resolve();
  #lastId = 0;

  constructor(server: ScriptedServer, bridges: Bridge[], sessionId: string, mostRuns: number) {
    this.mostRuns = mostRuns;
    this.server = server;
    this.bridges = bridges;
    this.sessionId = sessionId;
  }

  get stopped(): boolean {
    return this.stoppedAtMs < Number.POSITIVE_INFINITY;
  }

  perform(step: Step): void {
    switch (step.do) {
      case "call": {
        const key = `call-${this.asked.length}`;
        const params = { name: "run", arguments: { key, ms: step.ms } };
        this.#ask({ httpMethod: "POST", message: { id: this.#nextId(), method: "tools/call", params } }, key, step.via);
        return;
      }
      case "list":
        this.#ask({ httpMethod: "POST", message: { id: this.#nextId(), method: "tools/list" } }, undefined, step.via);
        return;
      case "notify":
        this.#ask({ httpMethod: "POST", message: { method: "notifications/roots/list_changed" } }, undefined, step.via);
        return;
      case "stream":
        this.#ask({ httpMethod: "GET" });
        return;
      case "cancel":
        this.#cancel();
        return;
      case "leave":
        this.#leave(this.asked.findLast(({ asked }) => asked.httpMethod === "POST"));
        return;
      case "delete":
        this.delete();
        return;
      case "stop":
        this.#stop();
        return;
      default:
        breakServer(this.server, step);
    }
  }

  delete(): void {
    this.deleteAsked = true;
    const open = this.#ask({ httpMethod: "DELETE" });
    void open.exchange.outcome.then((outcome) => {
      if (outcome.kind === "answered" && outcome.status === 200) this.deletedAtMs = performance.now();
    });
  }

  /** What became of each exchange, in the order in which they were asked. */
  async outcomes(): Promise<readonly Outcome[]> {
    for (const open of this.asked) if (open.asked.httpMethod === "GET") this.#leave(open);
    const all = Promise.all(this.asked.map((open) => open.exchange.outcome));
    const outcomes = await Promise.race([all, delay(hangMs, undefined, { ref: false })]);
    assert.ok(outcomes !== undefined, `hangs: ${await this.#stillOpen()}`);
    await this.#stopping;
    return outcomes;
  }

  ask(asked: Asked): Promise<Outcome> {
    return this.#ask(asked).exchange.outcome;
  }

  #ask(asked: Asked, key?: string, via = 0): Open {
    const bridge = this.bridges[via % this.bridges.length] as Bridge;
    const sent = exchange(bridge.url, { ...asked, sessionId: this.sessionId });
    const id = asked.message?.id;
    const open: Open = { asked, key, id, sentAtMs: performance.now(), exchange: sent, left: false };
    this.asked.push(open);
    return open;
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #leave(open: Open | undefined): void {
    if (open === undefined) return;
    open.left = true;
    open.exchange.leave();
  }

  #cancel(): void {
    const call = this.asked.findLast(({ key }) => key !== undefined);
    if (call === undefined) return;
    this.#ask({ httpMethod: "POST", message: { method: "notifications/cancelled", params: { requestId: call.id } } });
  }

  #stop(): void {
    if (this.stopped) return;
    this.stoppedAtMs = performance.now();
    this.#stopping = Promise.all(this.bridges.map((bridge) => bridge.close()));
  }

  async #stillOpen(): Promise<string> {
    const waiting: string[] = [];
    for (const { asked, key, exchange } of this.asked) {
      const outcome = await Promise.race([exchange.outcome, turn(undefined)]);
      if (outcome === undefined) waiting.push(`${asked.httpMethod} ${key ?? ""}`);
    }
    return waiting.join(", ");
  }
}

function breakServer(server: ScriptedServer, breaking: Breaking): void {
  switch (breaking.do) {
    case "forget":
      server.forget();
      return;
    case "forget-next":
      server.forgetNext = breaking.times;
      return;
    case "slow":
      server.slowMs = breaking.ms;
      return;
    case "cut":
      server.cuts.push(breaking.when);
      return;
    case "restart":
      server.restart(breaking.downMs);
  }
}

const via = fc.nat({ max: 1 });
const shared = [
  { weight: 10, arbitrary: fc.record({ do: fc.constant("call" as const), ms: fc.nat({ max: 8 }), via }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("list" as const, "notify" as const), via }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("forget" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("forget-next" as const), times: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("slow" as const), ms: fc.nat({ max: 15 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("cut" as const),
      when: fc.constantFrom("before" as const, "after" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), downMs: fc.nat({ max: 25 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("leave" as const, "cancel" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("stream" as const, "delete" as const) }) },
];
const stopping = { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const) }) };

const thenMs = fc.constantFrom(undefined, undefined, 0, 0, 1, 3, 8);
const scheduleOf = (step: fc.Arbitrary<Step>): fc.Arbitrary<Schedule> =>
  fc.record({
    refusal: fc.constantFrom<Refusal>(404, 400),
    trusted: fc.boolean(),
    holdsState: fc.boolean(),
    steps: fc.array(fc.tuple(step, thenMs), { minLength: 3, maxLength: 18 }),
  });

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

async function play(world: World, { steps }: Schedule): Promise<readonly Outcome[]> {
  for (const [step, waitMs] of steps) {
    world.perform(step);
    if (waitMs === 0) await turn();
    else if (waitMs !== undefined) await delay(waitMs);
  }
  if (!world.stopped && !world.deleteAsked) {
    // Half of the sessions end while their calls are still under way.
    if (steps.length % 2 === 0) await Promise.all(world.asked.filter(({ id }) => id !== undefined).map(done));
    world.delete();
  }
  return world.outcomes();
}

const done = ({ exchange }: Open) => Promise.race([exchange.outcome, delay(hangMs, undefined, { ref: false })]);

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
