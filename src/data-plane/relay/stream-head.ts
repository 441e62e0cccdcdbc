// The head of an event stream of Holdfast's own making.
import type { ClientExchange } from "./client-exchange.ts";

export const streamHeaders = ["content-type", "text/event-stream", "cache-control", "no-cache, no-transform"] as const;
/** Asks nginx, and what took the habit over from it, not to collect a stream before it hands it on. */
export const unbuffered = ["x-accel-buffering", "no"] as const;

/** Answers a GET with a stream. */
export function sendStreamHead({ connection, ownHeaders = [] }: ClientExchange): void {
  connection.head(200, [...streamHeaders, ...unbuffered, ...ownHeaders]);
}
