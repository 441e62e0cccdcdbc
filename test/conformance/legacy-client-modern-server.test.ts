// The official conformance suite for legacy clients through Holdfast, in front of a server that speaks revision 2026-07-28 alone and without Holdfast passes none of it.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { legacyRequirements } from "./scenarios.ts";
import { runSuite, type SuiteRun, startFixture } from "./suite.ts";

const { scored, alsoPassed, revision } = legacyRequirements;
/** Polls a stream that the server closes on purpose, which a modern server has no means to do; not scored. */
const impossible = new Set(["server-sse-polling"]);

describe(`the conformance suite for ${revision}, with a modern server`, () => {
  let bridged: SuiteRun | undefined;

  before(
    async () => {
      await using fixture = await startFixture("modern");
      await using holdfast = await startHoldfast(fixture.url);
      bridged = await runSuite(holdfast.url, revision);
    },
    { timeout: 180_000 },
  );

  it(`runs all ${scored.length} scored scenarios, and is satisfied`, () => {
    const ran = scored.filter((name) => bridged?.scenarios.has(name));
    assert.deepEqual(ran, scored);
    assert.equal(bridged?.exitCode, 0);
  });

  for (const name of [...scored, ...alsoPassed.filter((each) => !impossible.has(each))]) {
    it(`passes ${name}`, () => assert.deepEqual(bridged?.scenarios.get(name)?.failures, []));
  }
});
