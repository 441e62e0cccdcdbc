// From the start of the process to its first right answer, beside the start of a Node that does nothing.
import { once } from "node:events";
import type { Bench } from "../bench.ts";
import { type ContenderName, contenderNames } from "../contenders/contenders.ts";
import { startChild } from "../processes/child.ts";
import type { Readings } from "../readings.ts";
import { describe } from "./rounds.ts";

async function startNode(): Promise<number> {
  await using child = await startChild(process.execPath, ["-e", "0"], { core: 1, logFile: "/dev/null" });
  if (!child.hasEnded()) await once(child.process, "exit");
  return performance.now() - child.startedAtMs;
}

export async function measureStart(bench: Bench, readings: Readings): Promise<void> {
  const names = new Set<ContenderName>(bench.names.filter((name) => name !== "direct"));
  for (let round = 0; round < bench.rounds; round++) {
    readings.add("nodeStartMs", "direct", await startNode());
    for (const name of contenderNames.filter((one) => names.has(one))) {
      try {
        await using running = await bench.start(name);
        readings.add("startMs", name, running.firstAnswerMs);
      } catch (error) {
        names.delete(name);
        bench.note(describe(error));
      }
    }
  }
}
