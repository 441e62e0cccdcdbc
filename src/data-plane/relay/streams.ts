// Which GET of a client belongs to what: the session's standing stream, or the rest of an answer that was cut off.
import { ProxyError } from "../../errors/index.ts";
import { lastEventIdHeader, mediaType } from "../../protocol/index.ts";
import { classifyReply } from "../recovery/index.ts";
import { type Lease, type UpstreamSession } from "../session/index.ts";
import { answerFailure, endStreamWithError } from "./answer-error.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { clientHeaders, upstreamHeaders } from "./headers.ts";
import { readRefusal } from "./read-refusal.ts";
import { AnswerRelay } from "./relay-answer.ts";
import { StandaloneStream } from "./standalone-stream.ts";

export class Streams {
  readonly #standalone = new WeakMap<UpstreamSession, StandaloneStream>();
  readonly #open = new Set<StandaloneStream>();

  /** Takes a client's GET. Never rejects. */
  async attach(exchange: ClientExchange, session: UpstreamSession): Promise<void> {
    let stream = this.#standalone.get(session);
    if (stream === undefined) {
      stream = new StandaloneStream(session);
      this.#standalone.set(session, stream);
      const opened = stream;
      this.#open.add(opened);
      session.onClosed(() => {
        this.#open.delete(opened);
        opened.close();
      });
    }
    const { lastEventId } = exchange;
    if (lastEventId === undefined || stream.knows(lastEventId)) return stream.attach(exchange);
    if (await resumeAnswer(exchange, session, lastEventId)) return;
    return stream.attach({ ...exchange, lastEventId: undefined });
  }

  /** Ends every client's stream cleanly, so that it comes back to whoever serves next. */
  endAll(): void {
    for (const stream of this.#open) stream.close();
  }
}

/**
 * The client comes back for the rest of an answer. Under the same generation the server replays it; under a later one the answer
 * died with its session, and the client is told so. False: nothing to resume, the client gets a plain stream.
 */
async function resumeAnswer(exchange: ClientExchange, session: UpstreamSession, lastEventId: string): Promise<boolean> {
  const { connector } = session;
  const answer = new AnswerRelay(exchange, session, false);
  const waiting = session.continuations.get(lastEventId);
  try {
    const lease = await session.ready(connector.nowMs() + connector.settings.recoveryWindowMs, exchange.headers);
    if (waiting !== undefined && waiting.generation !== lease.generation)
      return answerLost(exchange, session, waiting.ids);
    answer.expect(waiting?.ids ?? []);
    const headers = [...upstreamHeaders(exchange, session, lease), lastEventIdHeader, lastEventId];
    const reply = await connector.transport.send({ method: "GET", headers });
    if (reply.kind === "lost") throw new ProxyError("UPSTREAM_CUT", { connector: connector.settings.name });
    if (reply.status === 200 && mediaType(reply.headers["content-type"]) === "text/event-stream") {
      session.continuations.delete(lastEventId);
      const delivery = await answer.deliver(reply, lease.generation);
      if (delivery.kind === "held") await delivery.pass();
      if (delivery.kind === "cut") throw new ProxyError("OUTCOME_UNKNOWN", { connector: connector.settings.name });
      return true;
    }
    const facts = await readRefusal(reply);
    if (!isLoss(facts, lease)) {
      const body = Buffer.from(facts.body);
      exchange.connection.head(facts.status, [
        ...clientHeaders(reply.headers, connector.settings.front),
        "content-length",
        String(body.length),
      ]);
      exchange.connection.end(body);
      return true;
    }
    session.lost(lease.generation, "session-not-found", exchange.headers);
    return waiting !== undefined && answerLost(exchange, session, waiting.ids);
  } catch (error) {
    if (answer.streaming) endStreamWithError(exchange, [...answer.open], ProxyError.from(error));
    else answerFailure(exchange, [], error);
    return true;
  }
}

function isLoss(facts: Parameters<typeof classifyReply>[1], lease: Lease): boolean {
  const sentSessionId = lease.upstreamId !== undefined;
  const request = {
    httpMethod: "GET",
    method: undefined,
    id: undefined,
    sentSessionId,
    served: true,
    reopened: true,
  } as const;
  const fault = classifyReply({ ...request, mayPrecedeInitialized: false }, facts);
  return fault === "session-not-found" || fault === "session-suspected";
}

/** The answer that the client waits for died with its session. */
function answerLost(exchange: ClientExchange, session: UpstreamSession, ids: readonly string[]): true {
  exchange.connection.head(200, ["content-type", "text/event-stream", "cache-control", "no-cache, no-transform"]);
  endStreamWithError(exchange, ids, new ProxyError("OUTCOME_UNKNOWN", { connector: session.connector.settings.name }));
  return true;
}
