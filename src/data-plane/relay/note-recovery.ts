// Notes for the log line, and for whoever watches, that a request met a dead session and that it was sent again. Decides nothing.
import type { UpstreamSession } from "../session/index.ts";
import { type ClientExchange, singleMethod } from "./client-exchange.ts";

export function noteRefusal(
  exchange: ClientExchange,
  session: UpstreamSession,
  startedMs: number,
  status?: number,
): void {
  exchange.outcome.recovery = "restored";
  session.connector.watch?.refused(news(exchange, session, startedMs, status));
}

export function noteReplay(
  exchange: ClientExchange,
  session: UpstreamSession,
  startedMs: number,
  status?: number,
): void {
  exchange.outcome.recovery = "replayed";
  session.connector.watch?.replayed(news(exchange, session, startedMs, status));
}

function news(exchange: ClientExchange, { shortHash }: UpstreamSession, startedMs: number, status: number | undefined) {
  return { session: shortHash, requestId: exchange.requestId, method: singleMethod(exchange), startedMs, status };
}
