// What MCP says of its own methods: which may run twice without harm, which leave something behind in a session.

/**
 * Methods that the protocol defines as reads or as setting a value that is the same the second time (session-loss research, section 4).
 * `tools/call` is never among them: only the tool's own annotation can say so.
 */
export const repeatableMethods: ReadonlySet<string> = new Set([
  "ping",
  "initialize",
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "prompts/list",
  "prompts/get",
  "completion/complete",
  "logging/setLevel",
  "server/discover",
  "subscriptions/listen",
  "notifications/initialized",
  "notifications/roots/list_changed",
]);

export function isRepeatable(method: string): boolean {
  return repeatableMethods.has(method);
}

/** Lists whose cursor is bound to the session that gave it. */
const paged: ReadonlySet<string> = new Set([
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "prompts/list",
]);

export function isPaged(method: string): boolean {
  return paged.has(method);
}

/** Notifications about one request of one session: without meaning once that session is gone. */
const boundToRequest: ReadonlySet<string> = new Set(["notifications/cancelled", "notifications/progress"]);

export function isBoundToRequest(method: string): boolean {
  return boundToRequest.has(method);
}
