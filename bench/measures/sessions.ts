// What sessions and idle streams cost: memory for each, and whether a call costs more when there are many of them.
import type { Bench } from "../bench.ts";
import type { ContenderName } from "../contenders/contenders.ts";
import type { Readings } from "../readings.ts";
import { idleKb, inRounds, runSlice, startAll, warmUp } from "./rounds.ts";

/** Quick runs measure only what a target compares. */
function takingPart(bench: Bench, quick: readonly ContenderName[]): readonly ContenderName[] {
  const names = bench.isQuick ? quick : (["nginx", "bare", "holdfast", "mcp-proxy"] as const);
  return names.filter((name) => bench.names.includes(name));
}

/** Open before the first look at the memory, so that what the first sessions bring into being is not theirs. */
const warmSessions = 100;

async function measureSessionMemory(bench: Bench, readings: Readings): Promise<void> {
  for (const name of takingPart(bench, ["holdfast"])) {
    await using resources = new AsyncDisposableStack();
    const contenders = await startAll(bench, resources, [name], warmSessions, { inspect: true });
    await warmUp(bench, contenders);
    await inRounds(bench, contenders, 1, async (running) => {
      const emptyKb = await idleKb(running);
      for (const [count, measure] of [
        [1_000, "sessionKb1k"],
        [10_000, "sessionKb10k"],
      ] as const) {
        if (count > running.mostSessions) continue;
        await bench.load.ask("openSessions", { endpoint: running.endpoint, count });
        readings.add(measure, name, ((await idleKb(running)) - emptyKb) / (count - warmSessions));
      }
    });
  }
}

/** Among them the streams that are counted first, whose memory is told for each. */
const manyStreams = 5_000;

export async function measureStreams(bench: Bench, readings: Readings): Promise<void> {
  const count = 1_000;
  for (const name of takingPart(bench, ["nginx", "holdfast"])) {
    await using resources = new AsyncDisposableStack();
    const most = bench.isQuick || name === "nginx" ? count : manyStreams;
    const contenders = await startAll(bench, resources, [name], most, { inspect: true });
    await warmUp(bench, contenders);
    await inRounds(bench, contenders, 1, async (running) => {
      const beforeKb = await idleKb(running);
      await bench.load.ask("openStreams", { endpoint: running.endpoint, count });
      readings.add("streamKb", name, ((await idleKb(running)) - beforeKb) / count);
      if (most > count) {
        await bench.load.ask("openStreams", { endpoint: running.endpoint, count: most });
        readings.add("streamsMb5k", name, ((await idleKb(running)) - beforeKb) / 1_024);
      }
      await bench.load.ask("closeStreams");
    });
  }
}

/** Two of each, one with a single session and one with many, taking turns. */
async function measureGrowth(bench: Bench, readings: Readings): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const names = takingPart(bench, []).filter((name) => name !== "mcp-proxy");
  const few = await startAll(bench, resources, names, 1);
  const many = await startAll(bench, resources, names, 10_000);
  await warmUp(bench, [...few, ...many]);
  await inRounds(bench, [...few, ...many], bench.rounds, async (running) => {
    const slice = await runSlice(bench, running, 32, bench.sliceMs);
    const measure = few.includes(running) ? "fewSessionsCpuUs" : "manySessionsCpuUs";
    readings.add(measure, running.name, slice.cpuUsPerCall);
  });
}

export async function measureSessions(bench: Bench, readings: Readings): Promise<void> {
  await measureSessionMemory(bench, readings);
  // Opening its sessions would take most of a quick run.
  if (!bench.isQuick) await measureGrowth(bench, readings);
}
