// One run of the suite against one meeting of eras: each scored scenario is one test, and only what the list of expected failures names may fail.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { expectedOf, type Pair } from "./expected-failures.ts";
import type { Requirements } from "./scenarios.ts";
import { type FixtureEra, runSuite, type SuiteRun, startFixture, stdioFixture } from "./suite.ts";

const hookTimeoutMs = 180_000;

export interface Meeting {
  readonly pair: Pair;
  readonly era: FixtureEra;
  readonly requirements: Requirements;
  /** The suite talks to the fixture itself, so that what fails there is not held against Holdfast. */
  readonly direct?: boolean;
  /** Holdfast starts the fixture on standard input and output. */
  readonly stdio?: boolean;
  /** Checks of the suite's own haste, which pass or not by the load of the machine: neither is held against anybody here. */
  readonly undecided?: readonly string[];
}

async function run({ era, requirements, direct = false, stdio = false }: Meeting): Promise<SuiteRun> {
  if (stdio) {
    await using holdfast = await startHoldfast(undefined, { args: ["--", ...stdioFixture(era)] });
    return await runSuite(holdfast.url, requirements.revision);
  }
  await using fixture = await startFixture(era);
  if (direct) return await runSuite(fixture.url, requirements.revision);
  await using holdfast = await startHoldfast(fixture.url);
  return await runSuite(holdfast.url, requirements.revision);
}

/** Check ids of failures, without their messages. */
const idsOf = (failures: readonly string[]) => [...new Set(failures.map((failure) => failure.split(":", 1)[0] ?? ""))];

export function describePair(title: string, meeting: Meeting): void {
  const { pair, requirements } = meeting;
  describe(title, () => {
    let suite: SuiteRun | undefined;

    before(
      async () => {
        suite = await run(meeting);
      },
      { timeout: hookTimeoutMs },
    );

    for (const scenario of [...requirements.scored, ...requirements.alsoPassed]) {
      const expected = expectedOf(pair, scenario);
      const outcome = expected.length === 0 ? "passes" : `fails nothing but ${expected.join(" and ")} in`;
      it(`${outcome} ${scenario}${requirements.scored.includes(scenario) ? "" : ", which is not scored"}`, () => {
        const result = suite?.scenarios.get(scenario);
        assert.ok(result !== undefined, `the suite reported nothing on ${scenario}`);
        const failed = idsOf(result.failures).filter((check) => meeting.undecided?.includes(check) !== true);
        assert.deepEqual(failed, expected, result.failures.join("\n"));
      });
    }
  });
}
