// What is hidden of an address wherever a server repeats it.
import assert from "node:assert/strict";
import { it } from "node:test";
import { addressWords } from "./address-words.ts";

it("the words of an address are its path, its long parts, and each value of its query as it stands and as it is read", () => {
  const url = new URL("https://example.com/s3cret-segment/mcp?key=a%2Bb%2Fc&plain=x");
  const words = addressWords({ kind: "http", url, wire: "auto" });
  for (const word of ["/s3cret-segment/mcp", "s3cret-segment", "a%2Bb%2Fc", "a+b/c", "x"])
    assert.ok(words.includes(word), word);
});
