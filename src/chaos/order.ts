// Reads what an order to the faulty server says, from JSON or from typed words, and refuses what it does not understand.
import { isObject, type JsonObject } from "./json-rpc.ts";

const maxTimes = 1_000_000_000;
export const maxOrderMs = 600_000;

/** Said to whoever gave the order; nothing was done. */
export class BadOrder extends Error {
  override readonly name = "BadOrder";
}

export interface Order {
  readonly text: (name: string, otherwise?: string) => string;
  readonly whole: (name: string, otherwise: number, most?: number) => number;
  readonly flag: (name: string, otherwise: boolean) => boolean;
  /** An array, or words with commas between them. */
  readonly list: (name: string) => readonly string[] | undefined;
  readonly object: (name: string) => JsonObject | undefined;
  readonly raw: (name: string) => unknown;
}

const flags: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  ["on", true],
  ["off", false],
]);

export function readOrder(members: JsonObject): Order {
  const raw = (name: string) => (Object.hasOwn(members, name) ? members[name] : undefined);
  return {
    raw,
    text: (name, otherwise) => {
      const value = raw(name) ?? otherwise;
      if (typeof value === "string" || typeof value === "number") return String(value);
      throw new BadOrder(`"${name}" has to be a text`);
    },
    whole: (name, otherwise, most = maxTimes) => {
      const value = raw(name) ?? otherwise;
      if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most) return value;
      throw new BadOrder(`"${name}" has to be a whole number from 0 to ${most}`);
    },
    flag: (name, otherwise) => {
      const value = flags.get(raw(name) ?? otherwise);
      if (value === undefined) throw new BadOrder(`"${name}" has to be true or false`);
      return value;
    },
    list: (name) => {
      const value = raw(name);
      if (value === undefined) return undefined;
      if (typeof value === "string") return value.split(",");
      if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
      throw new BadOrder(`"${name}" has to be a list of texts`);
    },
    object: (name) => {
      const value = raw(name);
      if (value === undefined || isObject(value)) return value;
      throw new BadOrder(`"${name}" has to be an object`);
    },
  };
}

/** `forget 404-json`, `cut mid-stream times=2 executed=true`: words fill `takes` in order, `name=value` says it by name. */
export function readWords(takes: readonly string[], words: readonly string[]): JsonObject {
  const members: Record<string, unknown> = {};
  const free = [...takes];
  for (const word of words) {
    const equals = word.indexOf("=");
    const name = equals > 0 ? word.slice(0, equals) : free.find((taken) => !Object.hasOwn(members, taken));
    if (name === undefined) throw new BadOrder(`"${word}" is one word too many`);
    members[name] = readValue(equals > 0 ? word.slice(equals + 1) : word);
  }
  return members;
}

function readValue(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}
