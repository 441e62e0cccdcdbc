// Asks a server for a session's GET stream, and finds out what a refusal of it says of the session.
import { acceptBoth, lastEventIdHeader, mediaType } from "../../protocol/index.ts";
import { classifyReply, type Fault, type ReplyFacts } from "../recovery/index.ts";
import { type CallContext, contextHeaders, type UpstreamSession } from "../session/index.ts";
import type { Reply } from "../transport/index.ts";
import { findSession } from "./after-trouble.ts";
import { clientHeaders } from "./headers.ts";
import { readRefusal } from "./read-refusal.ts";

export interface Open {
  readonly kind: "open";
  readonly reply: Extract<Reply, { kind: "reply" }>;
}

export interface Refused {
  readonly kind: "refused";
  readonly fault: Fault;
  readonly facts: ReplyFacts;
  readonly headers: readonly string[];
  readonly reopened: boolean;
}

/** Nobody was there: no connection, or a gateway that says so. */
export interface Absent {
  readonly kind: "away";
  readonly cause?: Error | undefined;
  /** Without an answer: whether any byte of the request may have reached the server. */
  readonly sent?: "nothing" | "maybe" | undefined;
  readonly facts?: ReplyFacts | undefined;
}

export interface StreamAsk {
  /** Where the server may go on. */
  readonly lastEventId: string | undefined;
  /** The session had a stream before. */
  readonly reopened: boolean;
}

export async function askForStream(
  { connector }: UpstreamSession,
  context: CallContext,
  { lastEventId, reopened }: StreamAsk,
): Promise<Open | Refused | Absent> {
  const headers = contextHeaders(context);
  headers[headers.indexOf(acceptBoth)] = "text/event-stream";
  if (lastEventId !== undefined) headers.push(lastEventIdHeader, lastEventId);
  const reply = await connector.transport.send({ method: "GET", headers });
  if (reply.kind === "lost") return { kind: "away", cause: reply.cause, sent: reply.sent };
  if (reply.status === 200 && mediaType(reply.headers["content-type"]) === "text/event-stream")
    return { kind: "open", reply };
  const facts = await readRefusal(reply);
  const asked = {
    httpMethod: "GET",
    method: undefined,
    id: undefined,
    sentSessionId: context.upstreamId !== undefined,
    served: true,
    reopened,
    mayPrecedeInitialized: false,
  } as const;
  const fault = classifyReply(asked, facts);
  if (fault === "server-away" || fault === "gateway-timeout") return { kind: "away", facts };
  return { kind: "refused", fault, facts, headers: clientHeaders(reply.headers, connector.settings.front), reopened };
}

/** A refused GET alone proves little; where it leaves doubt, a ping by POST tells (session-loss research, rule E), if the server can be reached. */
export async function isLoss(
  { fault, reopened }: Refused,
  session: UpstreamSession,
  upstreamId: string | undefined,
  headers: readonly string[],
): Promise<boolean | "away"> {
  const lost = fault === "session-not-found" || fault === "session-suspected";
  if (!lost && fault !== "session-doubtful") return false;
  // Another replica may have been asked for the stream than the one that answers the calls.
  if (lost && !reopened) return true;
  const found = await findSession(session.connector, session.context(upstreamId, headers));
  if (found === "away" || found === "silent") return "away";
  return found !== "lives";
}
