// Reads what a refusal says, however badly it is formed: never validates, never throws. Knows nothing of sessions.
import type { RawId } from "../../protocol/index.ts";
import type { ReplyFacts } from "./fault.ts";

/** What the head of a body says. */
export interface Refusal {
  readonly kind: "result" | "error" | "other";
  /** It is marked as JSON-RPC, so a server spoke and not a gateway. */
  readonly jsonRpc: boolean;
  readonly code: number | undefined;
  /** `nobody`: null, absent, "" or "server-error", as servers write that refuse before they read the message. */
  readonly id: "ours" | "nobody" | "other";
  /** The error's message where there is one, else the whole body. */
  readonly text: string;
}

type JsonObject = Readonly<Record<string, unknown>>;

export function readRefusal(reply: Pick<ReplyFacts, "contentType" | "body">, asked: RawId | undefined): Refusal {
  const object = findObject(reply);
  if (object === undefined) return { kind: "other", jsonRpc: false, code: undefined, id: "nobody", text: reply.body };
  const error = object["error"];
  const message = isObject(error) ? error["message"] : error;
  return {
    // JSON-RPC 1.0 habits: `"result": null` beside the error.
    kind: isObject(error) ? "error" : "result" in object ? "result" : "other",
    jsonRpc: object["jsonrpc"] === "2.0",
    code: isObject(error) && typeof error["code"] === "number" ? error["code"] : undefined,
    id: whoseId(object["id"], asked),
    text: typeof message === "string" ? message : reply.body,
  };
}

function whoseId(id: unknown, asked: RawId | undefined): Refusal["id"] {
  if (id === undefined || id === null || id === "" || id === "server-error") return "nobody";
  return asked !== undefined && id === parse(asked) ? "ours" : "other";
}

/** Some proxies frame a JSON error as an SSE body, whatever the content type says. */
function findObject(reply: Pick<ReplyFacts, "contentType" | "body">): JsonObject | undefined {
  const whole = parse(reply.body);
  if (isObject(whole)) return whole;
  if (reply.contentType !== "text/event-stream" && !/^(?:event|data|id):/.test(reply.body)) return undefined;
  const messages = reply.body
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((event) => parse(eventData(event)))
    .filter(isObject);
  // Notifications may come before the answer.
  return messages.find((message) => "result" in message || "error" in message) ?? messages[0];
}

function eventData(event: string): string {
  const lines = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice("data:".length)).join("\n");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
