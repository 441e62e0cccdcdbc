// Proves the limit on what all streams keep: at it nothing goes, one byte past it the oldest event does, whichever stream it is of.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeptEvents } from "./kept-events.ts";
import { StreamEvents } from "./stream-events.ts";

/** What the bookkeeping counts beside an event's own bytes. */
const overheadBytes = 256;
const id = "id: 1\n";
const data = Buffer.from("data: 1\n\n");
const eventBytes = id.length + data.length + overheadBytes;

function streamOf(kept: KeptEvents): StreamEvents {
  const owner = { dropOldest: (): void => void events.dropOldest() };
  const events: StreamEvents = new StreamEvents(owner, kept, 0);
  return events;
}

function append(events: StreamEvents, atMs = 0): void {
  events.seq += 1;
  const event = events.append(id, [data], atMs, true);
  event.complete = true;
  while (events.nextPart(event) !== undefined);
  events.advance();
}

describe("what all streams keep together", () => {
  for (const [name, limit, dropped] of [
    ["is everything at the limit", 3 * eventBytes, [0, 0]],
    ["loses its oldest event one byte past it, of whichever stream", 3 * eventBytes - 1, [1, 0]],
  ] as const) {
    it(name, () => {
      const kept = new KeptEvents(limit);
      const [first, second] = [streamOf(kept), streamOf(kept)];
      append(first);
      append(second);
      append(first);
      kept.settle();
      assert.deepEqual([first.droppedSeq, second.droppedSeq], dropped);
      assert.equal(kept.bytes, (3 - dropped[0]) * eventBytes);
    });
  }

  it("is given up by age, each event by its own", () => {
    const kept = new KeptEvents(1_000_000);
    const events = streamOf(kept);
    for (const atMs of [10, 20, 30]) append(events, atMs);
    kept.dropOlderThan(20);
    assert.equal(events.droppedSeq, 1);
    kept.dropOlderThan(21);
    assert.equal(events.droppedSeq, 2);
  });

  it("counts nothing any more when all of it went, in whatever order", () => {
    const kept = new KeptEvents(1_000_000);
    const [first, second] = [streamOf(kept), streamOf(kept)];
    for (let count = 0; count < 2_000; count += 1) append(count % 3 === 0 ? second : first);
    for (let count = 0; count < 600; count += 1) first.dropOldest();
    first.trim(100, 1_000_000);
    assert.equal(first.droppedSeq, 1_333 - 100);
    first.clear();
    second.clear();
    assert.equal(kept.bytes, 0);
  });
});
