// Colour only where a person looks, columns of equal width, times that a person reads.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ago, isColoured, table } from "./terminal.ts";

describe("what a terminal shows", () => {
  it("is coloured on a terminal only, and not with NO_COLOR or a dumb terminal", () => {
    assert.equal(isColoured({}, true), true);
    assert.equal(isColoured({ NO_COLOR: "" }, true), true);
    assert.equal(isColoured({ NO_COLOR: "1" }, true), false);
    assert.equal(isColoured({ NO_COLOR: "false" }, true), false);
    assert.equal(isColoured({ TERM: "dumb" }, true), false);
    assert.equal(isColoured({}, false), false);
  });

  it("stands in columns that colour does not shift", () => {
    const rows = [
      ["NAME", "STATUS"],
      ["a", "ok"],
      ["longer", "failed"],
    ];
    assert.equal(
      table(rows, (text, _row, column) => (column === 0 ? `<${text}>` : text)),
      "<NAME  >  STATUS\n<a     >  ok\n<longer>  failed",
    );
  });

  it("tells how long ago something was, and never a time to come", () => {
    const now = Date.parse("2026-01-10T00:00:00Z");
    const told = (secondsAgo: number) => ago(new Date(now - secondsAgo * 1_000).toISOString(), now);
    assert.deepEqual([0, 119, 120, 7_199, 7_200, 172_800, -5].map(told), [
      "0 s",
      "119 s",
      "2 min",
      "120 min",
      "2 h",
      "2 d",
      "0 s",
    ]);
  });
});
