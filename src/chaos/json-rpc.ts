// JSON-RPC as the faulty server needs it: reads messages and builds answers. Knows no method, no session and no wire.

export type JsonObject = Readonly<Record<string, unknown>>;
export type RequestId = string | number;

export interface Incoming {
  readonly id: RequestId | undefined;
  readonly method: string | undefined;
  readonly params: JsonObject;
  readonly whole: JsonObject;
}

export interface Request extends Incoming {
  readonly id: RequestId;
  readonly method: string;
}

/** A text result that is written in pieces and never held whole. */
interface BigAnswer {
  readonly id: RequestId;
  readonly bigTextBytes: number;
}

export type Outgoing = JsonObject | BigAnswer;

export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const parseError = -32700;
export const invalidRequest = -32600;
export const methodNotFound = -32601;
export const invalidParams = -32602;
export const internalError = -32603;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isRequest(message: Incoming): message is Request {
  return message.id !== undefined && message.method !== undefined;
}

/** The messages of one POST body; throws an RpcError where the body is none. */
export function readMessages(body: string): { readonly batch: boolean; readonly messages: readonly Incoming[] } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new RpcError(parseError, "Parse error: the body is not JSON");
  }
  const batch = Array.isArray(value);
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new RpcError(invalidRequest, "Invalid Request: an empty batch");
  return { batch, messages: list.map(readMessage) };
}

function readMessage(value: unknown): Incoming {
  if (!isObject(value) || value["jsonrpc"] !== "2.0")
    throw new RpcError(invalidRequest, "Invalid Request: not a JSON-RPC 2.0 message");
  const { id, method, params } = value;
  const isAnswer = "result" in value || "error" in value;
  if (typeof method !== "string" && !isAnswer)
    throw new RpcError(invalidRequest, "Invalid Request: neither a method nor an answer");
  return {
    id: typeof id === "string" || typeof id === "number" ? id : undefined,
    method: typeof method === "string" ? method : undefined,
    params: isObject(params) ? params : {},
    whole: value,
  };
}

export const resultOf = (id: RequestId, result: JsonObject): JsonObject => ({ jsonrpc: "2.0", id, result });

export const errorOf = (id: RequestId | null, code: number, message: string): JsonObject => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

export const notificationOf = (method: string, params?: JsonObject): JsonObject =>
  params === undefined ? { jsonrpc: "2.0", method } : { jsonrpc: "2.0", method, params };

const pieceBytes = 65_536;
const piece = "holdfast chaos. ".repeat(pieceBytes / 16);

export const isBig = (outgoing: Outgoing): outgoing is BigAnswer => "bigTextBytes" in outgoing;

/** The message as text, in pieces small enough to be written one by one. */
export function* textOf(outgoing: Outgoing): Generator<string, void, undefined> {
  if (!isBig(outgoing)) {
    yield JSON.stringify(outgoing);
    return;
  }
  yield `{"jsonrpc":"2.0","id":${JSON.stringify(outgoing.id)},"result":{"content":[{"type":"text","text":"`;
  for (let left = outgoing.bigTextBytes; left > 0; left -= pieceBytes) {
    yield left >= pieceBytes ? piece : piece.slice(0, left);
  }
  yield '"}]}}';
}
