// Turns what was known of a failure into plain sentences for its message. Pure; quotes no server and names no address.
import type { ErrorDetails } from "./proxy-error.ts";

/** "" when nothing is known beyond the catalogue's own words. */
export function detailSentence(details: ErrorDetails): string {
  return [effort(details), answer(details), details.note].filter((part) => part !== undefined && part !== "").join(" ");
}

function effort({ tried, waitedMs, attempts }: ErrorDetails): string | undefined {
  if (tried === undefined && waitedMs === undefined && attempts === undefined) return undefined;
  const times = attempts === undefined ? "" : ` ${attempts} ${attempts === 1 ? "time" : "times"}`;
  const span = waitedMs === undefined ? "" : ` for ${duration(waitedMs)}`;
  if (tried === undefined && attempts === undefined) return `Waited${span}.`;
  return `Tried${tried === undefined ? "" : ` ${tried}`}${times}${span}.`;
}

function answer({ upstream }: ErrorDetails): string | undefined {
  if (upstream?.status === undefined) return undefined;
  // Not "HTTP 404": clients exist that send a call again when a message says so.
  const type = upstream.contentType === undefined || upstream.contentType === "" ? "" : ` (${upstream.contentType})`;
  return `The last answer had status ${upstream.status}${type}.`;
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
