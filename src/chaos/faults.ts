// Faults that wait for a request: which request each one is for, and how often. Knows no sockets and performs nothing.
import type { Incoming, JsonObject } from "./json-rpc.ts";

export const cutPoints = ["before-headers", "after-headers", "mid-stream", "clean-end"] as const;
export type CutPoint = (typeof cutPoints)[number];

interface Waiting {
  /** How many more requests it meets. */
  times: number;
  /** JSON-RPC methods, or GET and DELETE; absent: see `meets`. */
  readonly methods: readonly string[] | undefined;
}

export interface AnswerFault extends Waiting {
  readonly do: "answer";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** An object may have the id "$id", which becomes the id of the request. */
  readonly body: string | JsonObject;
  /** The call runs first, and only its answer is lost. */
  readonly executed: boolean;
}

export interface CutFault extends Waiting {
  readonly do: "cut";
  readonly when: CutPoint;
  readonly executed: boolean;
}

interface CloseStreamFault extends Waiting {
  readonly do: "close-stream";
  readonly retryMs: number;
}

interface DelayFault extends Waiting {
  readonly do: "delay";
  readonly ms: number;
}

interface HangFault extends Waiting {
  readonly do: "hang";
}

export type Fault = AnswerFault | CutFault | CloseStreamFault | DelayFault | HangFault;

/** What a request is called where faults name it. */
export function namesOf(httpMethod: string, messages: readonly Incoming[]): readonly string[] {
  if (httpMethod !== "POST") return [httpMethod];
  return messages.map((message) => message.method ?? "response");
}

/** The first waiting fault of that kind for that request, which thereby has met it once. */
export function takeFault<Kind extends Fault["do"]>(
  faults: Fault[],
  kind: Kind,
  names: readonly string[],
  fits: (fault: Extract<Fault, { do: Kind }>) => boolean = () => true,
): Extract<Fault, { do: Kind }> | undefined {
  const isIt = (fault: Fault): fault is Extract<Fault, { do: Kind }> => fault.do === kind;
  const index = faults.findIndex((fault) => isIt(fault) && meets(fault, names) && fits(fault));
  const fault = faults[index];
  if (fault === undefined || !isIt(fault)) return undefined;
  fault.times--;
  if (fault.times <= 0) faults.splice(index, 1);
  return fault;
}

/** Without methods: cut streams are those of tool calls, all else is for any POST. A GET or DELETE is met only by name. */
function meets(fault: Fault, names: readonly string[]): boolean {
  const { methods } = fault;
  if (methods !== undefined) return names.some((name) => methods.includes(name));
  if (fault.do === "cut" || fault.do === "close-stream") return names.includes("tools/call");
  return !names.includes("GET") && !names.includes("DELETE");
}
