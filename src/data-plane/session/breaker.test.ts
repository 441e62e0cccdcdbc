// Drives the breaker with a table of lives and with servers that forget for ever. Pure: the clock is a number.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { admit, type BreakerState, closedBreaker, failed } from "./breaker.ts";
import { Breaker } from "./connector.ts";

const hourMs = 3_600_000;

/** Fails `times` times in a row, one millisecond apart; answers the state and the time after. */
function failing(times: number, startMs = 1_000): { readonly state: BreakerState; readonly nowMs: number } {
  let state = closedBreaker;
  for (let count = 0; count < times; count += 1) state = failed(state, startMs + count, "one");
  return { state, nowMs: startMs + times - 1 };
}

describe("the breaker", () => {
  it("lets every attempt through while fewer than five restores in a row bore nothing", () => {
    for (let times = 0; times < 5; times += 1) {
      const { state, nowMs } = failing(times);
      assert.equal(admit(state, nowMs)[1], 0, `${times} failures`);
    }
  });

  it("pauses for a second after the fifth, and says how long is left", () => {
    const { state, nowMs } = failing(5);
    assert.equal(admit(state, nowMs)[1], 1_000);
    assert.equal(admit(state, nowMs + 400)[1], 600);
  });

  it("lets one attempt through after the pause and holds back the next ones", () => {
    const { state, nowMs } = failing(5);
    const [probing, waitMs] = admit(state, nowMs + 1_000);
    assert.equal(waitMs, 0);
    assert.ok(admit(probing, nowMs + 1_001)[1] > 0);
  });

  it("doubles the pause with each failure up to five seconds", () => {
    let { state, nowMs } = failing(5);
    const pauses: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const pauseMs = admit(state, nowMs)[1];
      pauses.push(pauseMs);
      nowMs += pauseMs;
      state = failed(admit(state, nowMs)[0], nowMs, "one");
    }
    assert.deepEqual(pauses, [1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  });

  it("closes at once when a session has proven that the server is well", () => {
    let nowMs = 0;
    const breaker = new Breaker(() => nowMs);
    for (let count = 0; count < 7; count += 1) breaker.failed("one");
    assert.ok(breaker.admit() > 0);
    nowMs += 10;
    breaker.proven();
    for (let count = 0; count < 4; count += 1) {
      breaker.failed("one");
      assert.equal(breaker.admit(), 0);
    }
  });

  it("forgets failures that lie more than half a minute apart", () => {
    let state = closedBreaker;
    for (let count = 0; count < 50; count += 1) {
      state = failed(state, count * 30_001, "one");
      assert.equal(admit(state, count * 30_001)[1], 0);
    }
  });
});

describe("a crowd", () => {
  it("of sessions that one event takes counts once each, and trips nothing", () => {
    let state = closedBreaker;
    for (let round = 0; round < 2; round += 1)
      for (let session = 0; session < 20; session += 1) state = failed(state, 1_000, `session ${session}`);
    assert.equal(admit(state, 1_000)[1], 0);
  });

  it("at a server that takes them all is stopped after fifty, and what was begun before lengthens no pause", () => {
    let state = closedBreaker;
    for (let session = 0; session < 49; session += 1) state = failed(state, 1_000, `session ${session}`);
    assert.equal(admit(state, 1_000)[1], 0);
    for (let session = 49; session < 200; session += 1) state = failed(state, 1_000, `session ${session}`);
    assert.equal(admit(state, 1_000)[1], 1_000);
  });
});

describe("a pause", () => {
  it("that is sat out ends for all as soon as the server is proven well", async () => {
    const breaker = new Breaker(() => 0);
    const pauses = [breaker.pause(60_000), breaker.pause(60_000)];
    breaker.proven();
    await Promise.all(pauses);
  });
});

/** A server that forgets every session at once, asked at these moments: when was an attempt let through? */
function attempts(gapsMs: readonly number[]): readonly number[] {
  const admitted: number[] = [];
  let state = closedBreaker;
  let nowMs = 0;
  for (const gapMs of gapsMs) {
    nowMs += gapMs;
    const [after, retryAfterMs] = admit(state, nowMs);
    state = retryAfterMs > 0 ? after : failed(after, nowMs, "one");
    if (retryAfterMs === 0) admitted.push(nowMs);
  }
  return admitted;
}

describe("any server that forgets for ever", () => {
  const gaps = fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 20_000 })), {
    minLength: 1,
    maxLength: 200,
  });

  it("is asked at most once per pause after the first five attempts, however many ask", () => {
    const property = fc.property(gaps, (gapsMs) => {
      const admitted = attempts(gapsMs);
      let open = false;
      for (let index = 5; index < admitted.length; index += 1) {
        open ||= isRow(admitted.slice(index - 5, index));
        const gapMs = (admitted[index] ?? 0) - (admitted[index - 1] ?? 0);
        if (open) assert.ok(gapMs >= 1_000, `${gapMs} ms between two attempts`);
      }
    });
    fc.assert(property, { numRuns: 3_000 });
  });

  it("gets at most five attempts at once and twelve per minute from then on", () => {
    const admitted = attempts(Array<number>(hourMs / 100).fill(100));
    assert.equal(admitted.filter((atMs) => atMs <= 1_000).length, 5);
    for (let minute = 1; minute < 60; minute += 1) {
      const inMinute = admitted.filter((atMs) => Math.floor(atMs / 60_000) === minute);
      assert.ok(inMinute.length >= 11 && inMinute.length <= 12, `${inMinute.length} attempts in minute ${minute}`);
    }
  });

  it("is always asked again within five seconds", () => {
    const property = fc.property(gaps, fc.integer({ min: 0, max: 20_000 }), (gapsMs, laterMs) => {
      let state = closedBreaker;
      let nowMs = 0;
      for (const gapMs of gapsMs) {
        nowMs += gapMs;
        const [after, retryAfterMs] = admit(state, nowMs);
        state = retryAfterMs > 0 ? after : failed(after, nowMs, "one");
      }
      const [, retryAfterMs] = admit(state, nowMs + laterMs);
      assert.ok(retryAfterMs <= 5_000, `${retryAfterMs} ms`);
    });
    fc.assert(property, { numRuns: 3_000 });
  });
});

function isRow(timesMs: readonly number[]): boolean {
  return timesMs.every((atMs, index) => index === 0 || atMs - (timesMs[index - 1] ?? 0) <= 30_000);
}
