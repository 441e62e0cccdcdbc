// Values of flags that are numbers: parsed, and refused with a sentence outside their range.
import { InvalidArgumentError } from "commander";

export function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

export function number(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
  };
}

/** An IPv6 address may be written as in a URL. */
export function hostAddress(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, "$1");
  if (host !== "") return host;
  throw new InvalidArgumentError("It must not be empty.");
}

export function directory(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It must not be empty.");
}

/** The same on a bridge and on a hub's connector. */
export const mostMessageBytes = wholeNumber(1_024, 2 ** 30);
export const startSeconds = number(0.1, 3_600);
