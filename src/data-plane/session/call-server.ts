// Holdfast's own requests to a server (initialize anew, put state back, ping, list): small, bounded, read whole. Never relays anything.
import { accepting, mediaType, protocolVersionHeader, sessionIdHeader } from "../../protocol/index.ts";
import type { ReplyFacts } from "../recovery/index.ts";
import type { Reply, ReplyHeaders, Transport } from "../transport/index.ts";
import { findMessage } from "./read-answer.ts";

/** Under which session and with which credential a request goes. */
export interface CallContext {
  /** Flat names and values: the connector's own headers and, in front mode, the client's credential. */
  readonly headers: readonly string[];
  readonly upstreamId?: string | undefined;
  readonly version?: string | undefined;
  readonly cookies?: string | undefined;
}

export type CallOutcome =
  /** A JSON-RPC answer with our id. */
  | {
      readonly kind: "answer";
      readonly result: unknown;
      readonly error: unknown;
      readonly headers: ReplyHeaders;
      readonly facts: ReplyFacts;
    }
  /** An HTTP answer without one (202 of a notification, a refusal, a page of HTML). */
  | { readonly kind: "other"; readonly headers: ReplyHeaders; readonly facts: ReplyFacts }
  | Extract<Reply, { kind: "lost" }>;

/** Longest answer that is read: a list of some thousand tools. */
const answerBytes = 8 * 1024 * 1024;
const factBytes = 64 * 1024;

export function contextHeaders(context: CallContext): string[] {
  const headers = [...accepting, ...context.headers];
  if (context.upstreamId !== undefined) headers.push(sessionIdHeader, context.upstreamId);
  if (context.version !== undefined) headers.push(protocolVersionHeader, context.version);
  return withSessionCookies(headers, context.cookies);
}

/** One Cookie header: the session's own pairs, which belong to the server's id in use, before the client's of other names (front mode). */
export function withSessionCookies(headers: string[], cookies: string | undefined): string[] {
  if (cookies === undefined) return headers;
  const own = new Set(cookies.split("; ").map(nameOf));
  const pairs = [cookies];
  const others: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    if (name.toLowerCase() !== "cookie") others.push(name, value);
    else pairs.push(...value.split("; ").filter((pair) => !own.has(nameOf(pair))));
  }
  return [...others, "cookie", pairs.join("; ")];
}

function nameOf(pair: string): string {
  return pair.split("=", 1)[0]?.trim() ?? "";
}

/** Sends one message and reads its answer. `id` is the message's own id, undefined for a notification. */
export async function callServer(
  transport: Pick<Transport, "send">,
  context: CallContext,
  body: string,
  id: string | number | undefined,
  timeoutMs: number,
): Promise<CallOutcome> {
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = [...contextHeaders(context), "content-type", "application/json"];
  const reply = await transport.send({ method: "POST", headers, body: Buffer.from(body), signal });
  if (reply.kind === "lost") return reply;
  const contentType = mediaType(reply.headers["content-type"]);
  const text = await readBody(reply, contentType === "text/event-stream" ? id : undefined);
  const facts: ReplyFacts = {
    status: reply.status,
    contentType,
    challenged: reply.headers["www-authenticate"] !== undefined,
    body: text.slice(0, factBytes),
  };
  const message = id === undefined ? undefined : findMessage(text, contentType, id);
  if (message === undefined || reply.status >= 300) return { kind: "other", headers: reply.headers, facts };
  return { kind: "answer", result: message["result"], error: message["error"], headers: reply.headers, facts };
}

/** Reads to the end, to the size limit, to the cut, or (a stream) until the awaited answer is there. */
async function readBody(
  reply: Extract<Reply, { kind: "reply" }>,
  awaited: string | number | undefined,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  await new Promise<void>((resolve) => {
    reply.body.pipe({
      data(chunk) {
        chunks.push(chunk);
        size += chunk.length;
        const seen = awaited !== undefined && endsLine(chunk) && streamHolds(chunks, awaited);
        if (size > answerBytes || seen) {
          reply.body.abort();
          resolve();
        }
        return true;
      },
      end: resolve,
      cut: () => resolve(),
    });
  });
  return Buffer.concat(chunks).toString();
}

/** Events end at a line's end, so a chunk that stops elsewhere cannot have completed the last one. */
function endsLine(chunk: Buffer): boolean {
  const last = chunk.at(-1);
  return last === 10 || last === 13;
}

function streamHolds(chunks: readonly Buffer[], id: string | number): boolean {
  return findMessage(Buffer.concat(chunks).toString(), "text/event-stream", id) !== undefined;
}
