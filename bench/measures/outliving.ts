// What a small call leaves to the slow collector: bytes that outlive the young collections, where garbage costs nothing.
import type { Bench } from "../bench.ts";
import { outlivingBytes } from "../processes/garbage.ts";
import type { Readings } from "../readings.ts";
import { inRounds, runSlice, startAll, warmUp } from "./rounds.ts";

/** So many that what is young at the end does not count. */
const calls = 60_000;

export async function measureOutliving(bench: Bench, readings: Readings): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const contenders = await startAll(bench, resources, ["bare", "holdfast"], 32, { inspect: true });
  await warmUp(bench, contenders);
  await inRounds(bench, contenders, 1, async (running) => {
    const { inspectorLog } = running;
    if (inspectorLog === undefined) return;
    let done = 0;
    const bytes = await outlivingBytes(inspectorLog, async () => {
      while (done < calls) done += (await runSlice(bench, running, 32, 500)).calls;
    });
    readings.add("outlivingBytes", running.name, bytes / done);
  });
}
