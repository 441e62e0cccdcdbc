// What the generator can be asked to do, and what it answers. Types only: the bench and the generator are two processes.
import type { Endpoint } from "../wire/connection.ts";

export interface Timings {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Of the client: legacy calls belong to a session, modern ones (2026-07-28) say everything themselves. */
export type CallEra = "legacy" | "modern";

export interface CallsQuestion {
  readonly era: CallEra;
  readonly endpoint: Endpoint;
  readonly concurrency: number;
  readonly durationMs: number;
}

export interface CallsAnswer extends Timings {
  readonly calls: number;
  readonly failed: number;
  readonly firstFailure: string | undefined;
  readonly elapsedMs: number;
}

/** A client of whole messages: of an event stream that is open, or of a program that it starts. */
export type WireQuestion =
  | { readonly kind: "sse"; readonly endpoint: Endpoint }
  | { readonly kind: "stdio"; readonly command: string; readonly args: readonly string[]; readonly logFile: string };

export interface WireCallsQuestion {
  readonly wire: number;
  readonly concurrency: number;
  readonly durationMs: number;
}

export interface BigCallsQuestion {
  readonly endpoint: Endpoint;
  readonly bytes: number;
  readonly concurrency: number;
  readonly count: number;
}

export interface BigCallsAnswer {
  readonly failed: number;
  readonly firstFailure: string | undefined;
  readonly firstByteMs: readonly number[];
  readonly elapsedMs: number;
}

export interface ProgressQuestion {
  readonly endpoint: Endpoint;
  readonly calls: number;
  readonly events: number;
  readonly everyMs: number;
}

export interface ProgressAnswer {
  readonly arrived: number;
  readonly failed: number;
  /** From the upstream's write to the generator's read; undefined when no event told its time. */
  readonly p50Ms: number | undefined;
}

export interface CountQuestion {
  readonly endpoint: Endpoint;
  readonly count: number;
}

export interface WaitingCallsAnswer {
  readonly answered: number;
  readonly firstFailure: string | undefined;
  /** On the clock that all processes share. */
  readonly lastAnswerAtMs: number;
}
