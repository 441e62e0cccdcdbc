// The same orders typed line by line, each answered in one line. Gives orders, and knows nothing of how they are carried out.
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { obey } from "./control.ts";
import { BadOrder, readWords } from "./order.ts";
import { shapes } from "./shapes.ts";
import { verbs } from "./verbs.ts";
import type { World } from "./world.ts";

export interface Terminal {
  readonly input: Readable;
  readonly output: Writable;
}

export function openTerminal(
  { input, output }: Terminal,
  world: World,
  refuse: (ms: number) => void,
  quit: () => void,
): { close(): void } {
  const lines = createInterface({ input });
  lines.on("line", (line) => {
    const [name = "", ...words] = line.trim().split(/\s+/);
    if (name === "") return;
    if (name === "quit") {
      output.write("stopped\n");
      return quit();
    }
    output.write(`${reply(world, refuse, name, words)}\n`);
  });
  return lines;
}

function reply(world: World, refuse: (ms: number) => void, name: string, words: readonly string[]): string {
  if (name === "help") return help();
  if (name === "status") return status(world);
  try {
    const takes = Object.hasOwn(verbs, name) ? (verbs[name]?.takes ?? []) : [];
    const { done, afterwards } = obey(world, refuse, { do: name, ...readWords(takes, words) });
    afterwards?.();
    return done;
  } catch (error) {
    if (!(error instanceof BadOrder)) throw error;
    return `${error.message}; "help" lists the orders`;
  }
}

function status({ sessions, counter, faults, methods, httpRequests }: World): string {
  const waiting = faults.map((fault) => `${fault.do} x${fault.times}`).join(", ") || "none";
  const initializes = methods.get("initialize") ?? 0;
  return `sessions ${sessions.size}, counter ${counter}, requests ${httpRequests}, initialize ${initializes}, faults waiting: ${waiting}`;
}

function help(): string {
  const rows = Object.entries(verbs).map(([name, { takes, does }]) => `  ${[name, ...takes].join(" ")}: ${does}`);
  const ways = Object.entries(shapes).map(([name, { who }]) => `  ${name}: ${who}`);
  return [...rows, "  status, help, quit", "Shapes of a lost session:", ...ways].join("\n");
}
