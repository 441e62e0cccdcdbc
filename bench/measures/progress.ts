// Calls that report progress a hundred times: CPU per event in a burst, the share that arrives, and the delay of events 4 ms apart.
import type { Bench } from "../bench.ts";
import { contenderNames, type Running } from "../contenders/contenders.ts";
import { cpuUs } from "../processes/usage.ts";
import type { Readings } from "../readings.ts";
import { inRounds, startAll } from "./rounds.ts";

const events = 100;

function burstCalls(bench: Bench, { name }: Running): number {
  const calls = name === "mcp-proxy" || name === "supergateway" ? 20 : 400;
  return bench.isQuick ? calls / 2 : calls;
}

export async function measureProgress(bench: Bench, readings: Readings): Promise<void> {
  await using resources = new AsyncDisposableStack();
  // Only an event stream can carry progress, so mcp-proxy answers with one here.
  const contenders = await startAll(bench, resources, contenderNames, 1, { answers: "sse" });
  const run = async (running: Running, calls: number, everyMs: number) => {
    const question = { endpoint: running.endpoint, calls, events, everyMs };
    const before = cpuUs(running.pid);
    const answer = await bench.load.ask("progressCalls", question);
    if (answer.failed > 0) throw new Error("a call with progress failed");
    return { ...answer, cpuUs: cpuUs(running.pid) - before };
  };
  await inRounds(bench, contenders, 1, async (running) => void (await run(running, burstCalls(bench, running) / 4, 0)));
  await inRounds(bench, contenders, bench.rounds, async (running) => {
    const calls = burstCalls(bench, running);
    const burst = await run(running, calls, 0);
    readings.add("progressCpuUs", running.name, burst.cpuUs / (calls * events));
    const spread = await run(running, 1, 4);
    const share = (burst.arrived + spread.arrived) / ((calls + 1) * events);
    readings.add("progressArrived", running.name, share);
    if (spread.p50Ms !== undefined) readings.add("progressP50Us", running.name, spread.p50Ms * 1_000);
  });
}
