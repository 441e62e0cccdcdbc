// May a modern request be sent again? What the protocol says of its method, or what a trusted server says of the tool now.
import { isRepeatable, privateId } from "../../protocol/index.ts";
import { asObject, type Connector, callServer, type JsonObject, parseObject } from "../session/index.ts";

const mostPages = 100;
const timeoutMs = 15_000;

/** True if running the request twice does no harm. `body`: the request as it came. */
export async function isSafeModern(
  connector: Connector,
  method: string | undefined,
  body: Buffer,
  headers: readonly string[],
): Promise<boolean> {
  if (method === undefined) return false;
  if (method !== "tools/call") return isRepeatable(method);
  const params = asObject(parseObject(body.toString())?.["params"]);
  const tool = await findTool(connector, params?.["name"], asObject(params?.["_meta"]) ?? {}, headers);
  const annotations = asObject(tool?.["annotations"]);
  return annotations?.["readOnlyHint"] === true || annotations?.["idempotentHint"] === true;
}

/** The tool as the server lists it for this very client now; undefined where it is not listed or cannot be asked. */
async function findTool(
  connector: Connector,
  name: unknown,
  meta: JsonObject,
  headers: readonly string[],
): Promise<JsonObject | undefined> {
  const version = meta["io.modelcontextprotocol/protocolVersion"];
  if (typeof version !== "string") return undefined;
  const context = { headers: [...headers, "mcp-protocol-version", version, "mcp-method", "tools/list"] };
  const { progressToken: _ofTheCall, ...envelope } = meta;
  let cursor: unknown;
  for (let page = 0; page < mostPages; page += 1) {
    const id = privateId();
    const params = { ...(cursor === undefined ? {} : { cursor }), _meta: envelope };
    const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/list", params });
    const outcome = await callServer(connector.transport, context, body, id, timeoutMs);
    const result = outcome.kind === "answer" ? asObject(outcome.result) : undefined;
    const tools = result?.["tools"];
    if (!Array.isArray(tools)) return undefined;
    const found = tools.map(asObject).find((tool) => tool?.["name"] === name);
    if (found !== undefined) return found;
    cursor = result?.["nextCursor"];
    if (typeof cursor !== "string") return undefined;
  }
  return undefined;
}
