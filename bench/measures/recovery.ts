// A server 20 ms away forgets its sessions: how long from its first refusal to the client's answer, for one call and for a hundred.
import type { Bench } from "../bench.ts";
import type { ContenderName, Running } from "../contenders/contenders.ts";
import type { WaitingCallsAnswer } from "../load/service.ts";
import type { Readings } from "../readings.ts";
import type { UpstreamCounts } from "../upstream.ts";
import { inRounds, startAll } from "./rounds.ts";

const roundTripMs = 20;

interface Loss {
  readonly answer: WaitingCallsAnswer;
  readonly counts: UpstreamCounts;
  readonly trips: number;
}

/** A fresh session each time: the sessions of one measurement must not help or hinder the next. */
async function loseSession(bench: Bench, running: Running, status: 404 | 400, calls: number): Promise<Loss> {
  const { endpoint } = running;
  await bench.load.ask("forgetSessions", endpoint);
  await bench.load.ask("openSessions", { endpoint, count: 1 });
  const before = await bench.load.ask("prepareTogether", { endpoint, count: calls });
  if (before.answered < calls) throw new Error(`before the loss: ${before.firstFailure}`);
  await bench.upstream.ask("forget", status);
  const answer = await bench.load.ask("callTogether", endpoint);
  const counts = await bench.upstream.ask("counts");
  const tookMs = answer.lastAnswerAtMs - (counts.firstRefusalAtMs ?? Number.NaN);
  return { answer, counts, trips: tookMs / roundTripMs };
}

export async function measureRecovery(bench: Bench, readings: Readings): Promise<void> {
  // One after the other: a loss hits all who are connected.
  for (const name of ["holdfast", "mcp-proxy", "supergateway"] as const) {
    await bench.upstream.ask("setMode", { answers: "json", delayMs: 0 });
    await measureOne(bench, readings, name);
  }
  await bench.upstream.ask("setMode", { answers: "json", delayMs: 0 });
}

async function measureOne(bench: Bench, readings: Readings, name: ContenderName): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const contenders = await startAll(bench, resources, [name], 1);
  await bench.upstream.ask("setMode", { answers: "json", delayMs: roundTripMs });
  await inRounds(bench, contenders, bench.rounds, async (running) => {
    for (const status of [404, 400] as const) {
      const { answer, trips } = await loseSession(bench, running, status, 1);
      if (answer.answered === 1) readings.add(`recovery${status}Trips`, running.name, trips);
      else throw new Error(`does not recover from ${status}: ${answer.firstFailure}`);
    }
    const hundred = await loseSession(bench, running, 404, 100);
    const { answer, counts } = hundred;
    if (answer.answered < 100) bench.note(`${running.name}: of 100 waiting calls one got ${answer.firstFailure}`);
    readings.add("recoveryHundredAnswered", running.name, answer.answered);
    readings.add("recoveryHundredTrips", running.name, hundred.trips);
    readings.add("recoveryHundredInitializes", running.name, counts.initializes);
    readings.add("recoveryHundredExecuted", running.name, counts.executed);
    readings.add("recoveryHundredTwice", running.name, counts.executedTwice);
  });
}
