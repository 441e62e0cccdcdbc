// The targets of the project as a table: what is compared with what, and the limit. Ratios within a round wherever a machine's speed matters.
import type { ContenderName } from "./contenders/contenders.ts";
import { type Measure, overRounds, type Readings } from "./readings.ts";
import { highest, lowest, median } from "./statistics.ts";

export interface Target {
  readonly name: string;
  readonly limit: number;
  /** What is hoped for beyond what must be. */
  readonly aim?: number;
  readonly atLeast?: boolean;
  readonly unit: string;
  readonly measured: (readings: Readings, view: View) => number;
}

/** Judged is the median of the rounds. The best of each contender, compared, tells what a quiet machine might show. */
export type View = "median" | "best";

type Cell = readonly [measure: Measure, name: ContenderName];

function overView(view: View, series: readonly (readonly number[])[], compute: (...round: number[]) => number): number {
  return overRounds(view === "best" ? series.map((values) => [lowest(values)]) : series, compute);
}

const ratio =
  (above: Cell, below: Cell): Target["measured"] =>
  (readings, view) =>
    overView(view, [readings.of(...above), readings.of(...below)], (a, b) => a / b);

/** What a proxy adds to the latency of the upstream itself, against what nginx adds. */
const addedRatio =
  (measure: Measure): Target["measured"] =>
  (readings, view) =>
    overView(
      view,
      (["holdfast", "nginx", "direct"] as const).map((name) => readings.of(measure, name)),
      (holdfast = Number.NaN, nginx = Number.NaN, direct = Number.NaN) => (holdfast - direct) / (nginx - direct),
    );

const typical =
  (measure: Measure): Target["measured"] =>
  (readings, view) =>
    (view === "best" ? lowest : median)(readings.of(measure, "holdfast"));

/** For promises that must hold each time: the worst round counts. */
const worst =
  (measure: Measure, which: "lowest" | "highest"): Target["measured"] =>
  (readings) => {
    const values = readings.of(measure, "holdfast");
    return which === "lowest" ? lowest(values) : highest(values);
  };

/** More is better here, so the best round is the highest. */
const rateRatio: Target["measured"] = (readings, view) => {
  const series = (["holdfast", "nginx"] as const).map((name) => readings.of("callsPerSecond32", name));
  return overRounds(
    view === "best" ? series.map((values) => [highest(values)]) : series,
    (a = Number.NaN, b = Number.NaN) => a / b,
  );
};

const nginx = (measure: Measure) => ratio([measure, "holdfast"], [measure, "nginx"]);
/** What it replaces must not be cheaper. */
const supergateway = (measure: Measure) => ratio([measure, "holdfast"], [measure, "supergateway"]);
const mcpProxy = (measure: Measure) => ratio([measure, "holdfast"], [measure, "mcp-proxy"]);

export const targets: readonly Target[] = [
  { name: "CPU per small call, c32, of nginx's", limit: 2.5, aim: 2, unit: "x", measured: nginx("smallCpuUs32") },
  {
    name: "CPU per small call, c32, of the bare pass-through's",
    limit: 1.2,
    unit: "x",
    measured: ratio(["smallCpuUs32", "holdfast"], ["smallCpuUs32", "bare"]),
  },
  { name: "CPU per small call, c32, of mcp-proxy's", limit: 1 / 15, unit: "x", measured: mcpProxy("smallCpuUs32") },
  { name: "added p50, c1, of nginx's", limit: 1.4, aim: 1.2, unit: "x", measured: addedRatio("p50Us1") },
  {
    name: "calls/s, c32, of nginx's",
    limit: 0.5,
    aim: 0.7,
    atLeast: true,
    unit: "x",
    measured: rateRatio,
  },
  {
    name: "outlives young collections, per small call",
    limit: 1_000,
    aim: 100,
    unit: "bytes",
    measured: typical("outlivingBytes"),
  },
  {
    name: "CPU of an SSE answer, of a JSON one's",
    limit: 1.2,
    aim: 1.1,
    unit: "x",
    measured: ratio(["sseCpuUs", "holdfast"], ["jsonCpuUs", "holdfast"]),
  },
  {
    name: "CPU per small call, c32, MM, of LL's",
    // "No dearer", and what two runs of the same differ by.
    limit: 1.05,
    aim: 1,
    unit: "x",
    measured: ratio(["cpuUsMM", "holdfast"], ["cpuUsLL", "holdfast"]),
  },
  {
    name: "p50, c1, MM, of LL's",
    // "No dearer", and what two runs of the same differ by.
    limit: 1.05,
    aim: 1,
    unit: "x",
    measured: ratio(["p50UsMM", "holdfast"], ["p50UsLL", "holdfast"]),
  },
  {
    name: "CPU per small call, c32, LM, of LL's",
    limit: 2.5,
    aim: 2,
    unit: "x",
    measured: ratio(["cpuUsLM", "holdfast"], ["cpuUsLL", "holdfast"]),
  },
  {
    name: "CPU per small call, c32, ML, of LL's",
    limit: 3,
    aim: 2,
    unit: "x",
    measured: ratio(["cpuUsML", "holdfast"], ["cpuUsLL", "holdfast"]),
  },
  { name: "CPU of a 20 MB answer, of nginx's", limit: 1.6, aim: 1, unit: "x", measured: nginx("twentyMbCpuMs") },
  { name: "CPU of a 20 MB answer, of mcp-proxy's", limit: 0.25, unit: "x", measured: mcpProxy("twentyMbCpuMs") },
  { name: "first byte of a 20 MB answer, of nginx's", limit: 1.5, unit: "x", measured: nginx("twentyMbFirstByteMs") },
  { name: "peak over idle, one 20 MB answer", limit: 24, aim: 16, unit: "MB", measured: typical("twentyMbPeakMb") },
  { name: "peak over idle, four 20 MB answers", limit: 32, unit: "MB", measured: typical("twentyMbPeakFourMb") },
  { name: "CPU of a progress event, of nginx's", limit: 2.5, aim: 2, unit: "x", measured: nginx("progressCpuUs") },
  {
    name: "progress events that arrive",
    limit: 1,
    atLeast: true,
    unit: "of 1",
    measured: worst("progressArrived", "lowest"),
  },
  { name: "added p50 of a progress event, of nginx's", limit: 2, unit: "x", measured: addedRatio("progressP50Us") },
  { name: "memory per session at 10,000", limit: 2, aim: 1, unit: "KB", measured: typical("sessionKb10k") },
  {
    name: "CPU per call with 10,000 sessions, of with 1",
    limit: 1.1,
    unit: "x",
    measured: ratio(["manySessionsCpuUs", "holdfast"], ["fewSessionsCpuUs", "holdfast"]),
  },
  { name: "memory per idle GET stream, of nginx's", limit: 1.1, aim: 1, unit: "x", measured: nginx("streamKb") },
  {
    name: "CPU, stdio server to HTTP, of supergateway's",
    limit: 1,
    unit: "x",
    measured: supergateway("fromStdioCpuUs"),
  },
  {
    name: "CPU, stdio server to HTTP+SSE, of supergateway's",
    limit: 1,
    unit: "x",
    measured: supergateway("fromStdioToSseCpuUs"),
  },
  { name: "CPU, HTTP server to stdio, of supergateway's", limit: 1, unit: "x", measured: supergateway("toStdioCpuUs") },
  {
    name: "CPU, HTTP+SSE server to stdio, of supergateway's",
    limit: 1,
    unit: "x",
    measured: supergateway("fromSseToStdioCpuUs"),
  },
  {
    name: "of 1,000 sessions with a program each, that answer",
    limit: 1_000,
    atLeast: true,
    unit: "sessions",
    measured: worst("childrenAnswered", "lowest"),
  },
  { name: "programs left behind by them", limit: 0, unit: "", measured: worst("childrenLeft", "highest") },
  {
    name: "start to first answer, of node -e 0",
    limit: 3,
    aim: 2,
    unit: "x",
    measured: ratio(["startMs", "holdfast"], ["nodeStartMs", "direct"]),
  },
  { name: "start to first answer, of mcp-proxy's", limit: 1 / 3, unit: "x", measured: mcpProxy("startMs") },
  { name: "recovery from 404, alone", limit: 2.3, unit: "round trips", measured: typical("recovery404Trips") },
  { name: "recovery from 400, alone", limit: 2.3, unit: "round trips", measured: typical("recovery400Trips") },
  {
    name: "recovery with 100 waiting calls",
    limit: 4,
    aim: 3,
    unit: "round trips",
    measured: typical("recoveryHundredTrips"),
  },
  {
    name: "of 100 waiting calls, answered",
    limit: 100,
    atLeast: true,
    unit: "calls",
    measured: worst("recoveryHundredAnswered", "lowest"),
  },
  {
    name: "of 100 waiting calls, executed",
    limit: 100,
    atLeast: true,
    unit: "calls",
    measured: worst("recoveryHundredExecuted", "lowest"),
  },
  {
    name: "of 100 waiting calls, executed twice",
    limit: 0,
    unit: "calls",
    measured: worst("recoveryHundredTwice", "highest"),
  },
  {
    name: "initializes for 100 waiting calls",
    limit: 1,
    unit: "",
    measured: worst("recoveryHundredInitializes", "highest"),
  },
];

export type Verdict = "met" | "not met" | "not measured";

export function judge(target: Target, measured: number): Verdict {
  if (!Number.isFinite(measured)) return "not measured";
  const isMet = target.atLeast === true ? measured >= target.limit : measured <= target.limit;
  return isMet ? "met" : "not met";
}
