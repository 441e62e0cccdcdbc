// What a Node process keeps and what it throws away, through its inspector. Node only.
import { setTimeout as delay } from "node:timers/promises";
import { openInspector } from "./inspector.ts";

/** Makes an idle process collect its garbage, so that what stays resident is what it holds. */
export async function collectGarbage(logFile: string): Promise<void> {
  await using inspector = await openInspector(logFile);
  for (let round = 1; round <= 2; round++) {
    await inspector.ask("HeapProfiler.collectGarbage");
    // Freed pages go back to the system a little later.
    await delay(300);
  }
}

interface AllocationNode {
  readonly selfSize: number;
  readonly children: readonly AllocationNode[];
}

const sampleEveryBytes = 8 * 1024;

/**
 * Bytes allocated during `work` that a young collection did not find to be garbage: what lived long, and what only seemed to because something
 * dead led to it. A sample; what was allocated since the last collection counts as well, so `work` has to be long.
 */
export async function outlivingBytes(logFile: string, work: () => Promise<void>): Promise<number> {
  await using inspector = await openInspector(logFile);
  await inspector.ask("HeapProfiler.startSampling", {
    samplingInterval: sampleEveryBytes,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: false,
  });
  await work();
  const { profile } = (await inspector.ask("HeapProfiler.stopSampling")) as { profile: { head: AllocationNode } };
  const sizeOf = (node: AllocationNode): number =>
    node.children.reduce((size, child) => size + sizeOf(child), node.selfSize);
  return sizeOf(profile.head);
}
