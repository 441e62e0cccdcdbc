// Proves the limit of age, `--stream-keep`, to the millisecond: just below it and at it a client still gets what it missed, just above it no more.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import type { ClientConnection } from "./client-exchange.ts";
import { ClientStream } from "./client-stream.ts";
import { StreamClock } from "./stream-clock.ts";

const keepMs = 600_000;
const limits = {
  keepMs,
  keepEvents: 10,
  keepBytes: 10_000,
  keepTotalBytes: 10_000,
  openAfterMs: 3_000,
  keepAliveMs: keepMs * 10,
  durable: false,
};

let nowMs = 0;

/** The clock looks once more when that much has passed since the beginning. */
function passTo(ms: number): void {
  nowMs = ms;
  mock.timers.tick(1_000);
}

/** A client's connection that takes everything. */
function connection() {
  const written: string[] = [];
  let isGone = false;
  const leavers: (() => void)[] = [];
  const taken: ClientConnection = {
    get gone() {
      return isGone;
    },
    onGone: (listener) => void leavers.push(listener),
    answer: () => {},
    head: () => {},
    write: (chunk) => written.push(Buffer.from(chunk).toString()) > 0,
    onDrain: () => {},
    end: () => {},
    destroy: () => {},
  };
  const leave = () => {
    isGone = true;
    for (const listener of leavers) listener();
  };
  return { ...taken, written, leave };
}

function open() {
  const clock = new StreamClock(limits);
  const streams = new Set<ClientStream>();
  const owner = { finished: () => {}, over: (stream: ClientStream) => void streams.delete(stream) };
  const parts = { kind: "answer", token: "t", asked: ["1"], knowsPriming: true, journal: undefined } as const;
  const stream = new ClientStream({ ...parts, owner, clock });
  streams.add(stream);
  clock.streams.add({
    tick: () => {
      for (const each of streams) each.tick();
      return true;
    },
    isAnswering: false,
  });
  const first = connection();
  stream.attach(first);
  stream.event([Buffer.from("data: missed\n\n")]);
  return { stream, first };
}

/** What a client is given that comes back and has read nothing. */
function comeBack(stream: ClientStream): string {
  const again = connection();
  stream.attach(again, 0);
  return again.written.join("");
}

describe("what is kept of a stream, by its age", () => {
  beforeEach(() => {
    nowMs = 0;
    mock.method(process, "hrtime", () => [Math.floor(nowMs / 1_000), (nowMs % 1_000) * 1_000_000]);
    mock.timers.enable({ apis: ["setInterval"] });
  });
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  for (const [when, ms, isKept] of [
    ["just below the limit", keepMs - 1, true],
    ["at the limit", keepMs, true],
    ["just above the limit", keepMs + 1, false],
  ] as const) {
    const verb = isKept ? "is given" : "is not given";
    it(`${verb} ${when}, while a client is there`, () => {
      const { stream } = open();
      passTo(ms);
      assert.equal(comeBack(stream).includes("data: missed"), isKept);
      assert.equal(stream.gone, false);
    });

    it(`${verb} ${when}, where the answer was given whole`, () => {
      const { stream } = open();
      stream.end();
      passTo(ms);
      assert.equal(stream.gone, !isKept);
      assert.equal(comeBack(stream).includes("data: missed"), isKept);
    });

    it(`${verb} ${when} of the client's leaving, which is when a call is given up`, () => {
      const { stream, first } = open();
      let givenUp = 0;
      stream.keeper = { left: () => {}, expired: () => (givenUp += 1) };
      first.leave();
      passTo(ms);
      passTo(ms);
      assert.deepEqual([givenUp, stream.gone], isKept ? [0, false] : [1, true]);
      assert.equal(comeBack(stream).includes("data: missed"), isKept);
    });
  }
});
