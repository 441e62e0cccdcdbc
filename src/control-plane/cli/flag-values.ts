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

/** The same on a bridge and on a hub's connector. */
export const mostMessageBytes = wholeNumber(1_024, 2 ** 30);
export const startSeconds = number(0.1, 3_600);
