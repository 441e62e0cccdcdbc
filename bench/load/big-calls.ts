// Calls with large answers, one or several at a time. Takes the answer as it comes and never keeps it.
import { buildPost, type Connection, openConnection } from "../wire/connection.ts";
import { bigCallBody, newId } from "../wire/messages.ts";
import type { BigCallsAnswer, BigCallsQuestion } from "./service.ts";

interface BigCall {
  readonly failure: string | undefined;
  readonly firstByteMs: number;
}

function sendBigCall(connection: Connection, request: string, bytes: number): Promise<BigCall> {
  const sentAt = performance.now();
  let status = 0;
  let arrived = 0;
  let firstByteMs = 0;
  return new Promise((resolve) => {
    connection.exchange(request, {
      head: (answer) => {
        status = answer.status;
      },
      data: (chunk) => {
        if (arrived === 0) firstByteMs = performance.now() - sentAt;
        arrived += chunk.length;
      },
      end: () => {
        const isWhole = status === 200 && arrived >= bytes;
        resolve({ failure: isWhole ? undefined : `status ${status}, ${arrived} bytes`, firstByteMs });
      },
      fail: (reason) => resolve({ failure: reason, firstByteMs }),
    });
  });
}

export async function runBigCalls(question: BigCallsQuestion, sessionId: string): Promise<BigCallsAnswer> {
  const { endpoint, bytes, concurrency, count } = question;
  const connections = await Promise.all(Array.from({ length: concurrency }, () => openConnection(endpoint.port)));
  const done: BigCall[] = [];
  const bound = setTimeout(() => connections.forEach((connection) => connection.close()), 60_000);
  const start = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      for (let sent = 0; sent < count / concurrency; sent++) {
        done.push(await sendBigCall(connection, buildPost(endpoint, bigCallBody(newId(), bytes), sessionId), bytes));
      }
    }),
  );
  const elapsedMs = performance.now() - start;
  clearTimeout(bound);
  for (const connection of connections) connection.close();
  const failures = done.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const firstByteMs = done.flatMap((call) => (call.failure === undefined ? [call.firstByteMs] : []));
  return { failed: failures.length, firstFailure: failures[0], firstByteMs, elapsedMs };
}
