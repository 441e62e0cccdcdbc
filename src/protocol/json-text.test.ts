// JSON text edited by its spans, judged by JSON.parse and by the bytes that were not to change.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { editMembers, editUnder, elementTexts, mapElements, memberText, memberTexts } from "./json-text.ts";

/** JSON texts of every shape, with white space and without. */
const indent = fc.constantFrom(undefined, 1, "\t", "\r\n ");
const jsonText = fc.tuple(fc.jsonValue(), indent).map(([value, space]) => JSON.stringify(value, undefined, space));
const keys = fc.oneof(fc.constantFrom("a", "_meta", "params", 'q"\\', "ü"), fc.string());
const objects = fc.dictionary(keys, fc.jsonValue(), { noNullPrototype: true, depthIdentifier: "o" });
const objectText = fc.tuple(objects, indent).map(([value, space]) => JSON.stringify(value, undefined, space));

const parsed = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe("a member's text", () => {
  it("is what JSON.parse finds there", () => {
    fc.assert(
      fc.property(objectText, (text) => {
        const value = parsed(text);
        assert.deepEqual([...memberTexts(text).keys()].toSorted(), Object.keys(value).toSorted());
        for (const [key, member] of memberTexts(text)) assert.deepEqual(JSON.parse(member), value[key]);
      }),
    );
  });

  it("keeps digits that no number holds", () => {
    const text = '{"a": {"big":12345678901234567890,"d":1.10,"e":1e400,"z":-0.0}}';
    assert.equal(memberText(text, "a"), '{"big":12345678901234567890,"d":1.10,"e":1e400,"z":-0.0}');
    assert.equal(memberText(text, "a", "e"), "1e400");
  });

  it("is the last one's where a name stands twice", () => {
    assert.equal(memberText('{"a":1,"\\u0061":2}', "a"), "2");
  });

  it("is undefined where the path leads nowhere or through what is no object", () => {
    assert.equal(memberText('{"a":[{"b":1}]}', "a", "b"), undefined);
    assert.equal(memberText("[1]", "a"), undefined);
    assert.equal(memberText("", "a"), undefined);
  });
});

describe("an edit", () => {
  it("gives the object that the same edit of the value gives", () => {
    fc.assert(
      fc.property(objectText, keys, fc.option(jsonText, { nil: undefined }), (text, key, to) => {
        const expected = new Map(Object.entries(parsed(text)));
        if (to === undefined) expected.delete(key);
        else expected.set(key, JSON.parse(to));
        const edited = parsed(editMembers(text, { [key]: to }));
        assert.deepEqual(new Map(Object.entries(edited)), expected);
      }),
    );
  });

  it("leaves every byte where what was added is taken away again", () => {
    fc.assert(
      fc.property(objectText, jsonText, (text, value) => {
        assert.equal(editMembers(editMembers(text, { "new key": value }), { "new key": undefined }), text);
      }),
    );
  });

  it("leaves one member where the name stood twice", () => {
    assert.equal(editMembers('{ "a":1 , "b":2, "a":3 }', { a: "4" }), '{ "b":2, "a":4 }');
    assert.equal(editMembers('{ "a":1 , "b":2, "a":3 }', { a: undefined }), '{ "b":2 }');
  });

  it("makes the objects on its path, unless it would leave them empty", () => {
    assert.equal(editUnder('{"id":1}', ["params", "_meta"], { k: "1.10" }), '{"id":1,"params":{"_meta":{"k":1.10}}}');
    assert.equal(editUnder('{"id":1}', ["params"], { k: undefined }), '{"id":1}');
  });

  it("goes through strings that look like structure", () => {
    const text = '{"a":"}\\"],{","b":"\\\\","c":["]","}"]}';
    assert.equal(editMembers(text, { b: undefined }), '{"a":"}\\"],{","c":["]","}"]}');
  });
});

describe("an array's elements", () => {
  it("are what JSON.parse finds there, and stay as they are between changes", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), indent, (values, space) => {
        const text = JSON.stringify(values, undefined, space);
        assert.deepEqual(
          elementTexts(text).map((each) => JSON.parse(each) as unknown),
          JSON.parse(text),
        );
        assert.equal(
          mapElements(text, (each) => each),
          text,
        );
      }),
    );
  });
});

describe("text that is no JSON", () => {
  for (const text of ['{"a"', '{"a":', '{"a":1', '{"a":"x', '{"a":[1', "{1:2}", '{"a":]}', '{"a":1;}']) {
    it(`is refused: ${text}`, () => assert.throws(() => memberText(text, "a"), SyntaxError));
  }
});
