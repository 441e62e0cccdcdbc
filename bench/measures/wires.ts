// The same small call between wires that differ: what a bridge of stdio and HTTP+SSE costs, beside the programs that people use for it.
import type { Bench } from "../bench.ts";
import type { ContenderName } from "../contenders/contenders.ts";
import { pairs } from "../contenders/pairs.ts";
import { type PairRunning, startPair } from "../contenders/start-pair.ts";
import { cpuUs } from "../processes/usage.ts";
import type { Readings } from "../readings.ts";
import { describe, inRounds } from "./rounds.ts";

const measured = ["fromStdio", "fromStdioToSse", "toStdio", "fromSseToStdio"] as const;

/** Shorter than elsewhere: there are many of them, and what is compared differs by much. */
const sliceMs = 700;

async function slice(running: PairRunning, concurrency: number, durationMs: number) {
  const before = cpuUs(running.pid);
  const answer = await running.calls(concurrency, durationMs);
  const used = cpuUs(running.pid) - before;
  if (answer.failed > 0) throw new Error(`${answer.failed} calls failed, the first with ${answer.firstFailure}`);
  return { ...answer, cpuUsPerCall: used / answer.calls };
}

export async function measureWires(bench: Bench, readings: Readings): Promise<void> {
  await using servers = await bench.otherServers();
  for (const pair of measured) {
    await using resources = new AsyncDisposableStack();
    const contenders: PairRunning[] = [];
    for (const name of (Object.keys(pairs[pair].contenders) as ContenderName[]).filter((one) =>
      bench.names.includes(one),
    )) {
      try {
        const start = { name, servers, load: bench.load, sessions: 1 };
        contenders.push(resources.use(await startPair(pairs[pair], start)));
      } catch (error) {
        bench.note(`${name} takes no part in ${pair}: ${describe(error)}`);
      }
    }
    await inRounds(
      bench,
      contenders,
      1,
      async (running) => void (await slice(running, 32, bench.isQuick ? 500 : 3_000)),
    );
    await inRounds(bench, contenders, bench.rounds, async (running) => {
      const alone = await slice(running, 1, bench.isQuick ? 200 : sliceMs);
      const many = await slice(running, 32, bench.isQuick ? 300 : sliceMs);
      readings.add(`${pair}P50Us`, running.name, alone.p50Ms * 1_000);
      readings.add(`${pair}CpuUs`, running.name, many.cpuUsPerCall);
      readings.add(`${pair}CallsPerSecond`, running.name, (many.calls * 1_000) / many.elapsedMs);
    });
  }
}
