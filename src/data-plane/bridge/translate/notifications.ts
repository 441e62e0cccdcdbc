// What a server tells of its own accord: changes, logs, progress, cancellation. Standing streams of one era into the other. Pure.
import {
  editMembers,
  editUnder,
  elementTexts,
  isObjectText,
  memberText,
  memberTexts,
  metaKey,
  type RawId,
} from "../../../protocol/index.ts";
import { stringOf } from "./client-facts.ts";

/** What a `subscriptions/listen` asks for, or what its acknowledgement grants. */
export interface ListenFilter {
  readonly toolsListChanged: boolean;
  readonly promptsListChanged: boolean;
  readonly resourcesListChanged: boolean;
  readonly resourceSubscriptions: readonly string[];
}

/** Everything that the server promised to announce (its capabilities, JSON text), and the URIs that the client subscribed to. */
export function listenFilterFor(capabilities: string, uris: readonly string[]): ListenFilter {
  const announces = (kind: string): boolean => memberText(capabilities, kind, "listChanged") === "true";
  return {
    toolsListChanged: announces("tools"),
    promptsListChanged: announces("prompts"),
    resourcesListChanged: announces("resources"),
    resourceSubscriptions: uris,
  };
}

/** True if there is nothing to listen for. */
export function isEmptyFilter(filter: ListenFilter): boolean {
  const { toolsListChanged, promptsListChanged, resourcesListChanged, resourceSubscriptions } = filter;
  return !toolsListChanged && !promptsListChanged && !resourcesListChanged && resourceSubscriptions.length === 0;
}

export function writeFilter(filter: ListenFilter): string {
  return JSON.stringify({
    ...(filter.toolsListChanged ? { toolsListChanged: true } : {}),
    ...(filter.promptsListChanged ? { promptsListChanged: true } : {}),
    ...(filter.resourcesListChanged ? { resourcesListChanged: true } : {}),
    ...(filter.resourceSubscriptions.length > 0 ? { resourceSubscriptions: filter.resourceSubscriptions } : {}),
  });
}

/** From a `subscriptions/listen` or its acknowledgement; undefined without a `notifications` filter (-32602). */
export function readFilter(message: string): ListenFilter | undefined {
  const text = memberText(message, "params", "notifications");
  if (!isObjectText(text)) return undefined;
  const wants = (key: string): boolean => memberText(text, key) === "true";
  const uris = elementTexts(memberText(text, "resourceSubscriptions") ?? "[]").map(stringOf);
  return {
    toolsListChanged: wants("toolsListChanged"),
    promptsListChanged: wants("promptsListChanged"),
    resourcesListChanged: wants("resourcesListChanged"),
    resourceSubscriptions: uris.filter((uri) => uri !== undefined),
  };
}

/** The legacy stream's part of a filter: what it can really announce. */
export function grant(asked: ListenFilter, capabilities: string, hasStream: boolean): ListenFilter {
  const can = listenFilterFor(capabilities, []);
  const subscribes = hasStream && memberText(capabilities, "resources", "subscribe") === "true";
  return {
    toolsListChanged: hasStream && asked.toolsListChanged && can.toolsListChanged,
    promptsListChanged: hasStream && asked.promptsListChanged && can.promptsListChanged,
    resourcesListChanged: hasStream && asked.resourcesListChanged && can.resourcesListChanged,
    resourceSubscriptions: subscribes ? asked.resourceSubscriptions : [],
  };
}

export function writeListen(id: RawId, filter: ListenFilter): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{"notifications":${writeFilter(filter)}}}`;
}

/** The first message of a listen stream. */
export function writeAcknowledged(subscriptionId: RawId, granted: ListenFilter): string {
  const meta = `{"${metaKey.subscriptionId}":${subscriptionId}}`;
  return `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":${meta},"notifications":${writeFilter(granted)}}}`;
}

/** The last message of a listen stream that ends in good order. */
export function writeListenEnd(subscriptionId: RawId, serverInfo?: string): string {
  const about = serverInfo === undefined ? "" : `,"${metaKey.serverInfo}":${serverInfo}`;
  return `{"jsonrpc":"2.0","id":${subscriptionId},"result":{"resultType":"complete","_meta":{"${metaKey.subscriptionId}":${subscriptionId}${about}}}}`;
}

/** A modern server's notification as a legacy client takes it. */
export function notificationToLegacy(notification: string): string {
  const meta = memberText(notification, "params", "_meta");
  if (!isObjectText(meta) || memberText(meta, metaKey.subscriptionId) === undefined) return notification;
  const rest = editMembers(meta, { [metaKey.subscriptionId]: undefined });
  return editUnder(notification, ["params"], { _meta: memberTexts(rest).size === 0 ? undefined : rest });
}

/** A legacy server's notification for one listener. */
export function notificationToModern(notification: string, subscriptionId: RawId): string {
  return editUnder(notification, ["params", "_meta"], { [metaKey.subscriptionId]: subscriptionId });
}

/** Whether a notification of change is one that this filter asks for. */
export function isListenedFor(notification: string, filter: ListenFilter): boolean {
  switch (stringOf(memberText(notification, "method"))) {
    case "notifications/tools/list_changed":
      return filter.toolsListChanged;
    case "notifications/prompts/list_changed":
      return filter.promptsListChanged;
    case "notifications/resources/list_changed":
      return filter.resourcesListChanged;
    case "notifications/resources/updated":
      return filter.resourceSubscriptions.includes(stringOf(memberText(notification, "params", "uri")) ?? "");
    default:
      return false;
  }
}

/** RFC 5424 names, least grave first. */
const levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const;

export function isLogLevel(level: string): boolean {
  return (levels as readonly string[]).includes(level);
}

/** The level at which a session must be kept so that each of its users gets what it asked for. */
export function mostVerbose(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return gravity(a) <= gravity(b) ? a : b;
}

/** Whether a `notifications/message` is for a request that asked for this level; none asked, none sent. */
export function isLoggedFor(notification: string, level: string | undefined): boolean {
  if (level === undefined) return false;
  return gravity(stringOf(memberText(notification, "params", "level")) ?? "") >= gravity(level);
}

/** Unknown levels count as the gravest, so that nothing is lost that somebody may want. */
function gravity(level: string): number {
  const at = (levels as readonly string[]).indexOf(level);
  return at < 0 ? levels.length : at;
}

/** A progress notification under another token (JSON text, of the type that its asker gave). */
export function withProgressToken(notification: string, token: string): string {
  return editUnder(notification, ["params"], { progressToken: token });
}

export function writeCancelled(requestId: RawId, reason?: string): string {
  const why = reason === undefined ? "" : `,"reason":${JSON.stringify(reason)}`;
  return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${requestId}${why}}}`;
}

/** The id of the request that a `notifications/cancelled` ends, as its text. */
export function cancelledId(notification: string): RawId | undefined {
  return memberText(notification, "params", "requestId");
}

/** Changes that the client may have missed while nobody listened: told once too often rather than not at all. */
export function missedChanges(filter: ListenFilter): readonly string[] {
  const lists = [
    ...(filter.toolsListChanged ? ["tools"] : []),
    ...(filter.promptsListChanged ? ["prompts"] : []),
    ...(filter.resourcesListChanged ? ["resources"] : []),
  ].map((kind) => `{"jsonrpc":"2.0","method":"notifications/${kind}/list_changed"}`);
  const updates = filter.resourceSubscriptions.map(
    (uri) => `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":${JSON.stringify(uri)}}}`,
  );
  return [...lists, ...updates];
}
