// So many calls a second on sessions that are open, whatever happens to their server meanwhile, and what was answered wrongly.
import type { CallingSession } from "./stdio-bridge.ts";

export interface Load {
  readonly calls: number;
  readonly perSecond: number;
  /** Answers that are not the one that was asked for. */
  readonly wrong: readonly string[];
}

/** Before and after `meanwhile` the load goes on for half a second. */
export async function steadyLoad(
  sessions: readonly Pick<CallingSession, "call">[],
  perSecond: number,
  meanwhile: () => Promise<unknown>,
): Promise<Load> {
  const wrong: string[] = [];
  const calls: Promise<void>[] = [];
  const call = async (number: number): Promise<void> => {
    const text = await sessions[number % sessions.length]?.call("echo", { text: `n${number}` });
    if (text !== `n${number}`) wrong.push(text ?? "nothing");
  };
  const begunMs = performance.now();
  // By the clock: a busy machine fires timers late.
  const catchUp = (): void => {
    while (calls.length < ((performance.now() - begunMs) / 1_000) * perSecond) calls.push(call(calls.length));
  };
  const load = setInterval(catchUp, 1_000 / perSecond);
  try {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await meanwhile();
    await new Promise((resolve) => setTimeout(resolve, 500));
  } finally {
    clearInterval(load);
  }
  catchUp();
  const seconds = (performance.now() - begunMs) / 1_000;
  await Promise.all(calls);
  return { calls: calls.length, perSecond: calls.length / seconds, wrong };
}
