// Proves that what is read as a whole answer is what the event stream rules make of it, and that everything of another form is left to them.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { type SseEvent, SseObserver } from "../../protocol/index.ts";
import { readWholeAnswer, wholeBytes } from "./whole-answer.ts";

const result = '{"jsonrpc":"2.0","id":7,"result":{}}';
const note = '{"jsonrpc":"2.0","method":"notifications/progress"}';

function observed(bytes: Buffer): SseEvent[] {
  const events: SseEvent[] = [];
  const observer = new SseObserver((event) => events.push(event));
  observer.push(bytes);
  return events;
}

function offsetsOf(stream: string): readonly number[] | undefined {
  return readWholeAnswer(Buffer.from(stream), "7")?.offsets;
}

describe("a whole answer", () => {
  it("is read as the rules read it, whatever its lines, or not at all", () => {
    const line = fc.constantFrom(
      `data: ${result}`,
      `data:${note}`,
      "data: 1",
      "data:",
      "id: a",
      "id:",
      "event: message",
      "event:x\ry",
      "retry: 1",
      ": comment",
      "data",
      "\ufeffdata: 1",
      "id",
      "",
      "",
      "",
    );
    const lineEnd = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r");
    let read = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(line, lineEnd), { maxLength: 12 }), fc.boolean(), (lines, isClosed) => {
        const stream = lines.map(([text, end]) => text + end).join("");
        const bytes = Buffer.from(`${stream}data: ${result}\n${isClosed ? "\n" : ""}`);
        const whole = readWholeAnswer(bytes, "7");
        if (whole === undefined) return;
        read += 1;
        const events = observed(bytes);
        assert.equal(whole.offsets.length, 4 * events.length);
        for (const [index, { startOffset, endOffset, idSpans, scanned }] of events.entries()) {
          const [begin, idFrom, idTo, end] = whole.offsets.slice(4 * index);
          assert.deepEqual([begin, end], [startOffset, endOffset]);
          assert.deepEqual(idFrom === idTo ? undefined : [idFrom, idTo], idSpans);
          assert.equal(scanned?.shape, "single");
        }
      }),
      { numRuns: 20_000 },
    );
    assert.ok(read > 200, `only ${read} were read`);
  });

  for (const [name, stream] of [
    ["one event", `event: message\ndata: ${result}\n\n`],
    ["one event with line ends of two bytes", `event: message\r\ndata: ${result}\r\n\r\n`],
    ["an event with an id", `id: x\nevent: message\ndata:${result}\n\n`],
    ["notifications before the answer and behind it", `data: ${note}\n\ndata: ${result}\n\ndata: ${note}\n\n`],
  ] as const)
    it(`can be ${name}`, () => assert.notEqual(offsetsOf(stream), undefined));

  for (const [name, stream] of [
    ["without the answer", `data: ${note}\n\n`],
    ["with the answer to another request", `data: ${result.replace("7", "8")}\n\n`],
    ["with an id that is written in another way", `data: ${result.replace("7", "7.0")}\n\n`],
    ["with an error", `data: {"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x"}}\n\n`],
    ["with a request of the server", `data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\ndata: ${result}\n\n`],
    ["with a batch", `data: [${result}]\n\n`],
    ["answered twice", `data: ${result}\n\ndata: ${result}\n\n`],
    ["that is torn before its blank line", `data: ${result}\n`],
    ["that is torn within a line", `data: ${result}\n\ndata: {`],
    ["with a message in two lines", `data: {"jsonrpc":"2.0","id":7,\ndata: "result":{}}\n\n`],
    ["with a comment", `: x\ndata: ${result}\n\n`],
    ["with a time to come back", `retry: 1\ndata: ${result}\n\n`],
    ["with a priming event", `id: 1\ndata: \n\ndata: ${result}\n\n`],
    ["with two ids in one event", `id: 1\nid: 2\ndata: ${result}\n\n`],
    ["with a byte order mark", `\ufeffdata: ${result}\n\n`],
    ["of nothing", ""],
  ] as const)
    it(`is no stream ${name}`, () => assert.equal(offsetsOf(stream), undefined));

  for (const [name, size, isRead] of [
    ["8 KiB", wholeBytes, true],
    ["one byte more than 8 KiB", wholeBytes + 1, false],
  ] as const)
    it(`of ${name} is ${isRead ? "read" : "left to the stream"}`, () => {
      const stream = (pad: number): string => `data: ${result}${" ".repeat(pad)}\n\n`;
      assert.equal(offsetsOf(stream(size - stream(0).length)) !== undefined, isRead);
    });

  for (const [events, isRead] of [
    [32, true],
    [33, false],
  ] as const)
    it(`of ${events} events is ${isRead ? "read" : "left to the stream"}`, () =>
      assert.equal(offsetsOf(`${`data: ${note}\n\n`.repeat(events - 1)}data: ${result}\n\n`) !== undefined, isRead));
});
