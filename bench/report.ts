// Turns readings into Markdown tables, for the terminal and for bench/README.md. Judges by targets.ts alone.
import { readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { contenderNames } from "./contenders/contenders.ts";
import { type Measure, measures, type Readings } from "./readings.ts";
import { lowest, median } from "./statistics.ts";
import { judge, type Target, targets } from "./targets.ts";

const readme = new URL("./README.md", import.meta.url);
const startMarker = "<!-- last run: start -->";
const endMarker = "<!-- last run: end -->";

function show(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3)));
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

function targetRow(target: Target, readings: Readings): readonly string[] {
  const measured = target.measured(readings, "median");
  const best = target.measured(readings, "best");
  const sign = target.atLeast === true ? ">=" : target.limit === 0 ? "=" : "<=";
  const aim = target.aim === undefined ? "" : ` (aim ${show(target.aim)})`;
  const wanted = `${sign} ${show(target.limit)} ${target.unit}${aim}`;
  return [target.name, wanted.replace("  ", " "), show(measured), judge(target, measured), show(best)];
}

function measureRow(measure: Measure, readings: Readings): readonly string[] {
  const cells = contenderNames.map((name) => {
    const values = readings.of(measure, name);
    return values.length === 0 ? "-" : `${show(median(values))} (${show(lowest(values))})`;
  });
  return [measures[measure], ...cells];
}

export function reportOf(readings: Readings): string {
  const judged = targets.map((target) => targetRow(target, readings));
  const measured = (Object.keys(measures) as Measure[])
    .map((measure) => measureRow(measure, readings))
    .filter((row) => row.slice(1).some((cell) => cell !== "-"));
  return [
    table([["target", "wanted", "measured", "", "best rounds"], ...judged]),
    table([["median of the rounds (lowest)", ...contenderNames], ...measured]),
  ].join("\n\n");
}

/** Load above 1 before the bench began is other programs, and makes every figure but the ratios worse. */
export function describeRun(rounds: number, pinned: boolean, loadBefore: number): string {
  const processors = cpus();
  const model = processors[0]?.model ?? "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  const cores = pinned ? "contender pinned to one core, generator and upstream to another" : "processes not pinned";
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, Node ${process.versions.node}, ${processors.length} x ${model}, ${memory} GB; ${rounds} rounds; ${cores}; load of other programs at the start ${show(loadBefore)}.`;
}

export async function writeReadme(description: string, report: string, notes: readonly string[]): Promise<void> {
  const text = await readFile(readme, "utf8");
  const [before, rest] = text.split(startMarker);
  const after = rest?.split(endMarker)[1];
  if (before === undefined || after === undefined) throw new Error("bench/README.md has lost its markers");
  const remarks = notes.map((note) => `- ${note}\n`).join("");
  const body = `${description}\n\n${report}\n${remarks === "" ? "" : `\n${remarks}`}`;
  await writeFile(readme, `${before}${startMarker}\n${body}${endMarker}${after}`);
}
