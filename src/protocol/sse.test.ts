// Proves the event-stream watcher: the events and offsets of the WHATWG rules, however the bytes are cut, and that it reads what it writes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { scanEnvelope } from "./json-envelope.ts";
import { encodeSseEvent, type SseEvent, SseObserver, sseComment } from "./sse.ts";

type Seen = Omit<SseEvent, "text" | "bytes" | "startOffset" | "idSpans"> & { readonly text: string | undefined };

function observe(bytes: Uint8Array, sizes: (at: number) => number = () => bytes.length): Seen[] {
  const events: Seen[] = [];
  const observer = new SseObserver((event) => {
    const { id, type, retryMs, hasData, scanned, endOffset } = event;
    events.push({ id, type, retryMs, hasData, scanned, endOffset, text: event.text() });
  });
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, sizes(at));
    observer.push(bytes.subarray(at, at + size));
    at += size;
  }
  observer.end();
  return events;
}

const observeText = (text: string): Seen[] => observe(Buffer.from(text));
const message = '{"jsonrpc":"2.0","id":1,"result":{}}';
const scannedMessage = scanEnvelope(Buffer.from(message));

/** The rules once more, plainly: the whole stream at once, line by line, one latin-1 character per byte. */
function expected(stream: Buffer): Seen[] {
  const text = stream.toString("latin1");
  const events: Seen[] = [];
  let lines: string[] = [];
  let lastBreak = "";
  for (const match of text.matchAll(/([^\r\n]*)(\r\n|\r|\n)/g)) {
    const [whole, line = "", lineBreak = ""] = match;
    const isEarly = lastBreak === "\r" && lineBreak === "\r\n";
    lastBreak = lineBreak;
    if (line !== "" && !(match.index === 0 && line === "\xef\xbb\xbf")) {
      lines.push(match.index === 0 ? line.replace(/^\xef\xbb\xbf/, "") : line);
      continue;
    }
    if (line !== "") continue;
    const event = expectedEvent(lines, match.index + whole.length - (isEarly ? 1 : 0));
    if (event !== undefined) events.push(event);
    lines = [];
  }
  return events;
}

function expectedEvent(lines: readonly string[], endOffset: number): Seen | undefined {
  const fields = lines
    .map((line) => /^([^:]*):? ?(.*)$/s.exec(line))
    .map((parts) => [parts?.[1] ?? "", parts?.[2] ?? ""]);
  const of = (name: string): string[] =>
    fields.filter(([key]) => key === name).map(([, value]) => Buffer.from(value ?? "", "latin1").toString("utf8"));
  if (!fields.some(([key]) => ["data", "id", "event", "retry"].includes(key ?? ""))) return undefined;
  const data = fields.filter(([key]) => key === "data").map(([, value]) => value);
  const bytes = Buffer.from(data.join("\n"), "latin1");
  const retry = of("retry").findLast((value) => /^\d+$/.test(value));
  return {
    id: of("id").findLast((value) => !value.includes("\0")),
    type: of("event").at(-1) || "message",
    retryMs: retry === undefined ? undefined : Number(retry),
    hasData: data.length > 0,
    scanned: bytes.length > 0 ? scanEnvelope(bytes) : undefined,
    endOffset,
    text: data.length > 0 ? bytes.toString("utf8") : undefined,
  };
}

describe("SseObserver", () => {
  it("gives the events and offsets of the rules for any stream and any way to cut it", () => {
    const line = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          `data: ${message}`,
          "data:",
          "data",
          'data: {"jsonrpc":"2.0",',
          'data: "method":"é"}',
        ),
      },
      {
        weight: 3,
        arbitrary: fc.constantFrom("id: a", "id", "id:b\0c", "event: e", "event:", "retry: 10", "retry: 1x", "retry:"),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          ": ping",
          ":",
          "dat: x",
          "datax: y",
          " data: z",
          "data : w",
          "Data: v",
          "\xef\xbb\xbf",
        ),
      },
      { weight: 6, arbitrary: fc.constant("") },
      { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
    );
    const anyBreak = fc.constantFrom("\n", "\r\n", "\r");
    const stream = fc.oneof(
      fc
        .tuple(fc.array(line, { maxLength: 14 }), anyBreak)
        .map(([lines, one]) => lines.map((text) => text + one).join("")),
      fc.array(fc.tuple(line, anyBreak), { maxLength: 14 }).map((lines) => lines.map((pair) => pair.join("")).join("")),
    );
    const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.boolean(), stream, cuts, (hasMark, text, sizes) => {
        const bytes = Buffer.concat([Buffer.from(hasMark ? "\ufeff" : ""), Buffer.from(text)]);
        const whole = observe(bytes);
        assert.deepEqual(whole, expected(bytes));
        assert.deepEqual(
          observe(bytes, (at) => sizes[at % sizes.length] ?? 1),
          whole,
        );
        assert.deepEqual(
          observe(bytes, () => 1),
          whole,
        );
      }),
      { numRuns: 10_000 },
    );
  });

  it("tells the JSON-RPC envelope, id, type and retry of an event", () => {
    const text = `id: 7\r\nevent: note\r\nretry: 1500\r\ndata: ${message}\r\n\r\n`;
    assert.deepEqual(observeText(text), [
      {
        id: "7",
        type: "note",
        retryMs: 1500,
        hasData: true,
        scanned: scannedMessage,
        endOffset: text.length,
        text: message,
      },
    ]);
  });

  it("tells priming events and events without data, with their id", () => {
    const events = observeText("id: a\ndata:\n\nid: b\ndata: \n\nid: c\n\nretry: 5\n\n");
    assert.deepEqual(
      events.map(({ id, hasData, scanned, text }) => [id, hasData, scanned, text]),
      [
        ["a", true, undefined, ""],
        ["b", true, undefined, ""],
        ["c", false, undefined, undefined],
        [undefined, false, undefined, undefined],
      ],
    );
  });

  it("tells nothing of comments, blank lines and an event without its blank line", () => {
    assert.deepEqual(observeText(`: ping\n\n\n\n:\n\nunknown: x\n\ndata: ${message}\n`), []);
  });

  it("joins data lines before it reads them", () => {
    const [event] = observeText('data: {"jsonrpc":"2.0",\ndata: "method":\ndata: "a"}\n\n');
    assert.equal(event?.text, '{"jsonrpc":"2.0",\n"method":\n"a"}');
    assert.equal(event.scanned?.shape, "single");
  });

  it("tells an event of a CR-only stream as soon as its blank line is there", () => {
    const ends: number[] = [];
    const observer = new SseObserver((event) => ends.push(event.endOffset));
    observer.push(Buffer.from("data: 1\r\r"));
    assert.deepEqual(ends, [9]);
    observer.push(Buffer.from("data: 2\r\rdata: 3\r"));
    assert.deepEqual(ends, [9, 18]);
  });

  it("puts the end of an event behind a CRLF whose halves come apart", () => {
    const ends: number[] = [];
    const observer = new SseObserver((event) => ends.push(event.endOffset));
    observer.push(Buffer.from("data: 1\r\n\r"));
    assert.deepEqual(ends, []);
    observer.push(Buffer.from("\n"));
    assert.deepEqual(ends, [11]);
  });

  it("tells an event whose last CR ends the stream", () => {
    assert.deepEqual(
      observeText("data: 1\n\r").map(({ endOffset }) => endOffset),
      [9],
    );
  });

  it("reads an event of 20 MB without keeping its text", () => {
    const body = Buffer.from(`{"jsonrpc":"2.0","id":5,"result":"${"lorem ipsum ".repeat(1_700_000)}"}`);
    const stream = Buffer.concat([Buffer.from("id: x\ndata: "), body, Buffer.from("\n\ndata: 1\n\n")]);
    const [first, second] = observe(stream, () => 65_536);
    const envelope = { kind: "result", id: "5", method: undefined };
    assert.deepEqual(first?.scanned, { shape: "single", envelope });
    assert.deepEqual([first.id, first.text, first.endOffset], ["x", undefined, stream.length - 9]);
    assert.equal(second?.text, "1");
  });

  it("keeps text up to 64 KiB and drops it beyond", () => {
    const data = (length: number): Buffer => encodeSseEvent({ data: "1".repeat(length) });
    assert.equal(observe(data(65_536), () => 1_000)[0]?.text?.length, 65_536);
    assert.equal(observe(data(65_537), () => 1_000)[0]?.text, undefined);
  });

  it("keeps data of any length where it is told to, in its own bytes", () => {
    const data = Buffer.from(`"${"é".repeat(100_000)}"`);
    const kept: (Buffer | undefined)[] = [];
    const observer = new SseObserver((event) => kept.push(event.bytes()), data.length);
    observer.push(encodeSseEvent({ data }));
    observer.push(encodeSseEvent({ data: Buffer.concat([data, Buffer.from(" ")]) }));
    assert.deepEqual(kept, [data, undefined]);
  });

  it("ignores an id longer than 64 KiB and reads the next one", () => {
    const ids = observe(Buffer.from(`id: ${"x".repeat(70_000)}\n\nid: y\n\n`), () => 1_000).map(({ id }) => id);
    assert.deepEqual(ids, [undefined, "y"]);
  });
});

describe("encodeSseEvent", () => {
  it("writes id, type and data so that they are read as they were", () => {
    const bytes = encodeSseEvent({ id: "a b", type: "note", data: message });
    assert.equal(bytes.toString(), `event: note\nid: a b\ndata: ${message}\n\n`);
    const [event] = observe(bytes);
    assert.deepEqual([event?.id, event?.type, event?.text, event?.endOffset], ["a b", "note", message, bytes.length]);
  });

  it("writes each line of data, text or bytes, as its own data line", () => {
    assert.equal(observe(encodeSseEvent({ data: "a\nb\r\nc\rd\n" }))[0]?.text, "a\nb\nc\nd\n");
    assert.equal(observe(encodeSseEvent({ data: Buffer.from("é\n😀") }))[0]?.text, "é\n😀");
    assert.equal(observe(encodeSseEvent({ data: " a" }))[0]?.text, " a");
    assert.equal(encodeSseEvent({ id: "1", data: "" }).toString(), "id: 1\ndata: \n\n");
  });

  it("refuses an id or type that would break out of its line", () => {
    for (const wrong of ["a\nb", "a\rb", "a\0b"]) {
      assert.throws(() => encodeSseEvent({ id: wrong, data: "" }), RangeError);
      assert.throws(() => encodeSseEvent({ type: wrong, data: "" }), RangeError);
    }
  });
});

describe("sseComment", () => {
  it("is no event, whatever its text", () => {
    assert.equal(sseComment("keep alive").toString(), ": keep alive\n\n");
    assert.deepEqual(observe(sseComment("a\ndata: b\r\n\r\ndata: c\rdata: d")), []);
  });
});
