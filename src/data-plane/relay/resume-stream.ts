// Continues an answer stream that broke or was closed on purpose, on the same session, with the server's own Last-Event-ID. Sends nothing twice: the
// server replays what was missed.
import { lastEventIdHeader, mediaType } from "../../protocol/index.ts";
import type { Lease, UpstreamSession } from "../session/index.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { upstreamHeaders } from "./headers.ts";
import type { AnswerRelay } from "./relay-answer.ts";

const mostFruitless = 5;
const firstDelayMs = 50;
/** A server that asks to be asked again at once is given this pause. */
const shortestRetryMs = 10;
/** And one that asks for more than this is asked after it: what a timer cannot hold would fire at once. */
const longestRetryMs = 60_000;

/**
 * Resolves when the client has its answer, or with the reason why the stream cannot be continued. `retryMs`: the server closed the stream on
 * purpose and wants to be asked again after so long (2025-11-25), as often as it takes.
 */
export async function resumeStream(
  exchange: ClientExchange,
  session: UpstreamSession,
  answer: AnswerRelay,
  lease: Lease,
  lastEventId: string,
  retryMs: number | undefined,
): Promise<"delivered" | { readonly cause: Error }> {
  const { connector } = session;
  let from = lastEventId;
  let pauseMs = retryMs;
  for (let fruitless = 0; fruitless < mostFruitless; ) {
    const wantedMs = pauseMs ?? (fruitless === 0 ? 0 : firstDelayMs * 2 ** fruitless);
    const forMs = Math.min(Math.max(wantedMs, shortestRetryMs), longestRetryMs);
    if (wantedMs > 0) await new Promise((resolve) => setTimeout(resolve, forMs));
    if (answer.gone || answer.abandoned) return { cause: new Error("The client left.") };
    const headers = [...upstreamHeaders({ ...exchange, httpMethod: "GET" }, session, lease), lastEventIdHeader, from];
    const reply = await connector.transport.send({ method: "GET", headers });
    fruitless += 1;
    if (reply.kind === "lost") {
      pauseMs = undefined;
      continue;
    }
    const isStream = reply.status === 200 && mediaType(reply.headers["content-type"]) === "text/event-stream";
    if (!isStream) {
      reply.body.abort();
      return { cause: new Error(`The server would not continue its stream: it answers ${reply.status}.`) };
    }
    exchange.outcome.recovery = "resumed";
    answer.abandonWith(() => reply.body.abort(), 0);
    const startedMs = connector.nowMs();
    const delivery = await answer.deliver(reply, lease.generation);
    if (delivery.kind === "delivered") return "delivered";
    if (delivery.kind === "held") {
      await delivery.pass();
      return "delivered";
    }
    // A stream that brought something, or was held for long, was worth it.
    const next = delivery.lastEventId ?? from;
    if (next !== from || connector.nowMs() - startedMs > (delivery.retryMs ?? Number.POSITIVE_INFINITY)) fruitless = 0;
    from = next;
    pauseMs = delivery.retryMs;
  }
  return { cause: new Error("The server's stream broke off again and again.") };
}
