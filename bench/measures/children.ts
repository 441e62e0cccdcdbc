// A thousand sessions with a program each: how long they take to open, what each costs the bridge itself, that all of them answer, and that none is left.
import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import { pairs } from "../contenders/pairs.ts";
import { type PairRunning, startPair } from "../contenders/start-pair.ts";
import { collectGarbage } from "../processes/garbage.ts";
import { isAlive, ownResidentKb, treeOf } from "../processes/usage.ts";
import type { Readings } from "../readings.ts";
import { describe } from "./rounds.ts";

/** Open before the first look at the memory. */
const warmSessions = 50;
const endLimitMs = 60_000;

async function idleOwnKb({ pid, logFile }: PairRunning): Promise<number> {
  await delay(500);
  await collectGarbage(logFile);
  return ownResidentKb(pid);
}

/** Programs that are still there when the bridge was told to end, and has. */
async function leftBehind({ pid }: PairRunning): Promise<number> {
  const family = treeOf(pid);
  process.kill(pid, "SIGTERM");
  for (const end = performance.now() + endLimitMs; family.some(isAlive) && performance.now() < end; ) await delay(50);
  return family.filter((member) => member.pid !== pid && isAlive(member)).length;
}

async function measureOne(bench: Bench, readings: Readings, running: PairRunning, count: number): Promise<void> {
  const { name, endpoint } = running;
  if (endpoint === undefined) return;
  const emptyKb = await idleOwnKb(running);
  const begun = performance.now();
  await bench.load.ask("openSessions", { endpoint, count });
  const opened = count - warmSessions;
  readings.add("childrenOpenMs", name, (performance.now() - begun) / opened);
  readings.add("childrenOwnKb", name, ((await idleOwnKb(running)) - emptyKb) / opened);
  const answered = await bench.load.ask("callEach", endpoint);
  if (answered.firstFailure !== undefined)
    bench.note(`${name}: a session of ${count} answered ${answered.firstFailure}`);
  readings.add("childrenAnswered", name, answered.answered);
  readings.add("childrenLeft", name, await leftBehind(running));
}

export async function measureChildren(bench: Bench, readings: Readings): Promise<void> {
  const count = 1_000;
  for (const name of (["holdfast", "supergateway"] as const).filter((one) => bench.names.includes(one))) {
    try {
      const servers = { http: "", sse: "" };
      const start = { name, servers, load: bench.load, sessions: warmSessions, isInspected: true };
      await using running = await startPair(pairs.children, start);
      await measureOne(bench, readings, running, count);
    } catch (error) {
      bench.note(`${name} with ${count} programs: ${describe(error)}`);
    }
  }
}
