// Answers of 1 MB and 20 MB: CPU, time to the first byte, and how far memory rises over idle for one and for four at once.
import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import { contenderNames, type Running } from "../contenders/contenders.ts";
import { cpuUs, peakResidentKb, resetPeak, residentKb } from "../processes/usage.ts";
import type { Measure, Readings } from "../readings.ts";
import { median } from "../statistics.ts";
import { inRounds, startAll, warmUp } from "./rounds.ts";

const sizes = [
  { prefix: "oneMb", bytes: 1_000_000, count: 40, countSlow: 4 },
  { prefix: "twentyMb", bytes: 20_000_000, count: 6, countSlow: 1 },
] as const;

/** They take seconds for a 20 MB answer, so they get fewer. */
const isSlow = ({ name }: Running) => name === "supergateway" || name === "mcp-proxy";

export async function measureLarge(bench: Bench, readings: Readings): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const contenders = await startAll(bench, resources, contenderNames, 1);
  await warmUp(bench, contenders);
  const idleKb = new Map<Running, number>();
  await delay(500);
  for (const running of contenders) {
    idleKb.set(running, residentKb(running.pid));
  }

  const run = async (running: Running, bytes: number, concurrency: number, count: number) => {
    resetPeak(running.pid);
    const before = cpuUs(running.pid);
    const answer = await bench.load.ask("bigCalls", { endpoint: running.endpoint, bytes, concurrency, count });
    if (answer.failed > 0)
      throw new Error(`${answer.failed} of ${count} answers of ${bytes} bytes: ${answer.firstFailure}`);
    const cpuMs = (cpuUs(running.pid) - before) / 1_000 / count;
    const peakMb = (peakResidentKb(running.pid) - (idleKb.get(running) ?? 0)) / 1_024;
    return { cpuMs, peakMb: Math.max(0, peakMb), firstByteMs: median(answer.firstByteMs) };
  };

  await inRounds(bench, contenders, bench.rounds, async (running, round) => {
    if (isSlow(running) && round > 1) return;
    const add = (measure: Measure, value: number) => readings.add(measure, running.name, value);
    for (const { prefix, bytes, count, countSlow } of sizes) {
      const one = await run(running, bytes, 1, isSlow(running) ? countSlow : count);
      add(`${prefix}CpuMs`, one.cpuMs);
      add(`${prefix}FirstByteMs`, one.firstByteMs);
      add(`${prefix}PeakMb`, one.peakMb);
      const four = await run(running, bytes, 4, 4);
      add(`${prefix}PeakFourMb`, four.peakMb);
    }
  });
}
