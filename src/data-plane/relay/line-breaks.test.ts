// Proves that a document comes out of an event's data as it went in, however it is cut, but for the kind of its line breaks.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { SseObserver } from "../../protocol/index.ts";
import { LineBreaks } from "./line-breaks.ts";

describe("a document put into an event piece by piece", () => {
  it("is read as it was, with each line break as one LF", () => {
    const text = fc.array(fc.constantFrom("{", '"a"', "\n", "\r\n", "\r", " ", "é", "}"), { maxLength: 30 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 5 }), (words, size) => {
        const document = Buffer.from(words.join(""));
        const breaks = new LineBreaks();
        const event: Buffer[] = [Buffer.from("data: ")];
        for (let at = 0; at < document.length; at += size) event.push(...breaks.push(document.subarray(at, at + size)));
        let read: string | undefined;
        const observer = new SseObserver((one) => {
          read = one.text();
        });
        observer.push(Buffer.concat([...event, Buffer.from("\n\n")]));
        assert.equal(read, document.toString().replaceAll(/\r\n|\r/g, "\n"));
      }),
    );
  });
});
