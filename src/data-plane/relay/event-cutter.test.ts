// Proves that the cutter leaves every byte of a stream as it is but the `id` lines, however the stream comes in pieces.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { SseObserver } from "../../protocol/index.ts";
import { EventCutter } from "./event-cutter.ts";

interface Cut {
  readonly bytes: string;
  readonly events: number;
  readonly parts: number;
}

function cut(stream: Buffer, sizes: readonly number[]): Cut {
  const out: Buffer[] = [];
  let events = 0;
  let parts = 0;
  const cutter = new EventCutter({
    event: (_event, pieces) => {
      events += 1;
      out.push(...pieces);
    },
    between: (bytes) => void out.push(bytes),
    part: (pieces) => {
      parts += 1;
      out.push(...pieces);
    },
    lastPart: (_event, pieces) => {
      events += 1;
      out.push(...pieces);
    },
  });
  for (let at = 0, turn = 0; at < stream.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    cutter.push(stream.subarray(at, at + size));
    at += size;
  }
  cutter.end();
  return { bytes: Buffer.concat(out).toString("latin1"), events, parts };
}

/** Up to the last place between two events; what follows is no event, and is not passed on. */
function wholePart(stream: Buffer): { readonly text: string; readonly events: number } {
  let events = 0;
  const observer = new SseObserver(() => {
    events += 1;
  });
  observer.push(stream);
  observer.end();
  return { text: stream.subarray(0, observer.boundary).toString("latin1"), events };
}

const withoutIds = (text: string): string => text.replaceAll(/(?<=^|\n|\r)id(?::[^\r\n]*)?(?:\r\n|\n|\r(?!\n))/g, "");

describe("the event cutter", () => {
  it("passes every byte of whole events and comments on, but the id lines, for any stream and any pieces", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "",
        "",
        "data: {}",
        "data",
        "id: 1",
        "id",
        "id:",
        "idx: 1",
        "i",
        ": comment",
        "retry: 5",
        "event: e",
        "x: y",
      ),
      fc.string({ maxLength: 12 }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, "")}`),
    );
    const lineEnd = fc.constantFrom("\n", "\n", "\r\n", "\r");
    const stream = fc
      .array(fc.tuple(line, lineEnd), { maxLength: 40 })
      .map((lines) => Buffer.from(lines.map(([text, end]) => text + end).join("")));
    fc.assert(
      fc.property(stream, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), (bytes, sizes) => {
        const whole = wholePart(bytes);
        const { bytes: came, events } = cut(bytes, sizes);
        assert.equal(came, withoutIds(whole.text));
        assert.equal(events, whole.events);
      }),
      { numRuns: 2_000 },
    );
  });

  it("lets an event flow that is larger than it holds back, wherever its id lines stand", () => {
    const long = "x".repeat(100_000);
    const stream = `id: 1\r\ndata: ${long}\r\nid: 2\r\ndata: ${long}\nid: 3\n\ndata: {}\n\n`;
    for (const size of [1, 7, 1_000, 65_536, 1_000_000]) {
      const { bytes, events, parts } = cut(Buffer.from(stream), [size]);
      assert.equal(bytes, withoutIds(stream));
      assert.equal(events, 2);
      assert.ok(parts > 0 || size > 200_000);
    }
  });

  it("reads a comment of any size as no event", () => {
    const stream = `: ${"x".repeat(300_000)}\n\ndata: {}\n\n`;
    assert.deepEqual(cut(Buffer.from(stream), [10_000]), { bytes: stream, events: 1, parts: 0 });
  });
});
