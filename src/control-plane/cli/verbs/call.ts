// `holdfast call NAME TOOL [JSON]`: one tool call through the hub, on a session that begins and ends with it. Exit code 5 when the tool says that it failed.
import { ConfigError } from "../../../config/index.ts";
import { exitCodeOf, exitCodes, VerbError } from "../hub/exit-codes.ts";
import type { HubClient } from "../hub/hub-client.ts";
import { openHub } from "../hub/open-hub.ts";
import { readEvents } from "../hub/read-events.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

type Json = Readonly<Record<string, unknown>>;

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "holdfast-call", version: "1" } },
};

export async function call(
  name: string,
  tool: string,
  json: string | undefined,
  flags: CommonFlags,
  { terminal, show, parts }: VerbContext,
): Promise<number> {
  const args = readArguments(json);
  await using hub = await openHub(flags, terminal, parts, "hub");
  const { mcp } = (await hub.get(name)).endpoints;
  const opened = await hub.postMcp(mcp, initialize, undefined);
  await answerOf(opened, 1);
  const session = opened.headers.get("mcp-session-id") ?? undefined;
  try {
    const ready = await hub.postMcp(mcp, { jsonrpc: "2.0", method: "notifications/initialized" }, session);
    await ready.body?.cancel();
    const result = await callTool(hub, mcp, { name: tool, arguments: args }, session);
    show(result, () => textOf(result));
    return result["isError"] === true ? exitCodes.toolError : exitCodes.ok;
  } finally {
    if (session !== undefined) await hub.endMcp(mcp, session).catch(() => undefined);
  }
}

async function callTool(hub: HubClient, mcp: string, params: Json, session: string | undefined): Promise<Json> {
  return answerOf(await hub.postMcp(mcp, { jsonrpc: "2.0", id: 2, method: "tools/call", params }, session), 2);
}

function readArguments(json: string | undefined): Json {
  try {
    const value: unknown = JSON.parse(json ?? "{}");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  } catch {
    // Told below, without what was typed.
  }
  throw new ConfigError(`The arguments must be a JSON object, such as '{"query": "Anna"}'.`);
}

/** @throws VerbError for an error answer: the hub's own with its code, the server's with exit code 5 */
async function answerOf(answer: Response, id: number): Promise<Json> {
  const message = await messageOf(answer, id);
  const error = message?.["error"] as { readonly message?: string; readonly data?: Json | null } | undefined;
  if (error !== undefined) {
    const code = error.data?.["code"];
    const known = typeof code === "string" && error.data?.["origin"] === "holdfast" ? code : undefined;
    const exitCode = known === undefined ? exitCodes.toolError : exitCodeOf(known, answer.status);
    throw new VerbError(error.message ?? "The server answers with an error.", exitCode, known);
  }
  if (message?.["result"] === undefined)
    throw new VerbError(`The answer is no MCP (status ${answer.status}).`, exitCodes.unreachable);
  return message["result"] as Json;
}

async function messageOf(answer: Response, id: number): Promise<Json | undefined> {
  if (answer.headers.get("content-type")?.startsWith("text/event-stream") === true && answer.body !== null) {
    for await (const event of readEvents(answer.body)) {
      const message = event as Json;
      if (message["id"] === id && !("method" in message)) return message;
    }
    return undefined;
  }
  return (await answer.json().catch(() => undefined)) as Json | undefined;
}

function textOf({ content, structuredContent }: Json): string {
  if (!Array.isArray(content) || content.length === 0) return JSON.stringify(structuredContent ?? content ?? null);
  return content
    .map((part: { readonly type?: string; readonly text?: string }) => part.text ?? `(${part.type ?? "content"})`)
    .join("\n");
}
