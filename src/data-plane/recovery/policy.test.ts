// Drives `decide` as the relay does: how often one request is sent, and when it ends.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import type { Fault } from "./fault.ts";
import { type Action, decide, maxSends, policy, type Recovery } from "./policy.ts";

const isFault = (name: string): name is Fault => name in policy;
const faults = Object.keys(policy).filter(isFault);
const mostSends = 5;
const rowOf = (fault: Fault): Recovery | "relay" => policy[fault];

interface Step {
  readonly fault: Fault;
  readonly action: Action;
  readonly sendsBefore: number;
}

interface Life {
  readonly steps: readonly Step[];
  readonly sends: number;
}

/** One request that meets one fault after the other until `decide` ends it. A resume sends nothing; every other step leads to one more send. */
function live(met: readonly Fault[], safe: boolean, kept: boolean): Life {
  const steps: Step[] = [];
  let sends = 0;
  let waitsForSend = true;
  for (const fault of met) {
    // A refused connection does not count as sent.
    if (waitsForSend && fault !== "not-sent") sends += 1;
    const action = decide(fault, { sends, safe, kept });
    steps.push({ fault, action, sendsBefore: sends });
    if (action.do === "relay" || action.do === "fail") break;
    waitsForSend = action.do !== "resume";
  }
  return { steps, sends };
}

describe("the policy", () => {
  it("sends a request at most twice, and again only after a refusal for its order or of a session that is lost too", () => {
    const property = fc.property(
      fc.array(fc.constantFrom(...faults), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      fc.boolean(),
      (met, safe, kept) => {
        const { steps, sends } = live(met, safe, kept);
        assert.ok(sends <= mostSends, `${sends} sends`);
        for (const { fault, action, sendsBefore } of steps) {
          const isRefusal = fault === "session-not-found" || (fault === "not-initialized" && sendsBefore === maxSends);
          if (resends(action) && fault !== "not-sent") assert.ok(sendsBefore < maxSends || isRefusal, fault);
        }
        for (const { fault, action } of steps) check(fault, action, safe, kept);
      },
    );
    fc.assert(property, { numRuns: 10_000 });
  });

  it("ends every sequence of one fault that is met again and again", () => {
    // A server that refuses connections is bounded by the recovery window, and a resume by the relay.
    for (const fault of faults.filter((fault) => fault !== "not-sent" && fault !== "stream-cut-resumable")) {
      const { steps } = live(Array<Fault>(9).fill(fault), true, true);
      assert.ok(steps.length <= (fault === "session-not-found" ? mostSends : maxSends + 1), fault);
    }
  });

  it("restores for a request that each session refused until the fifth has", () => {
    const refused = (sends: number) => decide("session-not-found", { sends, safe: false, kept: true });
    assert.deepEqual(
      [1, 2, 3, 4].map(refused),
      Array.from({ length: 4 }, () => ({ do: "restore" })),
    );
    assert.deepEqual(refused(mostSends), { do: "fail", code: "SESSION_NOT_KEPT" });
  });

  it("relays what the server answered", () => {
    assert.deepEqual(decide("server-answered", { sends: 1, safe: true, kept: true }), { do: "relay" });
    assert.deepEqual(decide("unauthorized", { sends: 1, safe: true, kept: true }), { do: "relay" });
  });

  it("replays an unsafe request after a refusal, and says that it does not know after a cut", () => {
    const unsafe = { sends: 1, safe: false, kept: true };
    assert.deepEqual(decide("session-not-found", unsafe), { do: "restore" });
    assert.deepEqual(decide("cut-before-answer", unsafe), { do: "fail", code: "OUTCOME_UNKNOWN" });
  });

  it("says that a lost request was not run when it was too large to keep", () => {
    const large = { sends: 1, safe: false, kept: false };
    assert.deepEqual(decide("session-not-found", large), { do: "fail", code: "TOO_LARGE_TO_REPLAY" });
    assert.deepEqual(decide("cut-before-answer", { ...large, safe: true }), { do: "fail", code: "OUTCOME_UNKNOWN" });
  });
});

const resends = (action: Action): boolean => action.do !== "relay" && action.do !== "fail" && action.do !== "resume";

function check(fault: Fault, action: Action, safe: boolean, kept: boolean): void {
  const row = rowOf(fault);
  if (row === "relay") return assert.equal(action.do, "relay");
  if (resends(action)) assert.ok(kept, "nothing is sent again that was not kept");
  if (row.replay === "if-safe" && !safe)
    assert.ok(!resends(action), `${fault} leads an unsafe request to ${action.do}`);
  if (resends(action)) assert.equal(action.do, row.first);
}
