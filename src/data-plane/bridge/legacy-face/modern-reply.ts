// Reads a modern server's answer to one request as it comes: what it tells on the way, then the result, the error, or that it broke off. Translates nothing.
import { mediaType, memberText, type RawId, rpcCode, type SseEvent, SseObserver } from "../../../protocol/index.ts";
import type { Reply, ReplyHeaders } from "../../transport/index.ts";
import { isForeignRefusal } from "../eras.ts";
import { codeOf } from "../translate/errors.ts";

export type ModernOutcome =
  | { readonly kind: "result"; readonly result: string }
  /** `status` is the HTTP status it came with. */
  | { readonly kind: "error"; readonly error: string; readonly status: number }
  /** An HTTP answer without a JSON-RPC answer to this request. */
  | { readonly kind: "refused"; readonly status: number; readonly headers: ReplyHeaders; readonly body: Buffer }
  /** The answer is longer than what is read: it has to be read whole to be translated. */
  | { readonly kind: "too-large" }
  | { readonly kind: "cut"; readonly cause: Error };

export interface ModernListener {
  /** A message that is no answer: a notification, or a request that a modern server must not send. */
  message(text: string, kind: "request" | "notification"): void;
  /** False asks for a pause, ended by resuming the body. */
  flowing(): boolean;
}

/** `id`: under which the request went out. `mostBytes`: of a whole answer, or of one event. */
export function readModernReply(
  reply: Extract<Reply, { kind: "reply" }>,
  id: RawId,
  mostBytes: number,
  listener: ModernListener = { message: () => {}, flowing: () => true },
): Promise<ModernOutcome> {
  const isStream = mediaType(reply.headers["content-type"]) === "text/event-stream";
  return isStream && reply.status < 300 ? readStream(reply, id, mostBytes, listener) : readWhole(reply, id, mostBytes);
}

async function readWhole(
  reply: Extract<Reply, { kind: "reply" }>,
  id: RawId,
  mostBytes: number,
): Promise<ModernOutcome> {
  const chunks: Buffer[] = [];
  let size = 0;
  const cause = await new Promise<Error | "too-large" | undefined>((resolve) => {
    reply.body.pipe({
      data: (chunk) => {
        size += chunk.length;
        if (size <= mostBytes) chunks.push(chunk);
        else {
          resolve("too-large");
          reply.body.abort();
        }
        return true;
      },
      end: () => resolve(undefined),
      cut: resolve,
    });
  });
  if (cause === "too-large") return { kind: "too-large" };
  if (cause !== undefined) return { kind: "cut", cause };
  const body = Buffer.concat(chunks);
  const { status, headers } = reply;
  return answerIn(body.toString(), id, status) ?? { kind: "refused", status, headers, body };
}

/** The answer to `id`; an error without an id is one too, for the request was alone on its connection. */
function answerIn(
  text: string,
  id: RawId,
  status: number,
): Extract<ModernOutcome, { kind: "result" | "error" }> | undefined {
  try {
    const of = memberText(text, "id") ?? "null";
    const error = memberText(text, "error");
    if (error !== undefined && error !== "null" && (of === id || of === "null"))
      return { kind: "error", error, status };
    const result = memberText(text, "result");
    return result !== undefined && of === id ? { kind: "result", result } : undefined;
  } catch {
    // No JSON at all: a gateway's page, or half a message.
    return undefined;
  }
}

function readStream(
  { body, status }: Extract<Reply, { kind: "reply" }>,
  id: RawId,
  mostBytes: number,
  listener: ModernListener,
): Promise<ModernOutcome> {
  return new Promise((resolve) => {
    const take = (event: SseEvent): void => {
      if (event.scanned?.shape !== "single") return;
      const text = event.text();
      const { kind, id: of } = event.scanned.envelope;
      if (text === undefined) {
        if (of === id && kind !== "request") resolve({ kind: "too-large" });
        return;
      }
      if (kind === "request" || kind === "notification") return listener.message(text, kind);
      const answer = answerIn(text, id, status);
      if (answer !== undefined) resolve(answer);
    };
    const observer = new SseObserver((event) => {
      try {
        take(event);
      } catch (cause) {
        // Long texts are only scanned before: it may be no JSON after all.
        resolve({ kind: "cut", cause: cause instanceof Error ? cause : new Error(String(cause)) });
        body.abort();
      }
    }, mostBytes);
    body.pipe({
      data: (chunk) => {
        observer.push(chunk);
        return listener.flowing();
      },
      end: () => {
        observer.end();
        resolve({ kind: "cut", cause: new Error("the stream ended without the answer") });
      },
      cut: (cause) => resolve({ kind: "cut", cause }),
    });
  });
}

/** A modern server's own word for "no such method", which it must say with HTTP 404. */
function isUnknownMethod(outcome: ModernOutcome): boolean {
  return outcome.kind === "error" && codeOf(outcome.error) === rpcCode.methodNotFound;
}

/** True if no modern server could have answered so: the server is of the other era now, or its process is gone. */
export function isForeign(outcome: ModernOutcome): boolean {
  if (isUnknownMethod(outcome)) return false;
  if (outcome.kind === "refused")
    return isForeignRefusal({ status: outcome.status, contentType: "", body: outcome.body.toString() });
  if (outcome.kind !== "error") return false;
  return isForeignRefusal({ status: outcome.status, contentType: "", body: `{"error":${outcome.error}}` });
}
