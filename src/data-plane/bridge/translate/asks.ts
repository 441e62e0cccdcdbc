// What a server asks of the client in the middle of a request: `input_required` of the modern era and server requests of the legacy one, each into the other. Pure.
import {
  editMembers,
  elementTexts,
  isObjectText,
  memberText,
  memberTexts,
  type RawId,
  rpcCode,
} from "../../../protocol/index.ts";
import { type ClientFacts, declares, stringOf } from "./client-facts.ts";
import { rpcError } from "./errors.ts";

export interface Ask {
  /** The server's own key in `inputRequests`. */
  readonly key: string;
  readonly method: string;
  /** JSON text. */
  readonly params: string | undefined;
}

/** From the JSON text of `inputRequests`, in its order. */
export function readAsks(inputRequests: string): readonly Ask[] {
  return [...memberTexts(inputRequests)].map(([key, ask]) => ({
    key,
    method: stringOf(memberText(ask, "method")) ?? "",
    params: memberText(ask, "params"),
  }));
}

export function isUrlAsk({ method, params }: Pick<Ask, "method" | "params">): boolean {
  return method === "elicitation/create" && stringOf(memberText(params ?? "{}", "mode")) === "url";
}

/** The capability that a client needs for an ask, as the `requiredCapabilities` of a -32021 (JSON text). */
export function capabilityFor(ask: Pick<Ask, "method" | "params">): string {
  if (isUrlAsk(ask)) return '{"elicitation":{"url":{}}}';
  if (ask.method === "elicitation/create") return '{"elicitation":{}}';
  return ask.method === "sampling/createMessage" ? '{"sampling":{}}' : '{"roots":{}}';
}

/** True if the client declared what this ask needs. */
export function canAnswer(ask: Pick<Ask, "method" | "params">, { capabilities }: ClientFacts): boolean {
  if (isUrlAsk(ask)) return declares(capabilities, "elicitation", "url");
  if (ask.method === "elicitation/create") {
    const elicitation = memberText(capabilities, "elicitation");
    if (!isObjectText(elicitation)) return false;
    return declares(elicitation, "form") || !declares(elicitation, "url");
  }
  return ask.method === "sampling/createMessage" ? declares(capabilities, "sampling") : declares(capabilities, "roots");
}

/** How a legacy client is asked. */
export type LegacyAsk =
  | { readonly kind: "request"; readonly message: string }
  /** A client without URL elicitation: its user is told where to go. */
  | { readonly kind: "tell"; readonly text: string; readonly error: string }
  /** The client never said that it could, so the server had no business to ask. */
  | { readonly kind: "undeclared"; readonly error: string };

/** `id` is minted by the proxy; `elicitationId` names a URL elicitation, as the legacy era wants. */
export function askToLegacy(ask: Ask, id: RawId, client: ClientFacts, elicitationId: string): LegacyAsk {
  const params = ask.params ?? "{}";
  if (!canAnswer(ask, client)) {
    const required = `{"requiredCapabilities":${capabilityFor(ask)}}`;
    const error = rpcError(rpcCode.internal, "The server asked for what this client did not declare.", required);
    if (!isUrlAsk(ask)) return { kind: "undeclared", error };
    const [message = "", url = ""] = ["message", "url"].map((key) => stringOf(memberText(params, key)));
    return { kind: "tell", text: `${message}\n${url}`.trim(), error };
  }
  const hasId = memberText(params, "elicitationId") !== undefined;
  const named =
    isUrlAsk(ask) && !hasId ? editMembers(params, { elicitationId: JSON.stringify(elicitationId) }) : params;
  const text = ask.params === undefined ? "" : `,"params":${named}`;
  return { kind: "request", message: `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(ask.method)}${text}}` };
}

/** What a legacy client's answer to an ask becomes. */
export type AskAnswer =
  | { readonly kind: "response"; readonly response: string }
  /** JSON text of the error with which the client's own call ends: `inputResponses` has no place for one. */
  | { readonly kind: "ends-call"; readonly error: string };

/** From the client's JSON-RPC response. A user who cannot be asked counts as one who cancelled. */
export function answerToModern(ask: Ask, answer: string): AskAnswer {
  const result = memberText(answer, "result");
  if (result !== undefined && result !== "null") return { kind: "response", response: result };
  if (ask.method === "elicitation/create") return { kind: "response", response: '{"action":"cancel"}' };
  const error = memberText(answer, "error");
  return {
    kind: "ends-call",
    error: isObjectText(error) ? error : rpcError(rpcCode.internal, "The client gave no answer."),
  };
}

/** `inputResponses` as JSON text, in the order of the asks. */
export function writeResponses(responses: ReadonlyMap<string, string>): string {
  return `{${[...responses].map(([key, response]) => `${JSON.stringify(key)}:${response}`).join(",")}}`;
}

/** An id that reads as a name, and so may be one; what is longer, or could be taken for something of the language itself, is none. */
const nameLike = /^"([A-Za-z][\w.-]{0,63})"$/;

/** The key of a legacy server's question in `inputRequests`: its id where that is a name, for no other name is on that wire; else one made up. `taken`: keys of open questions. */
export function askKey(id: RawId, number: number, taken: readonly string[]): string {
  const name = nameLike.exec(id)?.[1];
  if (name !== undefined && !taken.includes(name)) return name;
  for (let count = number; ; count += 1) if (!taken.includes(`input_${count}`)) return `input_${count}`;
}

/** A legacy server's request as an entry of `inputRequests` (JSON text). */
export function askToModern(method: string, params: string | undefined): string {
  if (!isObjectText(params)) return `{"method":${JSON.stringify(method)}}`;
  const bare = editMembers(params, { task: undefined, elicitationId: undefined });
  const meta = memberText(bare, "_meta");
  const rest = isObjectText(meta) ? editMembers(meta, { progressToken: undefined }) : undefined;
  const empty = rest !== undefined && memberTexts(rest).size === 0;
  const quiet = rest === undefined ? bare : editMembers(bare, { _meta: empty ? undefined : rest });
  return `{"method":${JSON.stringify(method)},"params":${quiet}}`;
}

/** A modern client's entry of `inputResponses` as the response that the legacy server waits for. */
export function answerToLegacy(id: RawId, response: string): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${response}}`;
}

/** How a legacy server is told that nobody will answer: a cancelled form, or no such method. */
export function refusalToLegacy(id: RawId, method: string): string {
  if (method === "elicitation/create") return answerToLegacy(id, '{"action":"cancel"}');
  return `{"jsonrpc":"2.0","id":${id},"error":${rpcError(rpcCode.methodNotFound, "The client does not support this.")}}`;
}

/** The `input_required` result of a parked call. `state` is opaque to the client. */
export function inputRequired(requests: ReadonlyMap<string, string>, state: string, serverInfo?: string): string {
  const meta = serverInfo === undefined ? "" : `,"_meta":{"io.modelcontextprotocol/serverInfo":${serverInfo}}`;
  return `{"resultType":"input_required","inputRequests":${writeResponses(requests)},"requestState":${JSON.stringify(state)}${meta}}`;
}

/** The URL asks in a legacy -32042 error, ready for `inputRequests`, by generated key. */
export function urlAsksOf(error: string): ReadonlyMap<string, string> {
  const text = memberText(error, "data", "elicitations");
  const asks = elementTexts(text ?? "[]").filter(isObjectText);
  return new Map(
    asks.map((ask, index) => [
      `url_${index + 1}`,
      askToModern("elicitation/create", editMembers(ask, { mode: '"url"' })),
    ]),
  );
}
