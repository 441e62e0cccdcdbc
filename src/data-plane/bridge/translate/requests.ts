// A client's request from one era into the other: the four `_meta` keys, the ids, the answers that a retry carries. Pure; every other byte stays.
import {
  editMembers,
  editUnder,
  elementTexts,
  isObjectText,
  memberText,
  memberTexts,
  metaKey,
  modernRevision,
  type RawId,
} from "../../../protocol/index.ts";
import { type ClientFacts, clientCapabilitiesToModern, stringOf } from "./client-facts.ts";

export interface ToModernOptions {
  /** The id under which it goes to the server; its own if left out. */
  readonly id?: RawId;
  /** From `logging/setLevel`; without one the server sends no logs. */
  readonly logLevel?: string | undefined;
  /** JSON object text: answers to what the server asked for. */
  readonly inputResponses?: string | undefined;
  /** JSON text, exactly as the server gave it. */
  readonly requestState?: string | undefined;
}

/** A legacy client's request or notification as a modern server takes it. A client's own values under the era's four keys are overwritten. */
export function requestToModern(request: string, client: ClientFacts, options: ToModernOptions = {}): string {
  const { id, logLevel, inputResponses, requestState } = options;
  const named = id === undefined ? request : editMembers(request, { id });
  const meta = {
    [metaKey.protocolVersion]: JSON.stringify(modernRevision),
    [metaKey.clientInfo]: client.info,
    [metaKey.clientCapabilities]: clientCapabilitiesToModern(client.capabilities),
    [metaKey.logLevel]: logLevel === undefined ? undefined : JSON.stringify(logLevel),
  };
  const enveloped = editUnder(named, ["params", "_meta"], meta);
  return editUnder(enveloped, ["params"], { inputResponses, requestState, task: undefined });
}

export interface ToLegacyOptions {
  readonly id?: RawId;
  /** JSON text; replaces the client's token, which another user of the same session may have chosen as well. */
  readonly progressToken?: string | undefined;
}

/** A modern client's request as a legacy server takes it. */
export function requestToLegacy(request: string, { id, progressToken }: ToLegacyOptions = {}): string {
  const named = id === undefined ? request : editMembers(request, { id });
  const params = memberText(named, "params");
  if (!isObjectText(params)) return named;
  const bare = editMembers(params, { inputResponses: undefined, requestState: undefined });
  const meta = memberText(bare, "_meta");
  if (!isObjectText(meta)) return editMembers(named, { params: bare });
  const rest = editMembers(meta, {
    [metaKey.protocolVersion]: undefined,
    [metaKey.clientInfo]: undefined,
    [metaKey.clientCapabilities]: undefined,
    [metaKey.logLevel]: undefined,
    ...(progressToken === undefined ? {} : { progressToken }),
  });
  return editMembers(named, { params: editMembers(bare, { _meta: memberTexts(rest).size === 0 ? undefined : rest }) });
}

/** What a modern client's retry brings: answers by key (JSON texts), and the state that it was given. */
export function readRetry(request: string): {
  readonly inputResponses: ReadonlyMap<string, string>;
  readonly requestState: string | undefined;
} {
  const params = memberText(request, "params") ?? "{}";
  return {
    inputResponses: memberTexts(memberText(params, "inputResponses") ?? "{}"),
    requestState: stringOf(memberText(params, "requestState")),
  };
}

/** The client's progress token as JSON text, with its type: `1` and `"1"` differ. */
export function progressTokenOf(request: string): string | undefined {
  return memberText(request, "params", "_meta", "progressToken");
}

/** The log level that a modern request asks for; undefined asks for none. */
export function logLevelOf(request: string): string | undefined {
  return stringOf(memberText(request, "params", "_meta", metaKey.logLevel));
}

/** The single messages of a batch, which the modern era does not know. */
export function splitBatch(batch: string): readonly string[] {
  return elementTexts(batch);
}

/** Methods that a legacy client may send and that never go to a modern server. */
export type LocalAnswer =
  | "initialize"
  | "empty-result"
  | "set-level"
  | "subscribe"
  | "unsubscribe"
  | "swallow"
  | "unknown-method"
  | "cancel";

const localMethods: ReadonlyMap<string, LocalAnswer> = new Map([
  ["initialize", "initialize"],
  ["ping", "empty-result"],
  ["logging/setLevel", "set-level"],
  ["resources/subscribe", "subscribe"],
  ["resources/unsubscribe", "unsubscribe"],
  ["notifications/initialized", "swallow"],
  ["notifications/roots/list_changed", "swallow"],
  ["notifications/cancelled", "cancel"],
  // Nothing that the server would know of: progress of an ask that it never saw as a request.
  ["notifications/progress", "swallow"],
  ["tasks/get", "unknown-method"],
  ["tasks/result", "unknown-method"],
  ["tasks/list", "unknown-method"],
  ["tasks/cancel", "unknown-method"],
]);

/** How the bridge answers a legacy client's message by itself; undefined for what goes to the modern server. */
export function legacyLocalAnswer(method: string): LocalAnswer | undefined {
  return localMethods.get(method);
}

/** Methods of the legacy era that a modern client cannot use: HTTP 404 with -32601. */
export function isLegacyOnly(method: string): boolean {
  const local = localMethods.get(method);
  return local !== undefined && local !== "cancel";
}
