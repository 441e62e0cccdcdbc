// A server's result from one era into the other. Pure; what only the other era knows is taken off or put on, every other byte stays.
import {
  editMembers,
  elementTexts,
  isCacheable,
  isObjectText,
  mapElements,
  memberText,
  memberTexts,
  metaKey,
} from "../../../protocol/index.ts";
import { type Ask, readAsks } from "./asks.ts";
import { stringOf } from "./client-facts.ts";
import { withoutServerMeta } from "./server-facts.ts";

/** What a modern result turned out to be for a legacy client. */
export type LegacyResult =
  /** `result` is ready for the client. */
  | { readonly kind: "complete"; readonly result: string }
  /** The server wants answers, or only the same request again (`asks` empty). `requestState` is JSON text, to be echoed as it is. */
  | { readonly kind: "input-required"; readonly asks: readonly Ask[]; readonly requestState: string | undefined }
  /** A kind of result that a legacy client has no word for (`task` among them). */
  | { readonly kind: "unknown"; readonly resultType: string };

/** `wrapped`: the tool's output schema was given to the client wrapped (see `wrapOutputSchema`). */
export function resultToLegacy(result: string, method: string, wrapped = false): LegacyResult {
  if (!isObjectText(result)) return { kind: "complete", result };
  const resultType = stringOf(memberText(result, "resultType"));
  if (resultType === "input_required") {
    const asks = readAsks(memberText(result, "inputRequests") ?? "{}");
    return { kind: "input-required", asks, requestState: memberText(result, "requestState") };
  }
  // A result without a type is complete: servers forget it, and refusing would lose the answer.
  if (resultType !== undefined && resultType !== "complete") return { kind: "unknown", resultType };
  const bare = withoutModernMembers(result, method);
  if (method === "tools/call") return { kind: "complete", result: wrapStructured(bare, wrapped) };
  if (method === "tools/list") return { kind: "complete", result: mapTools(bare, wrapOutputSchema) };
  return { kind: "complete", result: bare };
}

function withoutModernMembers(result: string, method: string): string {
  const meta = memberText(result, "_meta");
  const hints = isCacheable.has(method) ? { ttlMs: undefined, cacheScope: undefined } : {};
  const edits = { resultType: undefined, ...hints };
  return editMembers(result, isObjectText(meta) ? { ...edits, _meta: withoutServerMeta(meta) } : edits);
}

/** A legacy result as a modern client takes it. `serverInfo` is the JSON text from the server's InitializeResult. */
export function resultToModern(result: string, method: string, serverInfo: string | undefined): string {
  if (!isObjectText(result)) return result;
  const has = memberTexts(result);
  const bare =
    method === "tools/list" ? mapTools(result, (tool) => editMembers(tool, { execution: undefined })) : result;
  const meta = has.get("_meta");
  const about = editMembers(isObjectText(meta) ? meta : "{}", { [metaKey.relatedTask]: undefined });
  const named =
    serverInfo === undefined || memberText(about, metaKey.serverInfo) !== undefined
      ? about
      : editMembers(about, { [metaKey.serverInfo]: serverInfo });
  const hints = isCacheable.has(method) ? { ttlMs: "0", cacheScope: '"private"' } : {};
  const resultType = has.get("resultType") ?? '"complete"';
  return editMembers(bare, { resultType, ...hints, _meta: memberTexts(named).size === 0 ? undefined : named });
}

/** The tools of a page, each as JSON text. */
export function toolsOf(result: string): readonly string[] {
  return elementTexts(memberText(result, "tools") ?? "[]");
}

/** Never drops or reorders a tool. */
function mapTools(result: string, change: (tool: string) => string): string {
  const tools = memberText(result, "tools");
  if (tools === undefined) return result;
  const changed = mapElements(tools, (tool) => (isObjectText(tool) ? change(tool) : tool));
  return changed === tools ? result : editMembers(result, { tools: changed });
}

/** True if a legacy client cannot take this output schema as it is: in its era the root is an object. */
export function needsWrapping(tool: string): boolean {
  const schema = memberText(tool, "outputSchema");
  return schema !== undefined && stringOf(memberText(schema, "type")) !== "object";
}

/** Puts an output schema whose root is no object under `result`. Definitions stay at the root, where references look for them. */
export function wrapOutputSchema(tool: string): string {
  if (!needsWrapping(tool)) return tool;
  const schema = memberText(tool, "outputSchema") ?? "{}";
  const members = memberTexts(schema);
  const shared = ["$schema", "$defs", "definitions"].flatMap((key) => {
    const text = members.get(key);
    return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
  });
  const inner = isObjectText(schema)
    ? editMembers(schema, { $schema: undefined, $defs: undefined, definitions: undefined })
    : schema;
  const wrapped = [...shared, '"type":"object"', `"properties":{"result":${inner}}`, '"required":["result"]'];
  return editMembers(tool, { outputSchema: `{${wrapped.join(",")}}` });
}

function wrapStructured(result: string, wrapped: boolean): string {
  const structured = memberText(result, "structuredContent");
  if (structured === undefined || (isObjectText(structured) && !wrapped)) return result;
  const content = elementTexts(memberText(result, "content") ?? "[]");
  const text = content.length > 0 ? {} : { content: `[{"type":"text","text":${JSON.stringify(structured)}}]` };
  return editMembers(result, { structuredContent: `{"result":${structured}}`, ...text });
}
