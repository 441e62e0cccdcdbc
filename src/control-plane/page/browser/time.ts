// The page's one clock and what it says of times. Counts on the hub's clock, since all evidence carries that one's times.
import { signal } from "@preact/signals";

/** The hub's clock, moved once a second while somebody looks. */
export const now = signal(Date.now());

let offsetMs = 0;

/** Learns the hub's clock from the Date header of an answer; it tells whole seconds, so a small difference is none. */
export function learnClock(date: string | null): void {
  const hub = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(hub)) return;
  const difference = hub + 500 - Date.now();
  offsetMs = Math.abs(difference) < 2_000 ? 0 : difference;
  tick();
}

/** Moves the clock; also called when something new is shown, which would else lie in the future. */
export function tick(): void {
  now.value = Date.now() + offsetMs;
}

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) tick();
  }, 1_000);
  document.addEventListener("visibilitychange", tick);
}
