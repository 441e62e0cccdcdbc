// After a restore: tells the client which of its lists are no longer what it read. Runs behind the released requests and delays none.
import type { CallContext } from "./call-server.ts";
import { digestOf } from "./digest.ts";
import { asObject } from "./initialize.ts";
import { request } from "./restore.ts";
import { type ListMethod, listMethods } from "./snapshot.ts";
import type { UpstreamSession } from "./upstream-session.ts";

const items: Record<ListMethod, string> = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
};
const notifications: Record<ListMethod, string> = {
  "tools/list": "notifications/tools/list_changed",
  "prompts/list": "notifications/prompts/list_changed",
  "resources/list": "notifications/resources/list_changed",
};

/** Reads again each list that the client has read and was promised news of; a differing page is announced once. */
export async function announceChanges(
  session: UpstreamSession,
  context: CallContext,
  refusedUris: readonly string[],
): Promise<void> {
  for (const method of listMethods) {
    const known = session.snapshot.lists[method];
    if (known === undefined || !session.snapshot.announces.includes(method)) continue;
    const now = await readPages(session, context, method, known.length);
    if (now !== undefined && now.join() !== known.join()) announce(session, { method: notifications[method] });
  }
  // A subscription that the server would not take back: the client reads once more, and learns the truth from the answer.
  for (const uri of refusedUris) announce(session, { method: "notifications/resources/updated", params: { uri } });
}

/** Sends a notification of ours down the client's stream, or keeps it for when one opens. */
export function announce(
  session: UpstreamSession,
  notification: { readonly method: string; readonly params?: object },
): void {
  const json = JSON.stringify({ jsonrpc: "2.0", ...notification });
  if (session.announce?.(json) !== true) session.unannounced.add(json);
}

/** Digest of one page: the list itself and whether more follows (a cursor's text differs each time). Undefined where the result is no such page. */
export function pageDigest(method: ListMethod, result: unknown): string | undefined {
  const list = asObject(result)?.[items[method]];
  if (!Array.isArray(list)) return undefined;
  const more = typeof asObject(result)?.["nextCursor"] === "string";
  return digestOf([more, list], 12);
}

async function readPages(
  session: UpstreamSession,
  context: CallContext,
  method: ListMethod,
  count: number,
): Promise<string[] | undefined> {
  const digests: string[] = [];
  let cursor: unknown;
  do {
    const outcome = await request(session.connector, context, method, cursor === undefined ? {} : { cursor });
    const digest = outcome.kind === "answer" ? pageDigest(method, outcome.result) : undefined;
    if (outcome.kind !== "answer" || digest === undefined) return undefined;
    digests.push(digest);
    cursor = asObject(outcome.result)?.["nextCursor"];
  } while (digests.length < count && typeof cursor === "string");
  return digests;
}
