// May this request be sent again? What the protocol says of its method, what a trusted server says of the tool, what the new session still offers.
import { ProxyError } from "../../errors/index.ts";
import { type Envelope, isPaged, isRepeatable } from "../../protocol/index.ts";
import { asObject, type CallContext, type JsonObject, request, type UpstreamSession } from "../session/index.ts";
import { type ClientExchange, envelopesOf, messagesOf, singleMethod } from "./client-exchange.ts";

/** True if running the request twice does no harm: by the protocol, or by the tool's own word where the connector is trusted. */
export async function isSafeToRepeat(
  exchange: ClientExchange,
  session: UpstreamSession,
  context: CallContext,
): Promise<boolean> {
  if (exchange.httpMethod !== "POST") return true;
  const method = singleMethod(exchange);
  if (method === undefined) {
    const all = envelopesOf(exchange);
    return all.length > 0 && all.every((each) => each.method !== undefined && isRepeatable(each.method));
  }
  if (isRepeatable(method)) return true;
  if (method !== "tools/call" || !session.connector.settings.trusted) return false;
  const tool = await findTool(session, context, nameOf(messagesOf(exchange)[0]));
  const annotations = asObject(tool?.["annotations"]);
  return annotations?.["readOnlyHint"] === true || annotations?.["idempotentHint"] === true;
}

/**
 * Checks a request that is about to be sent again on a new session.
 * @throws ProxyError CURSOR_LOST, TOOL_VANISHED
 */
export async function assertReplayable(
  exchange: ClientExchange,
  session: UpstreamSession,
  context: CallContext,
): Promise<void> {
  const connector = session.connector.settings.name;
  // The same server in the same version is believed to have the same tools; another one is asked.
  const { upgraded } = session;
  const isConcerned = ({ method = "" }: Envelope) => isPaged(method) || (upgraded && method === "tools/call");
  if (!envelopesOf(exchange).some(isConcerned)) return;
  for (const message of messagesOf(exchange)) {
    const { method } = message;
    if (typeof method === "string" && isPaged(method) && asObject(message["params"])?.["cursor"] !== undefined)
      throw new ProxyError("CURSOR_LOST", { connector });
    if (method !== "tools/call" || !upgraded) continue;
    const name = nameOf(message);
    if ((await findTool(session, context, name)) === null)
      throw new ProxyError("TOOL_VANISHED", { connector, note: `It is called ${JSON.stringify(name)}.` });
  }
}

const mostPages = 100;

/** The tool as the server lists it now; null if it lists its tools without this one; undefined if it cannot be asked. */
async function findTool(
  session: UpstreamSession,
  context: CallContext,
  name: unknown,
): Promise<JsonObject | null | undefined> {
  let cursor: unknown;
  for (let page = 0; page < mostPages; page += 1) {
    const outcome = await request(session.connector, context, "tools/list", cursor === undefined ? {} : { cursor });
    const result = outcome.kind === "answer" ? asObject(outcome.result) : undefined;
    const tools = result?.["tools"];
    if (!Array.isArray(tools)) return undefined;
    const found = tools.map(asObject).find((tool) => tool?.["name"] === name);
    if (found !== undefined) return found;
    cursor = result?.["nextCursor"];
    if (typeof cursor !== "string") return null;
  }
  return undefined;
}

function nameOf(message: JsonObject | undefined): unknown {
  return asObject(message?.["params"])?.["name"];
}
