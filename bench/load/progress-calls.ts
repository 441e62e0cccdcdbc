// Calls that report progress: counts the events that arrive and how long each was on its way.
import { percentile } from "../statistics.ts";
import { nowMs } from "../wire/clock.ts";
import { buildPost, type Connection, openConnection } from "../wire/connection.ts";
import { newId, progressCallBody } from "../wire/messages.ts";
import type { ProgressAnswer, ProgressQuestion } from "./service.ts";

const eventMark = '"notifications/progress"';
const timeMark = /"message":"at ([\d.]+)"/g;

/** Marks that are cut in two by a chunk's edge are found when the next chunk comes. */
function readEvents(latenciesMs: number[]): { readonly take: (chunk: Buffer) => void; readonly arrived: () => number } {
  let arrived = 0;
  let rest = "";
  return {
    take: (chunk) => {
      const now = nowMs();
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.includes(eventMark)) arrived += 1;
        for (const [, sentAt] of line.matchAll(timeMark)) latenciesMs.push(now - Number(sentAt));
      }
    },
    arrived: () => arrived,
  };
}

function sendProgressCall(connection: Connection, request: string, take: (chunk: Buffer) => void): Promise<boolean> {
  let status = 0;
  return new Promise((resolve) => {
    connection.exchange(request, {
      head: (answer) => {
        status = answer.status;
      },
      data: take,
      end: () => resolve(status === 200),
      fail: () => resolve(false),
    });
  });
}

export async function runProgressCalls(question: ProgressQuestion, sessionId: string): Promise<ProgressAnswer> {
  const { endpoint, calls, events, everyMs } = question;
  const connection = await openConnection(endpoint.port);
  const bound = setTimeout(() => connection.close(), 60_000);
  const latenciesMs: number[] = [];
  const reader = readEvents(latenciesMs);
  let failed = 0;
  for (let sent = 0; sent < calls && failed === 0; sent++) {
    const request = buildPost(endpoint, progressCallBody(newId(), events, everyMs), sessionId);
    if (!(await sendProgressCall(connection, request, reader.take))) failed += 1;
  }
  clearTimeout(bound);
  connection.close();
  const p50Ms = latenciesMs.length === 0 ? undefined : percentile(latenciesMs, 0.5);
  return { arrived: reader.arrived(), failed, p50Ms };
}
