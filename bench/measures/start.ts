// From the start of the process to its first right answer, beside the start of a Node that does nothing.
import { once } from "node:events";
import type { Bench } from "../bench.ts";
import { type ContenderName, contenderNames } from "../contenders/contenders.ts";
import { startChild } from "../processes/child.ts";
import type { Readings } from "../readings.ts";
import { median } from "../statistics.ts";
import { describe } from "./rounds.ts";

async function startNode(): Promise<number> {
  await using child = await startChild(process.execPath, ["-e", "0"], { core: 1, logFile: "/dev/null" });
  if (!child.hasEnded()) await once(child.process, "exit");
  return performance.now() - child.startedAtMs;
}

/** A single start of 50 ms says little on a shared machine. */
async function ofThree(measure: () => Promise<number>): Promise<number> {
  return median([await measure(), await measure(), await measure()]);
}

export async function measureStart(bench: Bench, readings: Readings): Promise<void> {
  const names = new Set<ContenderName>(bench.names.filter((name) => name !== "direct"));
  for (let round = 0; round < bench.rounds; round++) {
    readings.add("nodeStartMs", "direct", await ofThree(startNode));
    for (const name of contenderNames.filter((one) => names.has(one))) {
      try {
        const startOnce = async () => {
          await using running = await bench.start(name);
          return running.firstAnswerMs;
        };
        readings.add("startMs", name, await ofThree(startOnce));
      } catch (error) {
        names.delete(name);
        bench.note(describe(error));
      }
    }
  }
}
