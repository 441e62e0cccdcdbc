// Proves what an event id says, and that nothing else is taken for one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { finalId, idParts, parseEventId } from "./event-id.ts";

const token = fc.string({ unit: fc.constantFrom(..."abcXYZ019_-".split("")), minLength: 8, maxLength: 40 });
const asked = fc.oneof(
  fc.integer().map(String),
  fc.string({ maxLength: 20 }).map((text) => JSON.stringify(text)),
);

describe("an event id", () => {
  it("names its stream, its place and the request that the stream answers", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("standing", "answer"),
        token,
        fc.nat(),
        fc.option(asked, { nil: undefined }),
        (kind, name, seq, id) => {
          const [before, behind] = idParts(kind, name, id);
          const text = `${before}${seq}${behind}`;
          assert.match(text, /^[\x21-\x7e]+$/);
          assert.deepEqual(parseEventId(text), { kind, token: name, seq, asked: id, final: false });
          const parsed = parseEventId(text);
          assert.equal(parsed && parseEventId(finalId(parsed))?.final, true);
        },
      ),
    );
  });

  it("does not repeat a request id that is long", () => {
    assert.deepEqual(idParts("answer", "t", "1".repeat(64))[1].length > 1, true);
    assert.equal(idParts("answer", "t", "1".repeat(65))[1], "");
  });

  it("is not seen in anything else", () => {
    for (const text of [
      "",
      "1",
      "a.1",
      "x12345678.1",
      "a12345678",
      "a12345678.",
      "a12345678.-1",
      "a12345678.1.é",
      "a12345678.1 ",
    ]) {
      assert.equal(parseEventId(text), undefined, text);
    }
    fc.assert(fc.property(fc.string(), (text) => void parseEventId(text)));
  });

  it("repeats only what can be a request id", () => {
    const encoded = (json: string) => `a12345678.1.${Buffer.from(json).toString("base64url")}`;
    for (const json of ["{}", "[1]", "null", "true", "x"])
      assert.equal(parseEventId(encoded(json))?.asked, undefined, json);
  });
});
