// Continues an answer stream that broke, on the same session, with Last-Event-ID. Sends nothing twice: the server replays what was missed.
import { lastEventIdHeader, mediaType } from "../../protocol/index.ts";
import type { Lease, UpstreamSession } from "../session/index.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { upstreamHeaders } from "./headers.ts";
import type { AnswerRelay } from "./relay-answer.ts";

const mostAttempts = 5;
const firstDelayMs = 50;

/** Resolves when the client has its answer, or with the reason why the stream cannot be continued. */
export async function resumeStream(
  exchange: ClientExchange,
  session: UpstreamSession,
  answer: AnswerRelay,
  lease: Lease,
  lastEventId: string,
  deadlineMs: number,
): Promise<"delivered" | { readonly cause: Error }> {
  const { connector } = session;
  let from = lastEventId;
  for (let attempt = 0; attempt < mostAttempts && connector.nowMs() < deadlineMs; attempt += 1) {
    const headers = [...upstreamHeaders({ ...exchange, httpMethod: "GET" }, session, lease), lastEventIdHeader, from];
    const reply = await connector.transport.send({ method: "GET", headers });
    if (reply.kind === "lost") {
      await new Promise((resolve) => setTimeout(resolve, firstDelayMs * 2 ** attempt));
      continue;
    }
    const isStream = reply.status === 200 && mediaType(reply.headers["content-type"]) === "text/event-stream";
    if (!isStream) {
      reply.body.abort();
      return { cause: new Error(`The server would not continue its stream: it answers ${reply.status}.`) };
    }
    exchange.outcome.recovery = "resumed";
    const delivery = await answer.deliver(reply, lease.generation);
    if (delivery.kind === "delivered") return "delivered";
    if (delivery.kind === "held") {
      await delivery.pass();
      return "delivered";
    }
    from = delivery.lastEventId ?? from;
  }
  return { cause: new Error("The server's stream broke off again and again.") };
}
