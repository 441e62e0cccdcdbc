import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KnownLines } from "./known-lines.ts";

function judging() {
  const judged: string[] = [];
  const lines = new KnownLines((name, value) => {
    if (value.includes("\n")) throw new Error(`${name} may not be written`);
    judged.push(`${name}=${value}`);
    return judged.length;
  });
  return { lines, judged };
}

describe("a line that was written before", () => {
  it("is the same again without a second judgement, in its place alone", () => {
    const { lines, judged } = judging();
    const first = lines.at(0, "a", "1");
    assert.deepEqual(first, { name: "a", value: "1", text: "a: 1\r\n", meaning: 1 });
    assert.equal(lines.at(0, "a", "1"), first);
    lines.at(1, "a", "1");
    assert.deepEqual(judged, ["a=1", "a=1"]);
  });

  it("is judged anew with another name or value, which then is the known one", () => {
    const { lines, judged } = judging();
    for (const [name, value] of [
      ["a", "1"],
      ["a", "2"],
      ["a", "2"],
      ["b", "2"],
      ["A", "2"],
      ["a", "1"],
    ] as const)
      assert.equal(lines.at(0, name, value).text, `${name}: ${value}\r\n`);
    assert.deepEqual(judged, ["a=1", "a=2", "b=2", "A=2", "a=1"]);
  });

  it("is not known if it was refused", () => {
    const { lines } = judging();
    lines.at(0, "a", "1");
    for (let again = 0; again < 2; again += 1) assert.throws(() => lines.at(0, "a", "1\n"), /a may not be written/);
    assert.equal(lines.at(0, "a", "1").text, "a: 1\r\n");
  });

  it("is known in the first 32 places, and written in every place", () => {
    const { lines, judged } = judging();
    for (let round = 0; round < 2; round += 1)
      for (let place = 0; place < 34; place += 1)
        assert.equal(lines.at(place, "a", String(place)).value, String(place));
    assert.equal(judged.length, 34 + 2);
  });
});
