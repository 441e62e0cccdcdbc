import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constantFrom, assert as hold, integer, oneof, property, subarray } from "fast-check";
import { askKey } from "./asks.ts";

const key = (id: string, taken: readonly string[] = []) => askKey(id, 1, taken);

describe("the key under which a legacy server's question goes to a modern client", () => {
  it("is the server's own id where that is a name", () => {
    assert.equal(key('"user_name"'), "user_name");
    assert.equal(key('"0b4f"'), "input_1");
    assert.equal(key("7"), "input_1");
  });

  it("is made up where the id could be taken for something else, or is as long as one likes", () => {
    for (const id of ['"__proto__"', '""', '"a\\"b"', '"a b"', `"${"a".repeat(65)}"`]) assert.equal(key(id), "input_1");
  });

  it("is never one that another open question has", () => {
    hold(
      property(
        oneof(integer().map(String), constantFrom('"who"', '"input_1"', '"input_2"')),
        subarray(["who", "input_1", "input_2", "input_3"]),
        (id, taken) => assert.ok(!taken.includes(key(id, taken))),
      ),
    );
  });
});
