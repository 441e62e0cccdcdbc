// Tells whether two values read from JSON are the same, by a short text that can be stored. Keeps nothing of the values.
import { createHash } from "node:crypto";

export function digestOf(value: unknown, length: number): string {
  return createHash("sha256").update(printed(value)).digest("base64url").slice(0, length);
}

/** Reading JSON knows no depth limit, printing it does; what lies too deep is not told apart. */
function printed(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "too deep";
  }
}
