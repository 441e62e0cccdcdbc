// The official suite for revision 2026-07-28 on a server of 2025-11-25, which does not know it: what the suite says of Holdfast's bridge.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { describePair } from "./describe-pair.ts";
import { expectedFailures } from "./expected-failures.ts";
import { modernRequirements as requirements } from "./scenarios.ts";
import { runScenario, startFixture } from "./suite.ts";

describePair("the conformance suite for 2026-07-28 through Holdfast to a legacy server", {
  pair: "ML",
  era: "legacy",
  requirements,
});

describe("the scenarios that the legacy fixture misses, through Holdfast to a legacy server that can pass them", () => {
  const missed = new Set(expectedFailures.filter(({ pair }) => pair === "ML").map(({ scenario }) => scenario));
  for (const name of missed) {
    it(`passes ${name}`, { timeout: 60_000 }, async () => {
      await using fixture = await startFixture("blunt");
      await using holdfast = await startHoldfast(fixture.url);
      const { failures, checks } = await runScenario(holdfast.url, requirements.revision, name);
      assert.deepEqual(failures, []);
      // A check that the suite could not make proves nothing.
      const decided = checks.filter((check) => expectedFailures.some((each) => check === `${each.check}: SUCCESS`));
      const wanted = expectedFailures.filter((each) => each.pair === "ML" && each.scenario === name);
      assert.equal(decided.length, wanted.length, checks.join("\n"));
    });
  }
});
