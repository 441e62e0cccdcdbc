import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { corsRule } from "./cors.ts";

describe("an expression for origins", () => {
  it("says the same of an origin however often it is asked, whatever its flags", () => {
    for (const flags of ["", "g", "y", "gi"]) {
      const allows = corsRule([`/^https:\\/\\/[a-z]+\\.example$/${flags}`]);
      for (let asked = 0; asked < 4; asked++) {
        assert.ok(allows("https://one.example"), flags);
        assert.ok(!allows("https://one.example.evil"), flags);
      }
    }
  });
});
