// Random schedules of what can happen to a session: what a step is, and how often each one comes. Does nothing of it.
import * as fc from "fast-check";
import type { Refusal } from "./scripted-server.ts";

/** What happens to the server. */
export type Breaking =
  | { readonly do: "forget" }
  | { readonly do: "forget-next"; readonly times: number }
  | { readonly do: "slow"; readonly ms: number }
  | { readonly do: "cut"; readonly when: "before" | "after" }
  | { readonly do: "restart"; readonly downMs: number };

export type Step =
  | { readonly do: "call"; readonly ms: number; readonly via: number }
  | { readonly do: "list" | "notify"; readonly via: number }
  | { readonly do: "leave" | "cancel" | "stream" | "delete" | "stop" }
  | Breaking;

/** A step, and how long the schedule waits after it: undefined is not at all, 0 is one turn of the event loop. */
type Timed = readonly [Step, thenMs: number | undefined];

export interface Schedule {
  readonly refusal: Refusal;
  /** The server's word that its tool may run twice is believed. */
  readonly trusted: boolean;
  /** The session holds a log level, which a restore must put back before anything waits no longer. */
  readonly holdsState: boolean;
  readonly steps: readonly Timed[];
}

const via = fc.nat({ max: 1 });
/** What may come in every schedule. */
export const shared = [
  { weight: 10, arbitrary: fc.record({ do: fc.constant("call" as const), ms: fc.nat({ max: 8 }), via }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("list" as const, "notify" as const), via }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("forget" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("forget-next" as const), times: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("slow" as const), ms: fc.nat({ max: 15 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("cut" as const),
      when: fc.constantFrom("before" as const, "after" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), downMs: fc.nat({ max: 25 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("leave" as const, "cancel" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("stream" as const, "delete" as const) }) },
];
/** The end of Holdfast itself, with its sessions left as they are. */
export const stopping = { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const) }) };

const thenMs = fc.constantFrom(undefined, undefined, 0, 0, 1, 3, 8);
export const scheduleOf = (step: fc.Arbitrary<Step>): fc.Arbitrary<Schedule> =>
  fc.record({
    refusal: fc.constantFrom<Refusal>(404, 400),
    trusted: fc.boolean(),
    holdsState: fc.boolean(),
    steps: fc.array(fc.tuple(step, thenMs), { minLength: 3, maxLength: 18 }),
  });
