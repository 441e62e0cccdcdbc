// Numbers and times as people read them. Pure; invents no state.

// Made once: each costs more than all that it formats on a page.
const numbers = new Intl.NumberFormat("en");
const clocks = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const order = new Intl.Collator("en", { numeric: true });

const steps: readonly (readonly [unit: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** "12 s", "3 min", "2 h", "5 d": the largest unit that fits, rounded down. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  for (const [unit, size] of steps) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return "0 s";
}

export function ago(time: string, nowMs: number): string {
  const passed = nowMs - Date.parse(time);
  return passed < 1_000 ? "just now" : `${span(passed)} ago`;
}

/** For what lies ahead: "in 4 s", or "now" when its time has come. */
export function ahead(time: string, nowMs: number): string {
  const left = Date.parse(time) - nowMs;
  return left < 1_000 ? "now" : `in ${span(left)}`;
}

/** "0.4 ms", "84 ms", "1.25 s". */
export function took(milliseconds: number): string {
  if (milliseconds >= 1_000) return `${(milliseconds / 1_000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  return `${milliseconds < 10 ? Math.round(milliseconds * 10) / 10 : Math.round(milliseconds)} ms`;
}

const sizes = ["B", "kB", "MB", "GB"] as const;

export function size(bytes: number): string {
  let left = bytes;
  let unit = 0;
  while (left >= 1_000 && unit < sizes.length - 1) {
    left /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || left >= 100 ? Math.round(left) : left.toFixed(1)} ${sizes[unit] ?? ""}`;
}

export function grouped(number: number): string {
  return numbers.format(number);
}

/** "c2" before "c10". */
export const byName = (a: string, b: string): number => order.compare(a, b);

export function countOf(number: number, one: string, many = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

/** "connected" as the API says it, with a capital; "needs-sign-in" is "Needs sign-in". */
export function capital(word: string): string {
  const spaced = word.replace("-", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** 14:03:05, in the reader's own zone. */
export function clock(time: string): string {
  return clocks.format(new Date(time));
}

/** The whole date, in the reader's own zone. */
export function moment(time: string): string {
  return moments.format(new Date(time));
}
