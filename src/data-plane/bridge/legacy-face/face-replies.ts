// Answers as a legacy Streamable HTTP server gives them, made inside the process.
import { ProxyError, toJsonRpcError } from "../../../errors/index.ts";
import { encodeSseEvent, type RawId, rpcCode } from "../../../protocol/index.ts";
import { type PushBody, type Reply, wholeReply } from "../../transport/index.ts";
import { errorResponse, resultResponse, rpcError } from "../translate/errors.ts";
import type { ModernOutcome } from "./modern-reply.ts";

type Answer = Extract<Reply, { kind: "reply" }>;

const json = "application/json";

/** The head of every event stream of the bridge. */
export const streamHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
};

export function messageReply(text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return wholeReply(200, json, text, headers);
}

export function resultReply(id: RawId, result: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return messageReply(resultResponse(id, result), headers);
}

export function errorReply(id: RawId, code: number, message: string, data?: string): Answer {
  return messageReply(errorResponse(id, rpcError(code, message, data)));
}

export function accepted(): Answer {
  return wholeReply(202, "", "");
}

/** The server's answer was longer than what is read; it ran all the same. */
export function tooLarge(id: RawId): string {
  return toJsonRpcError(new ProxyError("SERVER_MESSAGE_TOO_LARGE"), id);
}

/** What makes the session layer open a new one. */
export function sessionNotFound(): Answer {
  return wholeReply(404, json, errorResponse("null", rpcError(rpcCode.sessionLost, "Session not found")));
}

/** Credentials and gateways, which the session layer judges by their status; undefined for everything else, since a 404 would mean the session. */
export function passedRefusal({
  status,
  headers,
  body,
}: Extract<ModernOutcome, { kind: "refused" }>): Answer | undefined {
  const isOfWay = status === 401 || status === 403 || status === 408 || status === 429 || status >= 500;
  if (!isOfWay) return undefined;
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "content-length"));
  return { ...wholeReply(status, "", body), headers: kept };
}

export function pushMessage(body: PushBody, text: string): void {
  body.push(encodeSseEvent({ type: "message", data: text }));
}
