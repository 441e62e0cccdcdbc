// Small calls, as fast as the other side answers, over a number of keep-alive connections. Counts an answer only if it is right.

import { percentile } from "../statistics.ts";
import { nowMs } from "../wire/clock.ts";
import { buildModernPost, buildPost, type Connection, type Endpoint, openConnection } from "../wire/connection.ts";
import { modernCallBody, newId, smallCallBody, smallTool } from "../wire/messages.ts";
import type { CallsAnswer, CallsQuestion, WaitingCallsAnswer } from "./service.ts";

interface Outcome {
  readonly failure: string | undefined;
}

/** Sends one call; `done` hears whether its own result came back. Without a session it is a modern one. */
export function sendCall(
  connection: Connection,
  endpoint: Endpoint,
  sessionId: string | undefined,
  done: (outcome: Outcome) => void,
): void {
  const id = newId();
  const request =
    sessionId === undefined
      ? buildModernPost(endpoint, "tools/call", smallTool, modernCallBody(id))
      : buildPost(endpoint, smallCallBody(id), sessionId);
  let status = 0;
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  connection.exchange(request, {
    head: (answer) => {
      status = answer.status;
    },
    data: (chunk) => {
      if (first === undefined) first = chunk;
      else (rest ??= [first]).push(chunk);
    },
    end: () => {
      const body = rest === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest);
      const isRight = status === 200 && body.includes(`"id":${id}`) && body.includes('"result"');
      done({ failure: isRight ? undefined : `${status} ${body.toString().slice(0, 200)}` });
    },
    fail: (reason) => done({ failure: reason }),
  });
}

/** Each connection calls again as soon as it is answered, going round the sessions, of which modern calls have none. */
export async function runCalls(question: CallsQuestion, sessionIds: readonly string[]): Promise<CallsAnswer> {
  const { endpoint, concurrency, durationMs } = question;
  const connections = await Promise.all(Array.from({ length: concurrency }, () => openConnection(endpoint.port)));
  const latenciesMs: number[] = [];
  let failed = 0;
  let firstFailure: string | undefined;
  let turn = 0;
  const start = performance.now();
  const finished = Promise.all(
    connections.map(
      (connection) =>
        new Promise<void>((resolve) => {
          const next = () => {
            const sentAt = performance.now();
            const sessionId = sessionIds[turn % sessionIds.length];
            turn += 1;
            sendCall(connection, endpoint, sessionId, ({ failure }) => {
              const now = performance.now();
              if (failure === undefined) latenciesMs.push(now - sentAt);
              else failed += 1;
              firstFailure ??= failure;
              // A connection that failed is not used again: its failure would repeat without end.
              if (failure !== undefined || now - start >= durationMs) resolve();
              else next();
            });
          };
          next();
        }),
    ),
  );
  const bound = setTimeout(() => connections.forEach((connection) => connection.close()), durationMs + 10_000);
  await finished;
  clearTimeout(bound);
  const elapsedMs = performance.now() - start;
  for (const connection of connections) connection.close();
  const [p50Ms, p99Ms] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)];
  return { calls: latenciesMs.length, failed, firstFailure, elapsedMs, p50Ms, p99Ms };
}

/** All at once, each on a connection that is already open; says when the last right answer came. */
export async function sendTogether(
  connections: readonly Connection[],
  endpoint: Endpoint,
  sessionId: string,
): Promise<WaitingCallsAnswer> {
  let answered = 0;
  let firstFailure: string | undefined;
  let lastAnswerAtMs = 0;
  const bound = setTimeout(() => connections.forEach((connection) => connection.close()), 20_000);
  await Promise.all(
    connections.map(
      (connection) =>
        new Promise<void>((resolve) =>
          sendCall(connection, endpoint, sessionId, ({ failure }) => {
            if (failure === undefined) {
              answered += 1;
              lastAnswerAtMs = nowMs();
            }
            firstFailure ??= failure;
            resolve();
          }),
        ),
    ),
  );
  clearTimeout(bound);
  return { answered, firstFailure, lastAnswerAtMs };
}

/** One call on each of many sessions, some at a time. */
export async function callEach(endpoint: Endpoint, sessionIds: readonly string[]): Promise<WaitingCallsAnswer> {
  const left = [...sessionIds];
  let answered = 0;
  let firstFailure: string | undefined;
  const work = async (): Promise<void> => {
    const connection = await openConnection(endpoint.port);
    const bound = setTimeout(() => connection.close(), 60_000);
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const session = id;
      const { failure } = await new Promise<Outcome>((done) => sendCall(connection, endpoint, session, done));
      if (failure === undefined) answered += 1;
      firstFailure ??= failure;
    }
    clearTimeout(bound);
    connection.close();
  };
  await Promise.all(Array.from({ length: 16 }, work));
  return { answered, firstFailure, lastAnswerAtMs: nowMs() };
}
