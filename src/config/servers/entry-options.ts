// The "holdfast" object of a config file's entry: what only Holdfast has a use for, where the clients that share the file pass over it.
import { connectorDefaults } from "../index.ts";
import type { EntryOptions } from "./connector-entry.ts";

type Path = readonly (string | number)[];

const key = "holdfast";
const modes = ["transparent", "notify", "strict"] as const;
const longestWindowSeconds = 3_600;

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
      if (typeof set !== "number" || set < 0 || set > longestWindowSeconds)
        return `must be a number of seconds from 0 to ${longestWindowSeconds}, such as ${connectorDefaults.recoveryWindowMs / 1_000}.`;
      options.recoveryWindowMs = Math.round(set * 1_000);
      return undefined;
    default:
      return "is not known: trusted, recovery and recoveryWindow are.";
  }
}
