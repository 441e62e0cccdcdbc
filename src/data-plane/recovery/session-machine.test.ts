// Drives the session machine with readable lives and with random ones. Pure: performs no effect.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { type Effect, next, type SessionEvent, type SessionState } from "./session-machine.ts";

const fresh: SessionState = { at: "operating", generation: 1, upstreamId: "a", served: false };
const served: SessionState = { ...fresh, served: true };
const lost = (generation: number): SessionEvent => ({ type: "lost", generation, signal: "session-not-found" });
const restored = (upstreamId: string): SessionEvent => ({ type: "restored", upstreamId });
const wanted: SessionEvent = { type: "wanted" };
const failed: SessionEvent = { type: "failed", code: "SESSION_NOT_RESTORED" };
const close: SessionEvent = { type: "close", reason: "client" };

interface Step {
  readonly before: SessionState;
  readonly event: SessionEvent;
  readonly after: SessionState;
  readonly effects: readonly Effect[];
}

function live(events: readonly SessionEvent[], start: SessionState = fresh): readonly Step[] {
  const steps: Step[] = [];
  let state = start;
  for (const event of events) {
    const [after, effects] = next(state, event);
    steps.push({ before: state, event, after, effects });
    state = after;
  }
  return steps;
}

const effectsOf = (steps: readonly Step[]) => steps.flatMap(({ effects }) => effects);
const end = (steps: readonly Step[]) => steps.at(-1)?.after;

describe("a session that the server forgets", () => {
  it("is restored once when a hundred requests meet the same loss", () => {
    const steps = live(Array<SessionEvent>(100).fill(lost(1)), served);
    assert.deepEqual(effectsOf(steps), ["restore"]);
  });

  it("serves again under the next generation, and a late refusal of the old one changes nothing", () => {
    const steps = live([lost(1), restored("b"), lost(1)], served);
    assert.deepEqual(effectsOf(steps), ["restore", "release"]);
    assert.deepEqual(end(steps), { at: "operating", generation: 2, upstreamId: "b", served: false });
  });

  it("counts against the server when the new id served nothing", () => {
    assert.deepEqual(effectsOf(live([lost(1)])), ["fruitless", "restore"]);
    assert.deepEqual(effectsOf(live([{ type: "served", generation: 1 }, lost(1)])), ["proven", "restore"]);
  });

  it("tells who waits when the restore fails, and tries again for the next who needs it", () => {
    const steps = live([lost(1), failed, lost(1), wanted, restored("b")], served);
    assert.deepEqual(effectsOf(steps), ["restore", "refuse", "restore", "release"]);
    assert.deepEqual(end(steps), { at: "operating", generation: 2, upstreamId: "b", served: false });
  });

  it("goes on with what another process restored", () => {
    const steps = live([lost(1), { type: "overtaken", generation: 4, upstreamId: "d" }], served);
    assert.deepEqual(effectsOf(steps), ["restore", "release"]);
    assert.deepEqual(end(steps), { at: "operating", generation: 4, upstreamId: "d", served: true });
  });

  it("goes on under a generation of its own when the stored one has stayed behind", () => {
    const start: SessionState = { ...served, generation: 3 };
    const steps = live([lost(3), { type: "overtaken", generation: 2, upstreamId: "d" }], start);
    assert.deepEqual(effectsOf(steps), ["restore", "release"]);
    assert.deepEqual(end(steps), { at: "operating", generation: 4, upstreamId: "d", served: true });
  });
});

describe("a session that works", () => {
  it("is proven by its first answer only", () => {
    const event: SessionEvent = { type: "served", generation: 1 };
    assert.deepEqual(effectsOf(live([event, event, event])), ["proven"]);
  });

  it("is not proven by an answer to an older generation", () => {
    const steps = live([lost(1), restored("b"), { type: "served", generation: 1 }], served);
    assert.deepEqual(effectsOf(steps), ["restore", "release"]);
  });

  it("goes on under the next generation where it was moved, and nobody has to do anything", () => {
    const steps = live([{ type: "moved", generation: 1, upstreamId: "b" }, lost(1)], served);
    assert.deepEqual(effectsOf(steps), []);
    assert.deepEqual(end(steps), { at: "operating", generation: 2, upstreamId: "b", served: false });
  });

  it("is not moved by a move that began before it was lost and restored", () => {
    const steps = live([lost(1), restored("b"), { type: "moved", generation: 1, upstreamId: "c" }], served);
    assert.deepEqual(end(steps), { at: "operating", generation: 2, upstreamId: "b", served: false });
  });

  it("needs nothing done when somebody wants it", () => {
    assert.deepEqual(live([wanted], served)[0]?.effects, []);
  });
});

describe("a closed session", () => {
  it("is forgotten and refused to whoever waits for it", () => {
    assert.deepEqual(effectsOf(live([lost(1), close], served)), ["restore", "forget", "refuse"]);
  });

  it("is not brought back by a restore that ends late", () => {
    const steps = live([lost(1), close, restored("b"), wanted, lost(1)], served);
    assert.deepEqual(end(steps), { at: "closed", reason: "client" });
    assert.deepEqual(effectsOf(steps), ["restore", "forget", "refuse"]);
  });
});

const generation = fc.integer({ min: 1, max: 6 });
const upstreamId = fc.constantFrom("a", "b", "c", undefined);
const signal = fc.constantFrom("session-not-found" as const, "session-suspected" as const);
const anyEvent: fc.Arbitrary<SessionEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("lost" as const), generation, signal }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("served" as const), generation }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("restored" as const), upstreamId }) },
  { weight: 3, arbitrary: fc.constant(wanted) },
  { weight: 2, arbitrary: fc.constant(failed) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("overtaken" as const), generation, upstreamId }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("moved" as const), generation, upstreamId: fc.constant("m") }),
  },
  { weight: 1, arbitrary: fc.constant(close) },
);
const anyLife = fc.array(anyEvent, { minLength: 1, maxLength: 40 });
const rank = (state: SessionState) => (state.at === "closed" ? Number.POSITIVE_INFINITY : state.generation);

/** What may happen to a session at each state; everything else leaves it as it is. */
const legal: Record<SessionState["at"], readonly SessionEvent["type"][]> = {
  operating: ["served", "lost", "overtaken", "moved", "close"],
  restoring: ["restored", "overtaken", "failed", "close"],
  lost: ["wanted", "close"],
  closed: [],
};

function checkStep({ before, event, after, effects }: Step): void {
  if (before.at === "closed") assert.equal(after, before, "closed stays closed");
  if (!legal[before.at].includes(event.type)) {
    assert.equal(after, before, `${event.type} changes nothing while ${before.at}`);
    assert.deepEqual(effects, []);
  }
  assert.ok(rank(after) >= rank(before), "the generation never falls");
  if (after.at === "operating" && before.at !== "operating")
    assert.ok(rank(after) > rank(before), "what operates again is a new generation");
  // Who waits is told exactly when waiting ends, and a restore runs exactly while the state says so.
  assert.equal(effects.includes("restore"), after.at === "restoring" && before.at !== "restoring");
  if (before.at === "restoring" && after.at !== "restoring")
    assert.equal(effects.includes("release"), after.at === "operating", "released when it operates, else refused");
  assert.equal(effects.includes("forget"), after.at === "closed" && before.at !== "closed");
}

describe("any life of a session", () => {
  it("keeps every promise of the machine over 10,000 random sequences", () => {
    const property = fc.property(anyLife, (events) => {
      for (const step of live(events)) checkStep(step);
    });
    fc.assert(property, { numRuns: 10_000 });
  });

  it("answers each restore with exactly one release or refusal before the next begins", () => {
    const property = fc.property(anyLife, (events) => {
      let running = 0;
      for (const effect of effectsOf(live(events))) {
        if (effect === "restore") running += 1;
        if (effect === "release" || effect === "refuse") running = Math.max(0, running - 1);
        assert.ok(running <= 1, "one restore at a time");
      }
      const closing = effectsOf(live([...events, close]));
      assert.equal(closing.filter((effect) => effect === "forget").length, 1, "forgotten exactly once");
    });
    fc.assert(property, { numRuns: 10_000 });
  });

  it("restores a generation at most once unless that restore has failed", () => {
    const property = fc.property(anyLife, (events) => {
      const begun = new Set<number>();
      for (const { after, event, effects } of live(events)) {
        if (!effects.includes("restore")) continue;
        assert.ok(event.type === "wanted" || !begun.has(rank(after)), `a second restore of ${rank(after)}`);
        begun.add(rank(after));
      }
    });
    fc.assert(property, { numRuns: 10_000 });
  });
});
