// Keeps one event stream open to the hub while somebody looks, and tells how that stands. Takes a broken line for what it is: no news.
import { batch, signal } from "@preact/signals";
import type { LiveEvent } from "../../api/schema.ts";
import { isSignedIn, request } from "./api.ts";
import { readEvents } from "./event-stream.ts";
import { now, tick } from "./time.ts";

/** `broken` since a time: what the page shows was true then. */
export type Line =
  | { readonly at: "opening" }
  | { readonly at: "live" }
  | { readonly at: "broken"; readonly sinceMs: number };

export const line = signal<Line>({ at: "opening" });

const retryMs = [250, 500, 1_000, 2_000, 4_000] as const;
/** The hub sends at least a comment that often; after twice that the line counts as dead. */
const silenceMs = 45_000;
/** A tab that nobody sees gives its connection back: a browser has only six to one hub. */
const hiddenMs = 10_000;

type Take = (events: readonly LiveEvent[]) => void;

export function startLive(take: Take): void {
  let stop = new AbortController();
  let hiding: number | undefined;
  let running = Promise.resolve();
  const run = () => {
    stop.abort();
    stop = new AbortController();
    const { signal: stopped } = stop;
    running = running.then(() => keepOpen(take, stopped));
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = window.setTimeout(() => stop.abort(), hiddenMs);
    else if (stop.signal.aborted && isSignedIn.value) run();
  });
  isSignedIn.subscribe((signedIn) => {
    if (signedIn) run();
    else stop.abort();
  });
}

async function keepOpen(take: Take, stop: AbortSignal): Promise<void> {
  for (let failures = 0; !stop.aborted && isSignedIn.value; failures += 1) {
    await readOnce(take, stop).catch(() => {});
    // Whoever is not signed in is shown the way in, not a broken line.
    if (stop.aborted || !isSignedIn.value) return;
    if (line.value.at === "live") failures = 0;
    if (line.value.at !== "broken") line.value = { at: "broken", sinceMs: now.value };
    await pause(retryMs[Math.min(failures, retryMs.length - 1)] ?? 4_000, stop);
  }
}

async function readOnce(take: Take, stop: AbortSignal): Promise<void> {
  const silence = new AbortController();
  let watchdog: number | undefined;
  const heard = () => {
    clearTimeout(watchdog);
    watchdog = window.setTimeout(() => silence.abort(), silenceMs);
  };
  heard();
  const deliver = inBatches(take);
  try {
    const response = await request("/events", {
      accept: "text/event-stream",
      signal: AbortSignal.any([stop, silence.signal]),
    });
    if (response.body === null) return;
    for await (const event of readEvents(response.body, heard)) deliver(JSON.parse(event.data) as LiveEvent);
  } finally {
    clearTimeout(watchdog);
  }
}

/** A snapshot at once; the rest together once per frame, so that a busy server does not keep the page busy. */
function inBatches(take: Take): (event: LiveEvent) => void {
  let waiting: LiveEvent[] = [];
  const flush = () => {
    const events = waiting;
    waiting = [];
    if (events.length === 0) return;
    batch(() => {
      tick();
      take(events);
    });
  };
  return (event) => {
    waiting.push(event);
    if (event.type === "snapshot") {
      line.value = { at: "live" };
      flush();
    } else if (waiting.length === 1) {
      // A hidden tab gets no frames.
      if (document.hidden) setTimeout(flush, 100);
      else requestAnimationFrame(flush);
    }
  };
}

function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    stop.addEventListener("abort", done, { once: true });
  });
}
