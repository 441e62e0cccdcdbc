// What a server repeats of the headers that it was sent is not shown.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withoutHeaderValues } from "./without-header-values.ts";

describe("a server's words", () => {
  it("lose each word of eight characters and more of a header's value, wherever it stands, and keep shorter ones", () => {
    const headers = ["authorization", "Bearer secret-1", "x-key", "12345678 1234567"];
    const text = "Bearer secret-1 is not secret-1234567, nor 12345678.";
    assert.equal(withoutHeaderValues(text, headers), "Bearer *** is not ***234567, nor ***.");
    assert.equal(withoutHeaderValues(text, []), text);
  });
});
