// What a request leaves behind in its session: read off the request and its answer, kept for the next restore.
import {
  asObject,
  firstMessage,
  type ListMethod,
  listMethods,
  pageDigest,
  parseObject,
  type UpstreamSession,
} from "../session/index.ts";
import { type ClientExchange, singleMethod } from "./client-exchange.ts";

const leavesTrace: ReadonlySet<string> = new Set([
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  ...listMethods,
]);

/** True for the few methods whose answer must be looked at; every other answer passes unread. */
export function leavesFacts(method: string | undefined): boolean {
  return method !== undefined && leavesTrace.has(method);
}

/** Takes note of a request that the server has answered; an error answer changes nothing. */
export function recordFacts(exchange: ClientExchange, session: UpstreamSession, answer: string): void {
  const method = singleMethod(exchange);
  const kept = exchange.body?.kept;
  if (method === undefined || kept === undefined) return;
  const contentType = answer.trimStart().startsWith("{") ? "application/json" : "text/event-stream";
  const result = firstMessage(answer, contentType)?.["result"];
  if (asObject(result) === undefined) return;
  const params = asObject(parseObject(kept.toString())?.["params"]) ?? {};
  if (record(session, method, params, result)) session.row.saveSoon(session);
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

/** The client has said that it is initialized, so a restored session is told so as well. */
export function recordInitialized(session: UpstreamSession): void {
  if (session.snapshot.initialized) return;
  session.snapshot.initialized = true;
  session.row.saveSoon(session);
}
