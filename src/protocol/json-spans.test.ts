// Where a value stands in a message: found as JSON.parse would find it, whatever stands around it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assert as assertHolds, dictionary, jsonValue, property, string } from "fast-check";
import { elementSpans, findSpan, spanText } from "./index.ts";

const textAt = (json: string, ...path: string[]): string | undefined => {
  const bytes = Buffer.from(json);
  const span = findSpan(bytes, path);
  return span === undefined ? undefined : spanText(bytes, span);
};

describe("finding a value by its keys", () => {
  it("gives its text as it stands", () => {
    assert.equal(textAt('{"a":{"b": 12345678901234567890 }}', "a", "b"), "12345678901234567890");
    assert.equal(textAt(' { "a" : [1, {"b":2}] , "b" :"x\\"}" } ', "b"), '"x\\"}"');
  });

  it("sees through escapes in keys, and takes the last of equal keys", () => {
    assert.equal(textAt('{"\\u0061":1,"a":2,"b":{"a":3}}', "a"), "2");
    assert.equal(textAt('{"a":2,"\\u0061":1}', "a"), "1");
  });

  it("finds nothing where there is nothing", () => {
    assert.equal(textAt('{"a":"b"}', "b"), undefined);
    assert.equal(textAt('{"a":[{"b":1}]}', "a", "b"), undefined);
    assert.equal(textAt("[]", "a"), undefined);
  });

  it("agrees with JSON.parse on any object", () => {
    assertHolds(
      property(dictionary(string(), jsonValue(), { noNullPrototype: true }), (object) => {
        const json = JSON.stringify(object, undefined, 1);
        for (const key of Object.keys(object)) {
          const text = textAt(json, key);
          assert.deepEqual(JSON.parse(text ?? ""), JSON.parse(JSON.stringify(object[key])));
        }
      }),
    );
  });
});

describe("the elements of an array", () => {
  it("are given one by one, as they stand", () => {
    const bytes = Buffer.from(' [ {"a":[1,2]} ,"x,]", 3,[] ] ');
    assert.deepEqual(
      elementSpans(bytes).map((span) => spanText(bytes, span)),
      ['{"a":[1,2]}', '"x,]"', "3", "[]"],
    );
    assert.deepEqual(elementSpans(Buffer.from("[]")), []);
  });
});
