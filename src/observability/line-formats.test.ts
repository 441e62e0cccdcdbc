// Pretty and logfmt lines, and when colour is right.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Entry, logfmtLine, prettyLine, wantsColour } from "./line-formats.ts";

const entry: Entry = {
  time: "2026-01-02T03:04:05.678Z",
  level: "warn",
  message: "session not restored",
  fields: { connector: "files", error_code: "-", reason: 'said "no"', path: "a\\b", count: 3 },
};

describe("prettyLine", () => {
  it("is plain text without colour", () => {
    assert.equal(
      prettyLine(entry, false),
      '03:04:05.678 WARN  session not restored connector=files reason="said \\"no\\"" path="a\\\\b" count=3\n',
    );
  });

  it("paints level, time and names with colour, and resets each", () => {
    const line = prettyLine(entry, true);
    assert.ok(line.includes("\u001b[33mWARN \u001b[0m"));
    const codes = line
      .split("\u001b")
      .slice(1)
      .map((part) => part.slice(0, part.indexOf("m")));
    assert.deepEqual(
      codes.map((code) => code === "[0"),
      codes.map((_, index) => index % 2 === 1),
    );
  });
});

describe("logfmtLine", () => {
  it("quotes values with blanks, quotes, equal signs and backslashes, and empty ones", () => {
    const fields = { a: "", b: "x y", c: "x=y", d: 'x"y', e: "x\\y", f: true };
    assert.equal(
      logfmtLine({ ...entry, message: "ready", fields }),
      `time=${entry.time} level=warn msg=ready a="" b="x y" c="x=y" d="x\\"y" e="x\\\\y" f=true\n`,
    );
  });
});

describe("colour", () => {
  it("is on for a terminal, and off for anything else or with NO_COLOR", () => {
    assert.equal(wantsColour(true, undefined), true);
    assert.equal(wantsColour(true, ""), true);
    assert.equal(wantsColour(true, "1"), false);
    assert.equal(wantsColour(false, undefined), false);
  });
});
