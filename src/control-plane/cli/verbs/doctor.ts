// `holdfast doctor NAME|URL`: which step toward the server fails, and what to do. A URL needs no hub and no connector.
import { readServerUrl } from "../../../config/servers/index.ts";
import type { DoctorReport } from "../../api/schema.ts";
import { exitCodes } from "../hub/exit-codes.ts";
import { openHub } from "../hub/open-hub.ts";
import { type Colour, type Terminal, table } from "../hub/terminal.ts";
import { addressOf } from "./read-server.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export interface DoctorFlags extends CommonFlags {
  readonly header: readonly string[];
  readonly transport?: string;
}

export async function doctor(target: string, flags: DoctorFlags, context: VerbContext): Promise<number> {
  const report = /^(?:https?|wss?):\/\//i.test(target)
    ? await ofUrl(target, flags, context)
    : await ofConnector(target, flags, context);
  context.show(report, () => described(report, context.terminal));
  return exitCodeOf(report);
}

function ofUrl(url: string, flags: DoctorFlags, { parts }: VerbContext): Promise<DoctorReport> {
  const kind = /^ws/i.test(url) ? "websocket" : "http";
  const { host } = readServerUrl(url, kind, "The server");
  return parts.runDoctor({ name: host, resolve: () => addressOf(url, flags) });
}

async function ofConnector(name: string, flags: DoctorFlags, { terminal, parts }: VerbContext): Promise<DoctorReport> {
  await using hub = await openHub(flags, terminal, parts);
  return await hub.doctor(name);
}

const marks: Readonly<Record<DoctorReport["steps"][number]["outcome"], readonly [string, Colour]>> = {
  ok: ["ok", "green"],
  failed: ["FAILED", "red"],
  skipped: ["-", "dim"],
};

function described(report: DoctorReport, { paint }: Terminal): string {
  const rows = report.steps.map(({ step, outcome, ms, sentence }) => [
    step,
    marks[outcome][0],
    `${Math.round(ms)} ms`,
    sentence,
  ]);
  const steps = table(rows, (text, row, column) => {
    const step = report.steps[row];
    return column === 1 && step !== undefined ? paint(marks[step.outcome][1], text) : text;
  });
  const head = report.steps.find(({ outcome }) => outcome === "failed")?.head ?? "";
  return [
    steps,
    ...(head === "" ? [] : [`The server says: ${head}`]),
    paint(report.ok ? "green" : "red", report.verdict),
    ...(report.action === undefined ? [] : [report.action]),
  ].join("\n");
}

function exitCodeOf(report: DoctorReport): number {
  const failed = report.steps.find(({ outcome }) => outcome === "failed");
  if (failed === undefined) return exitCodes.ok;
  if (failed.step === "config") return exitCodes.usage;
  return failed.status === 401 ? exitCodes.signIn : exitCodes.unreachable;
}
