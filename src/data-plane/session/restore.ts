// Puts back what a lost session held, in the order of design rule 6, on a session that was just initialized.

import type { RestoreStepNews } from "../../observability/index.ts";
import { privateId } from "../../protocol/index.ts";
import { classifyReply } from "../recovery/index.ts";
import { type CallContext, type CallOutcome, callServer } from "./call-server.ts";
import type { Connector } from "./connector.ts";
import { asObject } from "./initialize.ts";
import type { Snapshot } from "./snapshot.ts";
import { type Heard, untilHeard } from "./until-heard.ts";

const stepTimeoutMs = 15_000;
/** What part of the recovery window a single step may take: whoever waits for the restore has no more than the window, and is better served without that step. */
const stepShare = 3;
const logLevel = "log level";
/** Some servers send the head of a GET stream only with its first event; a replay does not wait for those. */
const streamOpenMs = 1_000;

export interface PutBack {
  /** The server lost this new session as well, while it was being filled. */
  readonly lostAgain: boolean;
  /** Settles when the server has been told notifications/initialized; false if it could not be. */
  readonly initialized: Promise<boolean>;
  /** Subscribed URIs that the server would not take back. */
  readonly refusedUris: readonly string[];
  /** What was put back, for the log line. */
  readonly steps: readonly string[];
}

/** What there is to say of a step beside its time. */
export type StepNote = Pick<RestoreStepNews, "status" | "note">;

/**
 * Sends `notifications/initialized` and, right behind it, everything else that the session held. Where there is nothing else,
 * nothing is awaited: the waiting requests follow at once (servers of today do not gate requests on `initialized`; one that does is met by the
 * policy's `not-initialized` row). Otherwise the state is in place before anything is replayed.
 */
export async function putBack(
  connector: Connector,
  snapshot: Snapshot,
  context: CallContext,
  openStream: ((context: CallContext) => Promise<void>) | undefined,
  tell: (step: RestoreStepNews["step"], startedMs: number, note: StepNote) => void = () => {},
): Promise<PutBack> {
  const startedMs = connector.nowMs();

  if (!snapshot.initialized)
    return { lostAgain: false, initialized: Promise.resolve(true), refusedUris: [], steps: [] };
  const { recoveryWindowMs } = connector.settings;
  const send = (forMs: number, step: () => Promise<CallOutcome>): Promise<Heard> =>
    untilHeard(connector, { forMs, tryMs: stepTimeoutMs }, step);
  const announced = send(recoveryWindowMs, () => notify(connector, context, "notifications/initialized"));
  const initialized = announced.then(({ outcome, heard }) => {
    tell("initialized", startedMs, { status: statusOf(outcome) });
    return heard;
  });
  const stateSteps: Promise<readonly [string, CallOutcome]>[] = [];
  const put = (name: string, method: string, params: object): void => {
    const attempt = (): Promise<Heard> =>
      send(recoveryWindowMs / stepShare, () => request(connector, context, method, params));
    const heard = inOrder(() => attempt().then(({ outcome }) => outcome), initialized);
    stateSteps.push(
      heard.then((o) => {
        const step = name === logLevel ? "log-level" : "subscriptions";
        tell(step, startedMs, { status: statusOf(o), note: succeeded(o) ? undefined : "refused" });
        return [name, o];
      }),
    );
  };
  if (snapshot.logLevel !== undefined) put(logLevel, "logging/setLevel", { level: snapshot.logLevel });
  for (const uri of snapshot.subscriptions) put(uri, "resources/subscribe", { uri });
  const stream = openStream === undefined ? undefined : withinMs(openStream(context), streamOpenMs);
  const outcomes = await Promise.all(stateSteps);
  if (stream !== undefined) {
    await stream;
    tell("stream", startedMs, {});
  }
  return {
    lostAgain: outcomes.some(([, outcome]) => isRefusedSession(outcome)),
    initialized,
    refusedUris: outcomes.filter(([name, o]) => name !== logLevel && !succeeded(o)).map(([name]) => name),
    steps: stepNames(outcomes, openStream !== undefined),
  };
}

function statusOf(outcome: CallOutcome): number | undefined {
  return outcome.kind === "lost" ? undefined : outcome.facts.status;
}

/** `initialized` is on its way; of the state, what the server took. */
function stepNames(outcomes: readonly (readonly [string, CallOutcome])[], stream: boolean): readonly string[] {
  const steps = ["initialized"];
  if (stream) steps.push("stream");
  const taken = outcomes.filter(([, outcome]) => succeeded(outcome));
  const subscriptions = taken.filter(([name]) => name !== logLevel).length;
  if (taken.length > subscriptions) steps.push(logLevel);
  if (subscriptions > 0) steps.push(`${subscriptions} subscriptions`);
  return steps;
}

/** A refusal because the step overtook `initialized` proves nothing was done: it is sent once more in order. */
async function inOrder(attempt: () => Promise<CallOutcome>, initialized: Promise<boolean>): Promise<CallOutcome> {
  const outcome = await attempt();
  if (outcome.kind === "lost" || succeeded(outcome)) return outcome;
  const facts = { httpMethod: "POST", method: "logging/setLevel", id: undefined, sentSessionId: true } as const;
  const fault = classifyReply({ ...facts, served: false, reopened: false, mayPrecedeInitialized: true }, outcome.facts);
  if (fault !== "not-initialized") return outcome;
  await initialized;
  return attempt();
}

export function notify(connector: Connector, context: CallContext, method: string): Promise<CallOutcome> {
  const body = JSON.stringify({ jsonrpc: "2.0", method });
  return callServer(connector.transport, context, body, undefined, stepTimeoutMs);
}

/** One of Holdfast's own requests, with an id that no client uses. */
export function request(
  connector: Connector,
  context: CallContext,
  method: string,
  params?: object,
  timeoutMs = stepTimeoutMs,
): Promise<CallOutcome> {
  const id = privateId();
  const body = JSON.stringify({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
  return callServer(connector.transport, context, body, id, timeoutMs);
}

export function succeeded(outcome: CallOutcome): boolean {
  return outcome.kind === "answer" && asObject(outcome.result) !== undefined;
}

/** True if the server's answer says that it does not know the session that was asked with. */
export function isRefusedSession(outcome: CallOutcome): boolean {
  if (outcome.kind === "lost") return false;
  const facts = { httpMethod: "POST", method: "ping", id: undefined, sentSessionId: true, served: true } as const;
  const fault = classifyReply({ ...facts, reopened: false, mayPrecedeInitialized: false }, outcome.facts);
  return fault === "session-not-found" || fault === "session-suspected" || fault === "session-doubtful";
}

async function withinMs(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
