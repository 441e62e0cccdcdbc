// One session under a random schedule: the proxies that carry it, the scripted server behind them, and everything that was asked in it. What became of that
// is for others to judge, except that all of it must end.
import assert from "node:assert/strict";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { Bridge } from "../../src/index.ts";
import { type Asked, exchange, type OneExchange, type Outcome } from "./one-exchange.ts";
import type { Breaking, Schedule, Step } from "./schedules.ts";
import type { ScriptedServer } from "./scripted-server.ts";

/** Longer than any legal wait, the recovery window and the drain of the bridges included: whatever is open then hangs. */
const hangMs = 6_000;

export interface Open {
  readonly asked: Asked;
  readonly key: string | undefined;
  readonly id: number | undefined;
  readonly sentAtMs: number;
  readonly exchange: OneExchange;
  left: boolean;
}

/** One session and everything that was asked in it. */
export class World {
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

export async function play(world: World, { steps }: Schedule): Promise<readonly Outcome[]> {
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
