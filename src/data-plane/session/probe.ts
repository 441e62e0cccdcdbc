// Asks a server whether it lives, on a session of Holdfast's own that is ended at once. Never touches a client's session.
import type { Connector } from "./connector.ts";
import { asObject, endUpstreamSession, initializeAnew } from "./initialize.ts";
import type { JsonObject } from "./read-answer.ts";
import { notify, request } from "./restore.ts";

export type ProbeOutcome =
  | {
      readonly ok: true;
      readonly serverInfo: JsonObject | undefined;
      readonly protocolVersion: string;
      /** As the server gave them; undefined unless they were asked for. */
      readonly tools: readonly JsonObject[] | undefined;
    }
  | {
      readonly ok: false;
      readonly code: string;
      readonly status?: number | undefined;
      readonly head?: string | undefined;
    };

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "holdfast", version: "1" } },
});

/** A server that gives more pages is cut off here. */
const mostPages = 20;

/** Never rejects. */
export async function probe(connector: Connector, wants: "life" | "tools"): Promise<ProbeOutcome> {
  const { headers } = connector.settings;
  const outcome = await initializeAnew(connector, initialize, headers);
  if (outcome.kind !== "fresh") {
    const { code, detail, upstream } = outcome.trouble;
    return { ok: false, code: named(code), status: upstream?.status, head: upstream?.body ?? detail };
  }
  connector.availability.answered();
  const { upstreamId, version, cookies, serverInfo } = outcome.fresh;
  const context = { headers, upstreamId, version, cookies };
  await notify(connector, context, "notifications/initialized");
  const tools = wants === "tools" ? await listTools(connector, context) : undefined;
  await endUpstreamSession(connector, context);
  return { ok: true, serverInfo, protocolVersion: version, tools };
}

/** Nothing was there to be restored. */
function named(code: string): string {
  return code === "SESSION_NOT_RESTORED" ? "INITIALIZE_FAILED" : code;
}

async function listTools(connector: Connector, context: Parameters<typeof request>[1]): Promise<readonly JsonObject[]> {
  const tools: JsonObject[] = [];
  let cursor: { readonly cursor?: string } = {};
  for (let page = 0; page < mostPages; page++) {
    const outcome = await request(connector, context, "tools/list", cursor);
    const result = outcome.kind === "answer" ? asObject(outcome.result) : undefined;
    const listed = result?.["tools"];
    for (const one of Array.isArray(listed) ? (listed as readonly unknown[]) : []) {
      const tool = asObject(one);
      if (tool !== undefined) tools.push(tool);
    }
    const next: unknown = result?.["nextCursor"];
    if (typeof next !== "string") break;
    cursor = { cursor: next };
  }
  return tools;
}
