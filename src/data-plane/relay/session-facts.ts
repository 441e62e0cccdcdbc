// What a request leaves behind in its session: read off the request and its answer, kept for the next restore.
import {
  asObject,
  firstMessage,
  type JsonObject,
  type ListMethod,
  listMethods,
  pageDigest,
  parseObjects,
  type UpstreamSession,
} from "../session/index.ts";
import { type ClientExchange, envelopesOf, messagesOf } from "./client-exchange.ts";

const leavesTrace: ReadonlySet<string> = new Set([
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  ...listMethods,
]);

/** True for the few methods whose answer must be looked at; every other answer passes unread. */
export function leavesFacts(exchange: ClientExchange): boolean {
  const { scanned } = exchange;
  // The common message, without a list made of it.
  if (scanned?.shape === "single") return leavesTrace.has(scanned.envelope.method ?? "");
  return envelopesOf(exchange).some(({ method }) => method !== undefined && leavesTrace.has(method));
}

/** Takes note of requests that the server has answered; an error answer changes nothing. `answers`: JSON texts of one message or a batch. */
export function recordFacts(exchange: ClientExchange, session: UpstreamSession, answers: readonly string[]): void {
  const asked = messagesOf(exchange).filter(({ method }) => typeof method === "string" && leavesTrace.has(method));
  let isChanged = false;
  for (const { id, result } of answers.flatMap(readAnswers)) {
    const about = asked.length === 1 ? asked[0] : asked.find((each) => each["id"] === id);
    if (about === undefined || asObject(result) === undefined) continue;
    isChanged = record(session, String(about["method"]), asObject(about["params"]) ?? {}, result) || isChanged;
  }
  if (isChanged) session.row.saveSoon(session);
}

function readAnswers(text: string): readonly JsonObject[] {
  const messages = parseObjects(text);
  const message = messages.length > 0 ? undefined : firstMessage(text, "text/event-stream");
  return message === undefined ? messages : [message];
}

function record(
  session: UpstreamSession,
  method: string,
  params: Readonly<Record<string, unknown>>,
  result: unknown,
): boolean {
  const { snapshot } = session;
  const { level, uri, cursor } = params;
  if (method === "logging/setLevel" && typeof level === "string") {
    snapshot.logLevel = level;
    return true;
  }
  if (method.startsWith("resources/") && typeof uri === "string") {
    const others = snapshot.subscriptions.filter((each) => each !== uri);
    snapshot.subscriptions = method === "resources/subscribe" ? [...others, uri] : others;
    return true;
  }
  const list = listMethods.find((each) => each === method);
  return list !== undefined && recordPage(session, list, cursor === undefined, result);
}

/** Pages are kept in the order in which they are read; reading the first again begins anew. */
function recordPage(session: UpstreamSession, method: ListMethod, first: boolean, result: unknown): boolean {
  const { lists } = session.snapshot;
  const digest = pageDigest(method, result);
  if (digest === undefined) return false;
  const before = lists[method];
  const now = first ? [digest] : [...(before ?? []), digest];
  lists[method] = now;
  return before === undefined || before.join() !== now.join();
}

/** The client has said that it is initialized, or acts so, and a restored session is told so as well. */
export function recordInitialized(exchange: ClientExchange, session: UpstreamSession): void {
  if (session.snapshot.initialized) return;
  // Before that word only a ping may be sent (2025-11-25, lifecycle). The word itself may have been lost with our own process.
  if (!envelopesOf(exchange).some(({ method }) => method !== undefined && method !== "ping")) return;
  session.snapshot.initialized = true;
  session.row.saveSoon(session);
}
