// Holdfast's own requests to a server (initialize anew, put state back, ping, list): small, bounded, read whole. Never relays anything.
import { accepting, mediaType, protocolVersionHeader, sessionIdHeader } from "../../protocol/index.ts";
import type { ReplyFacts } from "../recovery/index.ts";
import type { Reply, ReplyHeaders, Transport } from "../transport/index.ts";
import { AwaitedAnswer } from "./awaited-answer.ts";
import { matching, parseObject } from "./read-answer.ts";
import { withSessionCookies } from "./session-cookies.ts";

/** Under which session and with which credential a request goes. */
export interface CallContext {
  /** Flat names and values: the connector's own headers and, in front mode, the client's credential. */
  readonly headers: readonly string[];
  readonly upstreamId?: string | undefined;
  readonly version?: string | undefined;
  readonly cookies?: string | undefined;
  /** See `withSessionCookies`. */
  readonly staleCookies?: string | undefined;
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
  return withSessionCookies(headers, context.cookies, context.staleCookies);
}

/** Sends one message and reads its answer. `id` is the message's own id, undefined for a notification. */
export async function callServer(
  transport: Pick<Transport, "send">,
  context: CallContext,
  body: string,
  id: string | number | undefined,
  timeoutMs: number,
): Promise<CallOutcome> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs).unref();
  try {
    return await ask(transport, context, body, id, late.signal);
  } finally {
    // A timeout that is left to ring holds on to the exchange for so long.
    clearTimeout(timer);
  }
}

async function ask(
  transport: Pick<Transport, "send">,
  context: CallContext,
  body: string,
  id: string | number | undefined,
  signal: AbortSignal,
): Promise<CallOutcome> {
  const headers = [...contextHeaders(context), "content-type", "application/json"];
  const reply = await transport.send({ method: "POST", headers, body: Buffer.from(body), signal });
  if (reply.kind === "lost") return reply;
  const contentType = mediaType(reply.headers["content-type"]);
  const awaited =
    id !== undefined && contentType === "text/event-stream" ? new AwaitedAnswer(id, answerBytes) : undefined;
  const { text, end } = await readBody(reply, awaited);
  const facts: ReplyFacts = {
    status: reply.status,
    contentType,
    challenged: reply.headers["www-authenticate"] !== undefined,
    body: text.slice(0, factBytes),
  };
  if (id === undefined || reply.status >= 300) return { kind: "other", headers: reply.headers, facts };
  const message = awaited === undefined ? matching(parseObject(text), id) : awaited.found;
  if (message !== undefined)
    return { kind: "answer", result: message["result"], error: message["error"], headers: reply.headers, facts };
  // Half an answer, or a stream that ended without it, is as good as a connection that broke before.
  if (end === "cut" || (end === "ended" && awaited !== undefined))
    return { kind: "lost", sent: "maybe", cause: new Error("The answer broke off.") };
  return { kind: "other", headers: reply.headers, facts };
}

/** Reads to the end, to the size limit, to the cut, or (a stream) until the awaited answer is there. */
async function readBody(
  reply: Extract<Reply, { kind: "reply" }>,
  awaited: AwaitedAnswer | undefined,
): Promise<{ readonly text: string; readonly end: "ended" | "cut" | "enough" }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const end = await new Promise<"ended" | "cut" | "enough">((resolve) => {
    reply.body.pipe({
      data(chunk) {
        chunks.push(chunk);
        size += chunk.length;
        awaited?.push(chunk);
        if (size > answerBytes || awaited?.found !== undefined) {
          reply.body.abort();
          resolve("enough");
        }
        return true;
      },
      end: () => {
        awaited?.end();
        resolve("ended");
      },
      cut: () => resolve("cut"),
    });
  });
  return { text: Buffer.concat(chunks).toString(), end };
}
