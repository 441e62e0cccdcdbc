// Contenders take turns in every round, each time another one first, so that what disturbs the machine disturbs all of them.
import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import type { ContenderName, Running, StartOptions } from "../contenders/contenders.ts";
import type { CallEra, CallsAnswer } from "../load/service.ts";
import { collectGarbage } from "../processes/garbage.ts";
import { cpuUs, residentKb } from "../processes/usage.ts";

/** Starts those that take part and can start, each with as many sessions as it bears of those wanted. */
export async function startAll(
  bench: Bench,
  resources: AsyncDisposableStack,
  names: readonly ContenderName[],
  sessions: number,
  options: StartOptions = {},
): Promise<readonly Running[]> {
  const started: Running[] = [];
  for (const name of names.filter((one) => bench.names.includes(one))) {
    try {
      const running = resources.use(await bench.start(name, options));
      const count = Math.min(sessions, running.mostSessions);
      await bench.load.ask("openSessions", { endpoint: running.endpoint, count });
      started.push(running);
    } catch (error) {
      bench.note(`${name} takes no part: ${describe(error)}`);
    }
  }
  return started;
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

/** Runs `take` for each contender in each round; one that fails is named and takes no further part. */
export async function inRounds<Contender extends Pick<Running, "name">>(
  bench: Bench,
  contenders: readonly Contender[],
  rounds: number,
  take: (running: Contender, round: number) => Promise<void>,
): Promise<void> {
  const failed = new Set<Contender>();
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const running = contenders[(turn + round) % contenders.length];
      if (running === undefined || failed.has(running)) continue;
      try {
        await take(running, round);
      } catch (error) {
        failed.add(running);
        bench.note(`${running.name} failed: ${describe(error)}`);
      }
    }
  }
}

export interface Slice extends CallsAnswer {
  readonly cpuUsPerCall: number;
}

/** One slice of small calls, with the CPU time that the contender took for them. A wrong answer is a failure. */
export async function runSlice(
  bench: Bench,
  running: Running,
  concurrency: number,
  durationMs: number,
  era: CallEra = "legacy",
): Promise<Slice> {
  const before = cpuUs(running.pid);
  const answer = await bench.load.ask("calls", { endpoint: running.endpoint, era, concurrency, durationMs });
  const used = cpuUs(running.pid) - before;
  if (answer.failed > 0) throw new Error(`${answer.failed} calls failed, the first with ${answer.firstFailure}`);
  return { ...answer, cpuUsPerCall: used / answer.calls };
}

/** Compilers and pools get warm before anything counts: after a number of calls, or a time for those who are slow. */
export async function warmUp(
  bench: Bench,
  contenders: readonly Running[],
  eraOf: (running: Running) => CallEra = () => "legacy",
): Promise<void> {
  const [enough, limitMs] = bench.isQuick ? [8_000, 1_500] : [40_000, 8_000];
  await inRounds(bench, contenders, 1, async (running) => {
    const start = performance.now();
    let calls = 0;
    while (calls < enough && performance.now() - start < limitMs) {
      calls += (await runSlice(bench, running, 32, 250, eraOf(running))).calls;
    }
  });
}

/** What the contender holds when it has nothing to do, without garbage where it was started with an inspector. */
export async function idleKb(running: Running): Promise<number> {
  // A write that it has put off, to its log or its store, belongs to what caused it.
  await delay(500);
  if (running.inspectorLog !== undefined) await collectGarbage(running.inspectorLog);
  return residentKb(running.pid);
}
