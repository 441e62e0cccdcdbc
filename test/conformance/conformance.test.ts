// The official conformance suite, once against the fixture itself and once through Holdfast: nothing may differ.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { legacyRequirements } from "./scenarios.ts";
import { runSuite, type Scenario, type SuiteRun, startFixture } from "./suite.ts";

/** The fixture closes its stream and wants to be asked for the rest. Holdfast does so itself, and the client's stream stays open. */
const askedAgainByHoldfast = "server-sse-disconnect-resume";

const hookTimeoutMs = 180_000;

const { scored, alsoPassed: notScored, revision } = legacyRequirements;
const all = [...scored, ...notScored];

const label = (scenario: string) =>
  notScored.some((name) => name === scenario) ? `${scenario}, which is not scored` : scenario;

function scenarioOf(run: SuiteRun | undefined, name: string): Scenario {
  const scenario = run?.scenarios.get(name);
  assert.ok(scenario !== undefined, `the suite reported nothing on ${name}`);
  return scenario;
}

function assertWhole(run: SuiteRun | undefined): void {
  assert.deepEqual([...(run?.scenarios.keys() ?? [])].sort(), [...all].sort());
  assert.equal(run?.exitCode, 0);
}

describe(`the conformance suite for ${revision}`, () => {
  let direct: SuiteRun | undefined;

  before(
    async () => {
      await using fixture = await startFixture();
      direct = await runSuite(fixture.url, revision);
    },
    { timeout: hookTimeoutMs },
  );

  describe("against the fixture itself", () => {
    it("runs all 30 scored scenarios and 3 others, and is satisfied", () => assertWhole(direct));

    for (const name of all) {
      it(`passes ${label(name)}`, () => assert.deepEqual(scenarioOf(direct, name).failures, []));
    }
  });

  describe("through Holdfast", () => {
    let relayed: SuiteRun | undefined;

    before(
      async () => {
        await using fixture = await startFixture();
        await using holdfast = await startHoldfast(fixture.url);
        relayed = await runSuite(holdfast.url, revision);
      },
      { timeout: hookTimeoutMs },
    );

    it("runs all 30 scored scenarios and 3 others, and is satisfied", () => assertWhole(relayed));

    for (const name of all) {
      it(`passes ${label(name)}, check by check as the fixture does`, () => {
        assert.deepEqual(scenarioOf(relayed, name).failures, []);
        const { checks } = scenarioOf(direct, name);
        assert.deepEqual(
          scenarioOf(relayed, name).checks,
          checks.filter((check) => !check.startsWith(askedAgainByHoldfast)),
        );
      });
    }
  });
});
