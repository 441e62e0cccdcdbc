import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { askTwice } from "./second-ask.ts";

type Outcome = "good" | "bad" | "late";

/** Two asks whose outcomes the test gives. */
function twice(afterMs: number) {
  const asks: PromiseWithResolvers<Outcome>[] = [];
  const spared: Outcome[] = [];
  const second = Promise.withResolvers<void>();
  const outcome = askTwice<Outcome>({
    ask: (isSecond) => {
      const given = Promise.withResolvers<Outcome>();
      asks.push(given);
      if (isSecond) second.resolve();
      return given.promise;
    },
    afterMs,
    settles: (given) => given !== "bad",
    spare: (given) => void spared.push(given),
  });
  return { asks, spared, outcome, second: second.promise };
}

describe("askTwice", () => {
  it("asks once where the first is answered in time, whatever it is", async () => {
    const { asks, outcome } = twice(60_000);
    asks[0]?.resolve("bad");
    assert.equal(await outcome, "bad");
    assert.equal(asks.length, 1);
  });

  for (const index of [0, 1])
    it(`takes the ${index === 0 ? "first" : "second"} of two if it is the one that is answered well, and spares what comes later`, async () => {
      const { asks, spared, outcome, second } = twice(1);
      await second;
      asks[index]?.resolve("good");
      assert.equal(await outcome, "good");
      asks[1 - index]?.resolve("late");
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(spared, ["late"]);
    });

  it("waits for the other one where the first to come settles nothing, and takes the later if neither does", async () => {
    const { asks, spared, outcome, second } = twice(1);
    await second;
    asks[1]?.resolve("bad");
    asks[0]?.resolve("bad");
    assert.equal(await outcome, "bad");
    assert.deepEqual(spared, []);
  });
});
