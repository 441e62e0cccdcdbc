// Answers of 1 MB and 20 MB: CPU, time to the first byte, and how far memory rises over idle for one and for four at once.
import type { Bench } from "../bench.ts";
import { type ContenderName, contenderNames, type Running } from "../contenders/contenders.ts";
import type { BigCallsAnswer } from "../load/service.ts";
import { cpuUs, peakResidentKb, resetPeak } from "../processes/usage.ts";
import type { Readings } from "../readings.ts";
import { median } from "../statistics.ts";
import { idleKb, inRounds, startAll, warmUp } from "./rounds.ts";

const sizes = [
  { prefix: "oneMb", bytes: 1_000_000, count: 40, countSlow: 4 },
  { prefix: "twentyMb", bytes: 20_000_000, count: 6, countSlow: 1 },
] as const;

/** They take seconds for a 20 MB answer, so they get fewer. */
const isSlow = ({ name }: Running) => name === "supergateway" || name === "mcp-proxy";

async function run(
  bench: Bench,
  { endpoint }: Running,
  bytes: number,
  concurrency: number,
  count: number,
): Promise<BigCallsAnswer> {
  const answer = await bench.load.ask("bigCalls", { endpoint, bytes, concurrency, count });
  if (answer.failed > 0) {
    throw new Error(`${answer.failed} of ${count} answers of ${bytes} bytes failed: ${answer.firstFailure}`);
  }
  return answer;
}

async function measureCost(bench: Bench, readings: Readings): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const contenders = await startAll(bench, resources, contenderNames, 1);
  await warmUp(bench, contenders);
  await inRounds(bench, contenders, bench.rounds, async (running, round) => {
    if (isSlow(running) && round > 1) return;
    for (const { prefix, bytes, ...counts } of sizes) {
      const count = isSlow(running) ? counts.countSlow : counts.count;
      const before = cpuUs(running.pid);
      const { firstByteMs } = await run(bench, running, bytes, 1, count);
      readings.add(`${prefix}CpuMs`, running.name, (cpuUs(running.pid) - before) / 1_000 / count);
      readings.add(`${prefix}FirstByteMs`, running.name, median(firstByteMs));
    }
  });
}

/**
 * A process of its own for each, and its peaks over what it held, without garbage, before it ever saw a large answer.
 * Over what was resident just before, memory kept from the last answer would hide that of this one; and garbage that
 * was there at the start, or gathered since, is no part of what an answer needs.
 */
async function takePeaks(bench: Bench, readings: Readings, name: ContenderName, concurrency: 1 | 4): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const contenders = await startAll(bench, resources, [name], 1, { inspect: true });
  await warmUp(bench, contenders);
  await inRounds(bench, contenders, 1, async (running) => {
    const beforeKb = await idleKb(running);
    for (const { prefix, bytes, ...counts } of sizes) {
      await idleKb(running);
      resetPeak(running.pid);
      const oneByOne = isSlow(running) ? counts.countSlow : counts.count;
      await run(bench, running, bytes, concurrency, concurrency === 1 ? oneByOne : 4);
      const measure = concurrency === 1 ? (`${prefix}PeakMb` as const) : (`${prefix}PeakFourMb` as const);
      readings.add(measure, name, Math.max(0, peakResidentKb(running.pid) - beforeKb) / 1_024);
    }
  });
}

async function measurePeaks(bench: Bench, readings: Readings): Promise<void> {
  const names = bench.isQuick ? (["holdfast"] as const) : contenderNames;
  const rounds = bench.isQuick ? 1 : 3;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      await takePeaks(bench, readings, name, 1);
      await takePeaks(bench, readings, name, 4);
    }
  }
}

export async function measureLarge(bench: Bench, readings: Readings): Promise<void> {
  await measureCost(bench, readings);
  await measurePeaks(bench, readings);
}
