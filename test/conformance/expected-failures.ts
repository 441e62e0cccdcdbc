// Checks of the official suite that do not pass, each with its reason. Every other check of a scored scenario has to pass, and one that
// passes again has to leave this list.

export type Pair = "LL" | "LM" | "ML" | "MM" | "legacy fixture" | "modern fixture";

export interface ExpectedFailure {
  readonly pair: Pair;
  readonly scenario: string;
  /** The suite's id of the check. */
  readonly check: string;
  readonly reason: string;
}

export const expectedFailures: readonly ExpectedFailure[] = [];

export function expectedOf(pair: Pair, scenario: string): readonly string[] {
  return expectedFailures.filter((each) => each.pair === pair && each.scenario === scenario).map(({ check }) => check);
}
