// How verbs speak: results on standard output, everything else on standard error; colour only where a person looks and NO_COLOR is not set.
import { isatty } from "node:tty";
import type { ConnectorStatus } from "../../api/schema.ts";

export interface Terminal {
  /** A result: JSON on one line per value, or text. */
  readonly out: (text: string) => void;
  /** What is not the result. Silent with --quiet. */
  readonly note: (text: string) => void;
  readonly paint: (colour: Colour, text: string) => string;
}

const colours = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof colours;

export function openTerminal({ quiet = false } = {}): Terminal {
  const coloured = isColoured(process.env, isatty(1));
  return {
    out: (text) => void process.stdout.write(text.endsWith("\n") ? text : `${text}\n`),
    note: (text) => void (quiet || process.stderr.write(`${text}\n`)),
    paint: (colour, text) => (coloured ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text),
  };
}

/** https://no-color.org: set and not empty means no colour, whatever its value. */
export function isColoured(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return isTerminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

/** Columns of equal width; the first line is the head. Colour is given per cell, after the width is known. */
export function table(
  rows: readonly (readonly string[])[],
  paint: (text: string, row: number, column: number) => string,
): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row, line) =>
      row
        .map((cell, column) => {
          const last = column === row.length - 1;
          return paint(last ? cell : cell.padEnd(widths[column] ?? 0), line, column);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function colourOf(kind: ConnectorStatus["kind"]): Colour {
  if (kind === "connected") return "green";
  if (kind === "connecting" || kind === "recovering") return "yellow";
  return kind === "disconnected" ? "dim" : "red";
}

/** "3 min", for the time since; a clock that runs ahead gives "0 s". */
export function ago(time: string, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(time)) / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
