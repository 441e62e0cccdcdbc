import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "./config-error.ts";
import { parseHeaders } from "./headers.ts";

describe("a header that the user gives", () => {
  it("may hold what a header can carry, and nothing else", () => {
    assert.deepEqual(parseHeaders(["X-Team: caf\u00e9 \u00ff"], {}), ["X-Team", "caf\u00e9 \u00ff"]);
    for (const value of ["\u0100", "\u65e5\u672c", "\u{1f600}"]) {
      const refused = (error: unknown): boolean =>
        error instanceof ConfigError && /X-Team.*encode/.test(error.message) && !error.message.includes(value);
      assert.throws(() => parseHeaders([`X-Team: ${value}`], {}), refused);
      assert.throws(() => parseHeaders(["X-Team: ${TEAM}"], { TEAM: value }), refused);
    }
  });

  it("may not be one that Holdfast sets itself", () => {
    for (const name of ["Accept", "Accept-Encoding", "Mcp-Session-Id", "Connection"])
      assert.throws(() => parseHeaders([`${name}: x`], {}), ConfigError);
  });
});
