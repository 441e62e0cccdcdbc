// Small calls: CPU per call, calls per second and latency at three concurrencies; then the same call answered as an event stream.
import type { Bench } from "../bench.ts";
import { contenderNames } from "../contenders/contenders.ts";
import { type Concurrency, concurrencies, type Readings } from "../readings.ts";
import { inRounds, runSlice, startAll, warmUp } from "./rounds.ts";

export async function measureSmall(bench: Bench, readings: Readings): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const contenders = await startAll(bench, resources, contenderNames, 32);
  await warmUp(bench, contenders);
  const take = (concurrency: Concurrency) =>
    inRounds(bench, contenders, 1, async (running) => {
      const slice = await runSlice(bench, running, concurrency, bench.sliceMs);
      readings.add(`smallCpuUs${concurrency}`, running.name, slice.cpuUsPerCall);
      readings.add(`callsPerSecond${concurrency}`, running.name, (slice.calls * 1_000) / slice.elapsedMs);
      readings.add(`p50Us${concurrency}`, running.name, slice.p50Ms * 1_000);
      readings.add(`p99Us${concurrency}`, running.name, slice.p99Ms * 1_000);
    });
  for (let round = 0; round < bench.rounds; round++) {
    for (const concurrency of concurrencies) await take(concurrency);
  }
}

/** Only those that pass on the kind of answer that the upstream chose. */
export async function measureEventStreamAnswers(bench: Bench, readings: Readings): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const names = bench.isQuick ? (["holdfast"] as const) : (["direct", "nginx", "bare", "holdfast"] as const);
  const contenders = await startAll(bench, resources, names, 32);
  await warmUp(bench, contenders);
  for (let round = 0; round <= bench.rounds; round++) {
    for (const [answers, measure] of [
      ["json", "jsonCpuUs"],
      ["sse", "sseCpuUs"],
    ] as const) {
      await bench.upstream.ask("setMode", { answers, delayMs: 0 });
      // The first round only warms the second kind of answer.
      await inRounds(bench, contenders, 1, async (running) => {
        const slice = await runSlice(bench, running, 32, bench.sliceMs);
        if (round > 0) readings.add(measure, running.name, slice.cpuUsPerCall);
      });
    }
  }
  await bench.upstream.ask("setMode", { answers: "json", delayMs: 0 });
}
