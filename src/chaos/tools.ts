// The tools of the faulty server, one row each. They run and report; faults are none of their business.
import { setTimeout as wait } from "node:timers/promises";
import { ask, type Call, tell } from "./call.ts";
import { isObject, type JsonObject } from "./json-rpc.ts";
import { logLevels } from "./log-levels.ts";
import { announce, announceUpdate } from "./notices.ts";

const maxWaitMs = 600_000;
const maxSteps = 10_000;
const maxTextBytes = 1_073_741_824;

type ToolResult = { readonly text: string; readonly isError?: boolean } | { readonly bigTextBytes: number };

export interface Tool {
  readonly description: string;
  readonly properties: Readonly<Record<string, "string" | "integer">>;
  readonly required?: readonly string[];
  readonly annotations?: JsonObject;
  readonly run: (args: JsonObject, call: Call) => ToolResult | Promise<ToolResult>;
}

const readOnly = { readOnlyHint: true } as const;

const textArg = (args: JsonObject, name: string, otherwise = "") =>
  typeof args[name] === "string" ? args[name] : otherwise;

function numberArg(args: JsonObject, name: string, otherwise: number, most: number): number {
  const value = args[name];
  if (typeof value !== "number" || !Number.isFinite(value)) return otherwise;
  return Math.min(Math.max(0, Math.trunc(value)), most);
}

async function askFor(call: Call, capability: string, method: string, params: JsonObject): Promise<ToolResult> {
  if (!isObject(call.session.clientCapabilities[capability]))
    return { text: `this client does not offer ${capability}`, isError: true };
  try {
    const { result, error } = await ask(call, method, params);
    return error === undefined ? { text: JSON.stringify(result) } : { text: JSON.stringify(error), isError: true };
  } catch (error) {
    call.signal.throwIfAborted();
    return { text: error instanceof Error ? error.message : String(error), isError: true };
  }
}

async function reportProgress(args: JsonObject, call: Call): Promise<ToolResult> {
  const steps = numberArg(args, "steps", 3, maxSteps);
  const everyMs = numberArg(args, "everyMs", 10, maxWaitMs);
  const meta = call.request.params["_meta"];
  const token = isObject(meta) ? meta["progressToken"] : undefined;
  for (let step = 1; step <= steps; step++) {
    await wait(everyMs, undefined, { signal: call.signal });
    if (token === undefined) continue;
    const params = { progressToken: token, progress: step, total: steps, message: `step ${step} of ${steps}` };
    await tell(call, "notifications/progress", params);
  }
  return { text: `${steps} steps done` };
}

async function logAllLevels(args: JsonObject, call: Call): Promise<ToolResult> {
  const from = call.session.logLevel === undefined ? 0 : logLevels.indexOf(call.session.logLevel);
  const heard = logLevels.slice(from);
  const data = textArg(args, "message", "a message of the log tool");
  for (const level of heard) await tell(call, "notifications/message", { level, logger: "chaos", data });
  return { text: `sent ${heard.join(", ")}` };
}

/** One of the tools below, or one that is there only so that the list differs. */
export function toolNamed(name: string): Tool {
  const known = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (known !== undefined) return known;
  return {
    description: `Says its name, ${name}.`,
    properties: {},
    annotations: readOnly,
    run: () => ({ text: `I am ${name}` }),
  };
}

export const tools: Readonly<Record<string, Tool>> = {
  echo: {
    description: "Returns the text it is given.",
    properties: { text: "string" },
    required: ["text"],
    annotations: readOnly,
    run: (args) => ({ text: textArg(args, "text") }),
  },
  count: {
    description: "Adds one to the counter of the process and returns it. The executions per key can be read at /chaos.",
    properties: { key: "string" },
    run: (_args, { world }) => {
      world.counter++;
      announceUpdate(world, "chaos://counter");
      return { text: String(world.counter) };
    },
  },
  slow: {
    description: "Answers after that many milliseconds.",
    properties: { ms: "integer", key: "string" },
    annotations: readOnly,
    run: async (args, { signal }) => {
      const ms = numberArg(args, "ms", 1_000, maxWaitMs);
      await wait(ms, undefined, { signal });
      return { text: `waited ${ms} ms` };
    },
  },
  progress: {
    description: "Sends progress while it works, if asked with a progress token.",
    properties: { steps: "integer", everyMs: "integer" },
    annotations: readOnly,
    run: reportProgress,
  },
  big: {
    description: "Returns a text of that many bytes, streamed.",
    properties: { bytes: "integer" },
    annotations: readOnly,
    run: (args) => ({ bigTextBytes: numberArg(args, "bytes", 1_048_576, maxTextBytes) }),
  },
  ask: {
    description: "Asks the user through the client (elicitation) and returns what came back.",
    properties: { message: "string" },
    run: (args, call) =>
      askFor(call, "elicitation", "elicitation/create", {
        message: textArg(args, "message", "What is your answer?"),
        requestedSchema: { type: "object", properties: { answer: { type: "string" } }, required: ["answer"] },
      }),
  },
  sample: {
    description: "Asks the client's model (sampling) and returns what came back.",
    properties: { message: "string" },
    run: (args, call) =>
      askFor(call, "sampling", "sampling/createMessage", {
        messages: [{ role: "user", content: { type: "text", text: textArg(args, "message", "Say something.") } }],
        maxTokens: 100,
      }),
  },
  log: {
    description: "Sends one log message per level, filtered by the level the client set.",
    properties: { message: "string" },
    annotations: readOnly,
    run: logAllLevels,
  },
  add_tool: {
    description: "Adds a tool of that name and tells every client that the list changed.",
    properties: { name: "string" },
    required: ["name"],
    run: (args, { world }) => {
      const name = textArg(args, "name", "extra");
      world.settings.tools.set(name, toolNamed(name));
      announce(world, "notifications/tools/list_changed");
      return { text: `added ${name}` };
    },
  },
  remove_tool: {
    description: "Removes the tool of that name and tells every client that the list changed.",
    properties: { name: "string" },
    required: ["name"],
    run: (args, { world }) => {
      const name = textArg(args, "name");
      if (!world.settings.tools.delete(name)) return { text: `there is no tool ${name}`, isError: true };
      announce(world, "notifications/tools/list_changed");
      return { text: `removed ${name}` };
    },
  },
};
