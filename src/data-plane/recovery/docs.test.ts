// docs/recovery.md must be what policy, faults and signals say today.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isRepeatable } from "../../protocol/index.ts";
import { recoveryPage } from "./docs.ts";
import { faults } from "./fault.ts";
import { policy } from "./policy.ts";
import * as everySignal from "./signals.ts";
import { allSignals, matches, type Signals } from "./signals.ts";

describe("docs/recovery.md", () => {
  const page = recoveryPage();

  it("is up to date; if this fails, run node scripts/generate-docs.ts", () => {
    assert.equal(readFileSync(new URL("../../../docs/recovery.md", import.meta.url), "utf8"), page);
  });

  it("has one row for each fault, with its meaning in one sentence", () => {
    assert.deepEqual(Object.keys(faults).toSorted(), Object.keys(policy).toSorted());
    for (const [fault, meaning] of Object.entries(faults)) {
      assert.equal(page.split(`| \`${fault}\` | ${meaning} |`).length, 2, fault);
      assert.match(meaning, /^[A-Z](?:(?![.!?] )[^\n])*\.$/, fault);
    }
  });

  it("names each method that may run twice, and no tool call", () => {
    const listed = [...page.matchAll(/^- `(.+)`$/gm)].map(([, method]) => method ?? "");
    assert.ok(listed.length > 10 && listed.every(isRepeatable));
    assert.ok(!listed.includes("tools/call"));
  });

  it("shows every list of words, each with who says them", () => {
    const isSignals = (value: unknown): value is Signals =>
      typeof value === "object" && value !== null && "words" in value;
    assert.deepEqual(new Set(Object.values(everySignal).filter(isSignals)), new Set(allSignals));
    for (const { text, who } of allSignals.flatMap(({ words }) => words)) {
      assert.ok(page.includes(`| \`${text}\` | ${who} |`), text);
      assert.notEqual(who, "", text);
    }
  });
});

describe("the recognised words", () => {
  for (const signals of allSignals) {
    for (const { pattern, text } of signals.words) {
      it(`are met by the text that the page shows: ${text}, ${signals.when}`, () => {
        assert.match(text, pattern);
        assert.ok(matches(signals, text));
      });
    }
  }
});
