// A client of a few lines that never opens the standalone stream, for servers that reap only sessions without one.
import { type Connection, connection, textOf } from "./tool-result.ts";

const requestTimeoutMs = 30_000;

interface Answer {
  readonly result?: { readonly tools?: readonly { readonly name: string }[] };
  readonly error?: unknown;
}

function answerOf(contentType: string, body: string): Answer {
  const isStream = contentType.startsWith("text/event-stream");
  const messages = isStream ? [...body.matchAll(/^data: ?(.+)$/gm)].map(([, data = ""]) => data) : [body];
  for (const message of messages) {
    const answer: Answer = JSON.parse(message);
    if (answer.result !== undefined || answer.error !== undefined) return answer;
  }
  throw new Error(`no answer in: ${body.slice(0, 300)}`);
}

export async function connectPlainly(
  url: string,
  extraHeaders: Readonly<Record<string, string>> = {},
): Promise<Connection> {
  const headers: Record<string, string> = {
    ...extraHeaders,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const send = async (message: object) => {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(requestTimeoutMs) });
    const text = await response.text();
    if (!response.ok) throw new Error(`HTTP ${response.status}: ${text.slice(0, 300)}`);
    return { response, text };
  };
  let lastId = 0;
  const request = async (method: string, params: object) => {
    lastId += 1;
    const { response, text } = await send({ id: lastId, method, params });
    const { result, error } = answerOf(response.headers.get("content-type") ?? "", text);
    if (error !== undefined) throw new Error(JSON.stringify(error));
    return { response, result };
  };

  const clientInfo = { name: "holdfast-tests-plain", version: "1.0.0" };
  const { response } = await request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
  const sessionId = response.headers.get("mcp-session-id") ?? undefined;
  if (sessionId !== undefined) headers["mcp-session-id"] = sessionId;
  headers["mcp-protocol-version"] = "2025-11-25";
  await send({ method: "notifications/initialized" });

  return connection({
    callTool: async (name, args) => textOf((await request("tools/call", { name, arguments: args })).result),
    listTools: async () => (await request("tools/list", {})).result?.tools?.map(({ name }) => name) ?? [],
    close: async () => void (await fetch(url, { method: "DELETE", headers }).then((ended) => ended.text())),
    errors: () => [],
    sessionId: () => sessionId,
  });
}
