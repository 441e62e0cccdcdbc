// The "holdfast" object of a config file's entry: what only Holdfast has a use for, where the clients that share the file pass over it.
import type { EntryOptions } from "./connector-entry.ts";

type Path = readonly (string | number)[];

const key = "holdfast";
const modes = ["transparent", "notify", "strict"] as const;

/** Named like the flags of `holdfast add`. */
export function readOptions(
  value: Readonly<Record<string, unknown>>,
  wrong: (path: Path, says: string) => void,
): EntryOptions {
  const given = value[key];
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    wrong([key], 'must be an object such as {"trusted": true, "recovery": "notify", "recoveryWindow": 60}.');
    return {};
  }
  const options: { -readonly [Key in keyof EntryOptions]: EntryOptions[Key] } = {};
  for (const [name, set] of Object.entries(given)) {
    const says = take(options, name, set);
    if (says !== undefined) wrong([key, name], says);
  }
  return options;
}

/** Gives back what is wrong with it. */
function take(
  options: { -readonly [Key in keyof EntryOptions]: EntryOptions[Key] },
  name: string,
  set: unknown,
): string | undefined {
  switch (name) {
    case "trusted":
      if (typeof set !== "boolean") return "must be true or false.";
      options.trusted = set;
      return undefined;
    case "recovery": {
      const mode = modes.find((one) => one === set);
      if (mode === undefined) return `is one of ${modes.join(", ")}.`;
      options.recovery = mode;
      return undefined;
    }
    case "recoveryWindow":
      return inRange(set, 0, 3_600, "seconds", (value) => (options.recoveryWindowMs = Math.round(value * 1_000)));
    case "startTimeout":
      return inRange(set, 0.1, 3_600, "seconds", (value) => (options.startTimeoutMs = Math.round(value * 1_000)));
    case "maxMessage":
      return inRange(set, 1_024, 2 ** 30, "bytes", (value) => (options.maxMessageBytes = Math.round(value)));
    default:
      return "is not known: trusted, recovery, recoveryWindow, startTimeout and maxMessage are.";
  }
}

function inRange(
  set: unknown,
  least: number,
  most: number,
  unit: string,
  take: (value: number) => void,
): string | undefined {
  if (typeof set !== "number" || !(set >= least && set <= most))
    return `must be a number of ${unit} from ${least} to ${most}.`;
  take(set);
  return undefined;
}
