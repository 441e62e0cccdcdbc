// What was measured: one number per measure, contender and round. Ratios are taken within a round, because the machine changes between rounds.
import type { ContenderName } from "./contenders/contenders.ts";
import { median } from "./statistics.ts";

export const concurrencies = [1, 32, 128] as const;
export type Concurrency = (typeof concurrencies)[number];

/** The client's era, then the server's; L is legacy, M is 2026-07-28. */
export type EraPair = "LL" | "MM" | "LM" | "ML";

/** Every row of the tables, in their order, with the words that the reader sees. */
export const measures = {
  smallCpuUs1: "CPU per small call, c1, us",
  smallCpuUs32: "CPU per small call, c32, us",
  smallCpuUs128: "CPU per small call, c128, us",
  callsPerSecond1: "calls/s, c1",
  callsPerSecond32: "calls/s, c32",
  callsPerSecond128: "calls/s, c128",
  p50Us1: "p50, c1, us",
  p50Us32: "p50, c32, us",
  p50Us128: "p50, c128, us",
  p99Us1: "p99, c1, us",
  p99Us32: "p99, c32, us",
  p99Us128: "p99, c128, us",
  outlivingBytes: "outlives young collections, per small call, bytes",
  jsonCpuUs: "CPU per call answered as JSON, c32, us",
  sseCpuUs: "CPU per call answered as SSE, c32, us",
  cpuUsLL: "CPU per small call, c32, legacy throughout (LL), us",
  cpuUsMM: "CPU per small call, c32, modern throughout (MM), us",
  cpuUsLM: "CPU per small call, c32, legacy client of a modern server (LM), us",
  cpuUsML: "CPU per small call, c32, modern client of a legacy server (ML), us",
  p50UsLL: "p50, c1, LL, us",
  p50UsMM: "p50, c1, MM, us",
  p50UsLM: "p50, c1, LM, us",
  p50UsML: "p50, c1, ML, us",
  oneMbCpuMs: "CPU per 1 MB answer, ms",
  oneMbFirstByteMs: "first byte of a 1 MB answer, ms",
  oneMbPeakMb: "peak memory over idle, 1 MB answers, MB",
  oneMbPeakFourMb: "peak memory over idle, four 1 MB answers at once, MB",
  twentyMbCpuMs: "CPU per 20 MB answer, ms",
  twentyMbFirstByteMs: "first byte of a 20 MB answer, ms",
  twentyMbPeakMb: "peak memory over idle, 20 MB answers, MB",
  twentyMbPeakFourMb: "peak memory over idle, four 20 MB answers at once, MB",
  progressCpuUs: "CPU per progress event, us",
  progressArrived: "share of progress events that arrived",
  progressP50Us: "progress event, write to read, p50, us",
  sessionKb1k: "memory per session at 1,000, KB",
  sessionKb10k: "memory per session at 10,000, KB",
  fewSessionsCpuUs: "CPU per call with 1 session, c32, us",
  manySessionsCpuUs: "CPU per call with 10,000 sessions, c32, us",
  streamKb: "memory per idle GET stream at 1,000, KB",
  streamsMb5k: "memory of 5,000 idle GET streams, MB",
  fromStdioCpuUs: "stdio server, HTTP client: CPU per small call, c32, us",
  fromStdioCallsPerSecond: "stdio server, HTTP client: calls/s, c32",
  fromStdioP50Us: "stdio server, HTTP client: p50, c1, us",
  fromStdioToSseCpuUs: "stdio server, HTTP+SSE client: CPU per small call, c32, us",
  fromStdioToSseCallsPerSecond: "stdio server, HTTP+SSE client: calls/s, c32",
  fromStdioToSseP50Us: "stdio server, HTTP+SSE client: p50, c1, us",
  toStdioCpuUs: "HTTP server, stdio client: CPU per small call, c32, us",
  toStdioCallsPerSecond: "HTTP server, stdio client: calls/s, c32",
  toStdioP50Us: "HTTP server, stdio client: p50, c1, us",
  fromSseToStdioCpuUs: "HTTP+SSE server, stdio client: CPU per small call, c32, us",
  fromSseToStdioCallsPerSecond: "HTTP+SSE server, stdio client: calls/s, c32",
  fromSseToStdioP50Us: "HTTP+SSE server, stdio client: p50, c1, us",
  childrenOpenMs: "1,000 sessions with a program each: to open one, ms",
  childrenOwnKb: "1,000 sessions with a program each: memory of the bridge for one, KB",
  childrenAnswered: "1,000 sessions with a program each: that answer",
  childrenLeft: "1,000 sessions with a program each: programs left behind",
  startMs: "start to first answer, ms",
  nodeStartMs: "node -e 0, ms",
  recovery404Trips: "recovery from 404, alone, round trips",
  recovery400Trips: "recovery from 400, alone, round trips",
  recoveryHundredTrips: "recovery with 100 waiting calls, round trips",
  recoveryHundredAnswered: "answered of 100 waiting calls",
  recoveryHundredInitializes: "initializes for 100 waiting calls",
  recoveryHundredExecuted: "executed of 100 waiting calls",
  recoveryHundredTwice: "executed twice of 100 waiting calls",
} as const;
export type Measure = keyof typeof measures;

export interface Readings {
  add(measure: Measure, name: ContenderName, value: number): void;
  of(measure: Measure, name: ContenderName): readonly number[];
}

export function openReadings(): Readings {
  const values = new Map<string, number[]>();
  const list = (measure: Measure, name: ContenderName) => {
    const key = `${measure} ${name}`;
    const found = values.get(key) ?? [];
    values.set(key, found);
    return found;
  };
  return { add: (measure, name, value) => void list(measure, name).push(value), of: list };
}

/** The median of what `compute` makes of each round; NaN where nothing was measured. */
export function overRounds(series: readonly (readonly number[])[], compute: (...round: number[]) => number): number {
  const rounds = Math.min(...series.map((values) => values.length));
  const results = Array.from({ length: rounds }, (_, round) =>
    compute(...series.map((values) => values[round] ?? Number.NaN)),
  );
  return median(results.filter((value) => Number.isFinite(value)));
}
