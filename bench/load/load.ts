// The load generator's process: keeps the sessions it opened through each contender and runs what the bench asks for. Decides nothing.
import { serveParent } from "../processes/rpc.ts";
import { type Connection, type Endpoint, openConnection } from "../wire/connection.ts";
import { runBigCalls } from "./big-calls.ts";
import { callEach, runCalls, sendTogether } from "./calls.ts";
import { type Conversation, openConversation } from "./message-calls.ts";
import { runProgressCalls } from "./progress-calls.ts";
import type {
  BigCallsQuestion,
  CallsQuestion,
  CountQuestion,
  ProgressQuestion,
  WireCallsQuestion,
  WireQuestion,
} from "./service.ts";
import { openSessions, openStreams } from "./sessions.ts";

const sessionsByPort = new Map<number, readonly string[]>();
const wires = new Map<number, Conversation>();
let lastWire = 0;
let kept: readonly Connection[] = [];

function sessionsOf({ port }: Endpoint): readonly string[] {
  const ids = sessionsByPort.get(port);
  if (ids === undefined) throw new Error(`no session was opened on port ${port}`);
  return ids;
}

const firstSessionOf = (endpoint: Endpoint): string => sessionsOf(endpoint)[0] ?? "";

function closeKept(): void {
  for (const connection of kept) connection.close();
  kept = [];
}

const service = {
  /** Opens more sessions until there are `count` of them. */
  openSessions: async ({ endpoint, count }: CountQuestion) => {
    const before = sessionsByPort.get(endpoint.port) ?? [];
    const more = await openSessions(endpoint, Math.max(0, count - before.length));
    sessionsByPort.set(endpoint.port, [...before, ...more]);
  },
  /** For a contender that has ended: another may get its port. */
  forgetSessions: async ({ port }: Endpoint) => void sessionsByPort.delete(port),
  calls: async (question: CallsQuestion) =>
    runCalls(question, question.era === "modern" ? [] : sessionsOf(question.endpoint)),
  /** One call on each session. */
  callEach: async (endpoint: Endpoint) => callEach(endpoint, sessionsOf(endpoint)),
  openWire: async (question: WireQuestion) => {
    const opened = await openConversation(question);
    lastWire += 1;
    wires.set(lastWire, opened);
    return { wire: lastWire, pid: opened.pid };
  },
  wireCalls: async ({ wire, concurrency, durationMs }: WireCallsQuestion) => {
    const opened = wires.get(wire);
    if (opened === undefined) throw new Error(`no wire ${wire} is open`);
    return opened.calls(concurrency, durationMs);
  },
  closeWire: async (wire: number) => {
    await wires.get(wire)?.[Symbol.asyncDispose]();
    wires.delete(wire);
  },
  bigCalls: async (question: BigCallsQuestion) => runBigCalls(question, firstSessionOf(question.endpoint)),
  progressCalls: async (question: ProgressQuestion) => runProgressCalls(question, firstSessionOf(question.endpoint)),
  openStreams: async ({ endpoint, count }: CountQuestion) => {
    closeKept();
    kept = await openStreams(endpoint, sessionsOf(endpoint).slice(0, count));
    return kept.length;
  },
  closeStreams: async () => closeKept(),
  /** Opens the connections and makes one call on each, so that later only the loss is timed. */
  prepareTogether: async ({ endpoint, count }: CountQuestion) => {
    closeKept();
    kept = await Promise.all(Array.from({ length: count }, () => openConnection(endpoint.port)));
    return sendTogether(kept, endpoint, firstSessionOf(endpoint));
  },
  callTogether: async (endpoint: Endpoint) => {
    const answer = await sendTogether(kept, endpoint, firstSessionOf(endpoint));
    closeKept();
    return answer;
  },
};

export type LoadService = typeof service;

serveParent(service);
