// JSON, pretty and logfmt lines, and when colour is right.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Entry, jsonRequestLine, logfmtLine, prettyLine, wantsColour } from "./line-formats.ts";

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

describe("jsonRequestLine", () => {
  const record = {
    user_id: "-",
    session_id: "0123456789ab",
    http_method: "POST",
    jsonrpc_method: "tools/call",
    jsonrpc_id: '"a\u202e\n"',
    body_len: 12,
    status: 200,
    elapsed_ms: 1.5,
    connector: "files",
    era_pair: "LL",
    recovery: "-",
    error_code: "-",
    request_id: "1-1",
  };

  it("says of each request its own circumstances, whatever the line before said", () => {
    const others = [
      {},
      { connector: 'a"b' },
      { era_pair: "LM" },
      { recovery: "restored" },
      { error_code: "OUTCOME_UNKNOWN", request_id: "1-2" },
    ];
    for (const before of others)
      for (const now of others) {
        jsonRequestLine(entry.time, "mcp request", { ...record, ...before });
        const line = jsonRequestLine(entry.time, "mcp request", { ...record, ...now });
        const expected = {
          level: "info",
          time: entry.time,
          ...record,
          jsonrpc_id: String.raw`"a\u202e\u000a"`,
          ...now,
          msg: "mcp request",
        };
        assert.deepEqual(JSON.parse(line), expected);
      }
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
