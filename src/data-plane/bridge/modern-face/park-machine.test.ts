// The life of a call that may be asked in the middle, and what holds of it whatever happens in whatever order.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  newPark,
  nextPark,
  type OpenAsk,
  type Park,
  type ParkEffect,
  type ParkEvent,
  repeatMs,
} from "./park-machine.ts";

const ask = (n: number): OpenAsk => ({
  key: `input_${n}`,
  id: String(n),
  method: "elicitation/create",
  params: undefined,
});

/** Runs events and gives the last state and what the last one caused. */
function run(...events: readonly ParkEvent[]): readonly [Park, readonly ParkEffect[]] {
  return events.reduce<readonly [Park, readonly ParkEffect[]]>(([park], event) => nextPark(park, event), [newPark, []]);
}

const asked = (n: number): ParkEvent => ({ type: "asked", ask: ask(n) });
const quiet: ParkEvent = { type: "quiet", nowMs: 0 };
const answered: ParkEvent = { type: "answered", nowMs: 0 };
const retry = (round: number, keys: readonly string[], nowMs = 0): ParkEvent => ({ type: "retry", round, keys, nowMs });
const kinds = (effects: readonly ParkEffect[]) => effects.map((effect) => effect.do);

describe("a call", () => {
  it("is answered at once where the server asks nothing", () => {
    assert.deepEqual(kinds(run(answered)[1]), ["deliver"]);
  });

  it("gives its client all questions of one moment in one round", () => {
    const [park, effects] = run(asked(1), asked(2), quiet);
    assert.equal(park.at, "parked");
    assert.deepEqual(effects, [{ do: "give", round: 1, asks: [ask(1), ask(2)], used: 0 }]);
  });

  it("goes on with the answers of the retry", () => {
    const [park, effects] = run(asked(1), quiet, retry(1, ["input_1"]));
    assert.equal(park.at, "running");
    assert.deepEqual(effects, [{ do: "attach" }, { do: "feed", asks: [ask(1)] }]);
  });

  it("asks again for what a retry leaves open, and hands on what it brings", () => {
    const [park, effects] = run(asked(1), asked(2), quiet, retry(1, ["input_2", "else"]));
    assert.equal(park.round, 2);
    assert.deepEqual(kinds(effects), ["attach", "feed", "give"]);
    assert.deepEqual(effects[2], { do: "give", round: 2, asks: [ask(1)], used: 1 });
  });

  it("asks everything again where a retry brings nothing of use", () => {
    assert.deepEqual(kinds(run(asked(1), quiet, retry(1, []))[1]), ["attach", "give"]);
  });

  it("gives a retry the answer that came without it", () => {
    const [park, effects] = run(asked(1), quiet, answered, retry(1, ["input_1"]));
    assert.equal(park.at, "finished");
    assert.deepEqual(kinds(effects), ["attach", "deliver"]);
  });

  it("lets a retry wait for the server where the question was withdrawn", () => {
    const [park, effects] = run(asked(1), quiet, { type: "withdrawn", id: "1" }, retry(1, ["input_1"]));
    assert.equal(park.at, "running");
    assert.deepEqual(kinds(effects), ["attach"]);
  });

  it("refuses a round that is in use, and one of before", () => {
    assert.deepEqual(run(asked(1), quiet, retry(1, ["input_1"]), retry(1, ["input_1"]))[1], [
      { do: "refuse", why: "used" },
    ]);
  });

  it("repeats what a round was answered with to a retry that comes twice, for a minute", () => {
    const events = [asked(1), quiet, retry(1, ["input_1"]), answered] as const;
    assert.deepEqual(run(...events, retry(1, ["input_1"], repeatMs))[1], [{ do: "repeat", used: 1 }]);
    assert.deepEqual(run(...events, retry(1, ["input_1"], repeatMs + 1))[1], [{ do: "refuse", why: "used" }]);
  });

  it("says to a retry that the call is lost, and to a client that waits at once", () => {
    assert.deepEqual(run(asked(1), quiet, { type: "lost" }, retry(1, ["input_1"]))[1], [{ do: "refuse", why: "lost" }]);
    assert.deepEqual(kinds(run({ type: "lost" })[1]), ["tell-lost"]);
  });

  it("tells the server when nobody came back in time", () => {
    const [park, effects] = run(asked(1), quiet, { type: "expired" });
    assert.equal(park.at, "expired");
    assert.deepEqual(effects, [{ do: "decline", asks: [ask(1)] }, { do: "cancel" }]);
  });

  it("is cancelled by a client that closes its stream, and not by the end of a round", () => {
    assert.deepEqual(kinds(run({ type: "left" })[1]), ["cancel"]);
    assert.deepEqual(kinds(run(asked(1), quiet, { type: "left" })[1]), []);
  });

  it("answers under the new name a question that was asked anew", () => {
    const [, effects] = run(asked(1), quiet, { type: "renamed", from: "1", to: "9" }, retry(1, ["input_1"]));
    assert.deepEqual(effects[1], { do: "feed", asks: [{ ...ask(1), id: "9" }] });
  });
});

/** What happens to a call, in any order: the machine must keep its promises even for what cannot happen. */
const anything = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant("ask" as const) },
    { weight: 4, arbitrary: fc.constant("quiet" as const) },
    { weight: 6, arbitrary: fc.record({ back: fc.integer({ min: 0, max: 2 }), some: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom("answered" as const, "left" as const, "lost" as const, "expired" as const),
    },
    { weight: 1, arbitrary: fc.constant("withdraw" as const) },
    { weight: 2, arbitrary: fc.constant("minute" as const) },
  ),
  { maxLength: 60 },
);

/** Plays the call, its clients and its server, and checks each effect as it comes. */
class World {
  park = newPark;
  #nowMs = 0;
  #asks = 0;
  /** Exchanges of clients: the one that waits, and how often each was answered. */
  #waiting: number | undefined = 0;
  #answers = new Map<number, number>();
  #exchanges = 1;
  readonly fed = new Set<string>();
  readonly declined = new Set<string>();
  #cancelled = 0;
  #isOver = false;

  play(step: (typeof anything extends fc.Arbitrary<infer T> ? T : never)[number]): void {
    if (step === "minute") {
      this.#nowMs += repeatMs;
      return;
    }
    if (step === "left" && this.#waiting === undefined) return;
    if (typeof step === "object") return this.#retry(Math.max(this.park.round - step.back, 1), step.some);
    if (step === "ask") {
      this.#asks += 1;
      return this.#step({ type: "asked", ask: ask(this.#asks) }, undefined);
    }
    if (step === "withdraw") return this.#step({ type: "withdrawn", id: String(this.#asks) }, undefined);
    if (step === "left") {
      // Whoever leaves is answered by nobody.
      const left = this.#waiting;
      this.#step({ type: "left" }, undefined);
      assert.equal(this.#answers.get(left ?? -1) ?? 0, 0);
      this.#waiting = undefined;
      return;
    }
    this.#step(
      step === "quiet" || step === "answered" ? { type: step, nowMs: this.#nowMs } : { type: step },
      undefined,
    );
  }

  #retry(round: number, some: boolean): void {
    const exchange = this.#exchanges;
    this.#exchanges += 1;
    const keys = this.park.asks.map(({ key }) => key).filter((_, index) => !some || index % 2 === 0);
    this.#step({ type: "retry", round, keys, nowMs: this.#nowMs }, exchange);
    const isWaiting = this.#waiting === exchange;
    assert.equal((this.#answers.get(exchange) ?? 0) + (isWaiting ? 1 : 0), 1, "a retry waits, or is answered once");
  }

  #answer(exchange: number | undefined): void {
    assert.ok(exchange !== undefined, "somebody waits for this answer");
    const count = (this.#answers.get(exchange) ?? 0) + 1;
    this.#answers.set(exchange, count);
    assert.equal(count, 1, "nobody is answered twice");
    if (exchange === this.#waiting) this.#waiting = undefined;
  }

  #step(event: ParkEvent, from: number | undefined): void {
    const [park, effects] = nextPark(this.park, event);
    for (const effect of effects) this.#see(effect, from);
    this.park = park;
    const { at } = park;
    if (at !== "running" && at !== "parked") this.#isOver = true;
    else assert.equal(this.#isOver, false, "what is over stays over");
    if (event.type !== "left") assert.equal(at === "running", this.#waiting !== undefined, `${at} and ${event.type}`);
  }

  #see(effect: ParkEffect, from: number | undefined): void {
    switch (effect.do) {
      case "attach":
        assert.equal(this.#waiting, undefined, "only one client waits");
        this.#waiting = from;
        return;
      case "feed":
        assert.equal(this.#isOver, false, "nothing is fed to a call that is over");
        for (const { id } of effect.asks) {
          assert.ok(!this.fed.has(id) && !this.declined.has(id), `question ${id} is answered once`);
          this.fed.add(id);
        }
        return;
      case "decline":
        for (const { id } of effect.asks) {
          assert.ok(!this.fed.has(id) && !this.declined.has(id), `question ${id} is answered once`);
          this.declined.add(id);
        }
        return;
      case "give":
        assert.equal(effect.round, this.park.round + 1, "each round has a state of its own");
        assert.ok(effect.asks.every(({ id }) => !this.fed.has(id)));
        return this.#answer(this.#waiting);
      case "deliver":
      case "tell-lost":
        return this.#answer(this.#waiting);
      case "repeat":
        assert.ok(this.park.settled.has(effect.used), "only what was answered is repeated");
        return this.#answer(from);
      case "refuse":
        return this.#answer(from);
      case "cancel":
        this.#cancelled += 1;
        assert.equal(this.#cancelled, 1, "the server hears of the cancellation once");
        return;
      case "collect":
        return;
    }
  }
}

describe("any order of questions, retries, losses, cancellations and time", () => {
  it("answers every client once, and the server's every question once at most", () => {
    fc.assert(
      fc.property(anything, (steps) => {
        const world = new World();
        for (const step of steps) world.play(step);
      }),
      { numRuns: 3_000 },
    );
  });

  it("never lets two retries of one round through", () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 4 }), (steps, round) => {
        const world = new World();
        for (const step of steps) world.play(step);
        const again = { type: "retry", round, keys: ["input_1"], nowMs: 0 } as const;
        const [first] = nextPark(world.park, again);
        const [, second] = nextPark(first, again);
        assert.equal(
          second.some(({ do: what }) => what === "feed"),
          false,
        );
      }),
      { numRuns: 1_000 },
    );
  });
});
