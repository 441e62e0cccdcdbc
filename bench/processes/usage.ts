// Reads from /proc what a process tree has used: CPU time, resident memory, its peak. Linux only. Changes nothing but the peak mark.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

// The kernel reports CPU time in ticks of this length to every program, whatever its own clock does.
const usPerTick = 10_000;

export interface Stat {
  readonly pid: number;
  /** With the pid it names one process for good; the pid alone is used again. */
  readonly startedAt: string;
  readonly parent: number;
  readonly ticks: number;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name is in parentheses and may hold spaces.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
    return { pid, startedAt: fields[19] ?? "", parent: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}

/** The process and all that descend from it, now. */
export function treeOf(root: number): readonly Stat[] {
  const all = readdirSync("/proc").flatMap((name) => {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
    return stat === undefined ? [] : [stat];
  });
  const tree = all.filter((stat) => stat.pid === root);
  // The list grows while it is walked: children of children are found too.
  for (const member of tree) tree.push(...all.filter((stat) => stat.parent === member.pid));
  return tree;
}

export function isAlive(process: Stat): boolean {
  return readStat(process.pid)?.startedAt === process.startedAt;
}

/** CPU time of the tree so far, in microseconds: every thread, and children that have ended. */
export function cpuUs(root: number): number {
  return treeOf(root).reduce((sum, stat) => sum + stat.ticks, 0) * usPerTick;
}

function statusKb(pid: number, field: string): number {
  try {
    const line = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return Number(line?.[1] ?? 0);
  } catch {
    return 0;
  }
}

export function residentKb(root: number): number {
  return treeOf(root).reduce((sum, stat) => sum + statusKb(stat.pid, "VmRSS"), 0);
}

/** Of this one process, without what it has started. */
export function ownResidentKb(pid: number): number {
  return statusKb(pid, "VmRSS");
}

export function peakResidentKb(root: number): number {
  return treeOf(root).reduce((sum, stat) => sum + statusKb(stat.pid, "VmHWM"), 0);
}

/** Lets the peak start again at what is resident now. */
export function resetPeak(root: number): void {
  for (const stat of treeOf(root)) writeFileSync(`/proc/${stat.pid}/clear_refs`, "5");
}
