// Small calls in each meeting of eras: what carrying a call from one era into the other costs, and whether a call of 2026-07-28 that only passes is as cheap as a legacy one.
import type { Bench } from "../bench.ts";
import type { Running } from "../contenders/contenders.ts";
import type { CallEra } from "../load/service.ts";
import type { EraPair, Readings } from "../readings.ts";
import { inRounds, runSlice, warmUp } from "./rounds.ts";

/** The client's era, and where the upstream speaks the server's. */
const meetings: Readonly<Record<EraPair, { readonly era: CallEra; readonly upstreamPath: string }>> = {
  LL: { era: "legacy", upstreamPath: "/mcp" },
  MM: { era: "modern", upstreamPath: "/modern" },
  LM: { era: "legacy", upstreamPath: "/modern" },
  ML: { era: "modern", upstreamPath: "/mcp" },
};
const pairs = Object.keys(meetings) as EraPair[];

const sessions = 32;
/** Of a slice of the other measures: four meetings and two concurrencies make many. */
const share = 2 / 3;

export async function measureEras(bench: Bench, readings: Readings): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const pairOf = new Map<Running, EraPair>();
  // One process for each meeting: what is compiled for one must not be of use or harm to another.
  for (const pair of pairs) {
    const { era, upstreamPath } = meetings[pair];
    const running = resources.use(await bench.start("holdfast", { upstreamPath }));
    if (era === "legacy") await bench.load.ask("openSessions", { endpoint: running.endpoint, count: sessions });
    pairOf.set(running, pair);
  }
  const started = [...pairOf.keys()];
  const eraOf = (running: Running) => meetings[pairOf.get(running) ?? "LL"].era;
  await warmUp(bench, started, eraOf);
  for (let round = 0; round < bench.rounds; round++) {
    for (const concurrency of [32, 1] as const) {
      await inRounds(bench, started, 1, async (running) => {
        const pair = pairOf.get(running) ?? "LL";
        const slice = await runSlice(bench, running, concurrency, bench.sliceMs * share, eraOf(running));
        if (concurrency === 32) readings.add(`cpuUs${pair}`, running.name, slice.cpuUsPerCall);
        else readings.add(`p50Us${pair}`, running.name, slice.p50Ms * 1_000);
      });
    }
  }
}
