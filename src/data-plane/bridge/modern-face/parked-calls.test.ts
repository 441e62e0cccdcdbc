// How many calls may wait for their clients, and for how long.
import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import type { ModernCall } from "./modern-call.ts";
import { repeatMs } from "./park-machine.ts";
import { ParkedCalls } from "./parked-calls.ts";

const limits = { ttlMs: 300_000, perPrincipal: 2, perProcess: 3 };

/** Stands for a call: all that the place where it waits knows of it is how to end it. */
function calls(...names: readonly string[]) {
  const expired: string[] = [];
  const parked = new ParkedCalls(limits);
  for (const name of names) {
    const call = {
      expire() {
        expired.push(name);
        parked.settle(name);
      },
    };
    parked.wait(name, name.slice(0, 1), call as unknown as ModernCall);
  }
  return { parked, expired };
}

describe("calls that wait", () => {
  it("are as many as one caller may have, and the oldest gives way to one more", () => {
    assert.deepEqual(calls("a1", "a2").expired, []);
    assert.deepEqual(calls("a1", "a2", "a3").expired, ["a1"]);
  });

  it("are as many as the process may have, whosoever they are", () => {
    assert.deepEqual(calls("a1", "b1", "c1").expired, []);
    assert.deepEqual(calls("a1", "b1", "c1", "d1").expired, ["a1"]);
  });

  it("count from when they began to wait again", () => {
    const { parked, expired } = calls("a1", "a2");
    parked.wait("a1", "a", parked.find("a1") as ModernCall);
    parked.wait("a3", "a", { expire() {} } as unknown as ModernCall);
    assert.deepEqual(expired, ["a2"]);
  });

  it("end after their time, and are forgotten a minute after they ended", () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const { parked, expired } = calls("a1");
      mock.timers.tick(limits.ttlMs - 1);
      assert.deepEqual(expired, []);
      mock.timers.tick(1);
      assert.deepEqual(expired, ["a1"]);
      mock.timers.tick(repeatMs - 1);
      assert.ok(parked.find("a1") !== undefined);
      mock.timers.tick(1);
      assert.equal(parked.find("a1"), undefined);
    } finally {
      mock.timers.reset();
    }
  });
});
