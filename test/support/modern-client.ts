// A client of revision 2026-07-28 that writes the bytes a test gives it: the envelope and its headers, and nothing that would mend or judge an answer.
import { type Answer, type OpenAnswer, open, send } from "./raw-client.ts";

export interface ModernAsk {
  readonly id?: unknown;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly capabilities?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly meta?: Readonly<Record<string, unknown>>;
}

export function modernBody(
  method: string,
  { id = 1, params = {}, capabilities = {}, meta = {} }: ModernAsk = {},
): string {
  const envelope = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "modern-test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": capabilities,
    ...meta,
  };
  return JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta: envelope } });
}

export function modernHeaders(method: string, { params = {}, headers = {} }: ModernAsk = {}): Record<string, string> {
  const name = params["name"] ?? params["uri"];
  return {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    ...(typeof name === "string" ? { "mcp-name": name } : {}),
    ...headers,
  };
}

/** One request, its whole answer, and the JSON-RPC message in it. */
export async function ask(url: string, method: string, options: ModernAsk = {}): Promise<Asked> {
  const answer = await send(url, { headers: modernHeaders(method, options), body: modernBody(method, options) });
  return { ...answer, message: lastMessage(answer.text) };
}

export interface Message {
  readonly id?: unknown;
  readonly method?: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads what a message holds, and fails where it is not there
  readonly params?: any;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  readonly result?: any;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  readonly error?: { readonly code: number; readonly message: string; readonly data?: any };
}

export interface Asked extends Answer {
  readonly message: Message;
}

/** A request whose answer the test reads as it comes. */
export function listen(url: string, method: string, options: ModernAsk = {}): Promise<OpenAnswer> {
  return open(url, { headers: modernHeaders(method, options), body: modernBody(method, options) });
}

export function messagesOf(body: string): readonly Message[] {
  if (body.startsWith("{")) return [JSON.parse(body)];
  const data = body.split("\n").filter((line) => line.startsWith("data: ") && line.length > 6);
  return data.map((line) => JSON.parse(line.slice(6)));
}

function lastMessage(body: string): Message {
  return messagesOf(body).at(-1) ?? {};
}

/** The text of a tool's result. */
export function said({ message }: Asked): string {
  return message.result?.content?.[0]?.text ?? JSON.stringify(message);
}
