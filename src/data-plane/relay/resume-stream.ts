// Continues an answer stream that broke or was closed on purpose, on the same session, with the server's own Last-Event-ID. Sends nothing twice: the
// server replays what was missed.
import { isGatewayTimeout, isNotSendable, type Lease, type UpstreamSession } from "../session/index.ts";
import type { ReplyBody } from "../transport/index.ts";
import { noteAway } from "./after-trouble.ts";
import type { ClientExchange } from "./client-exchange.ts";
import type { AnswerRelay } from "./relay-answer.ts";
import { type Absent, askForStream } from "./server-stream.ts";
import { untilEnded } from "./until-ended.ts";

const mostFruitless = 5;
const firstDelayMs = 50;
/** Between two polls that bring nothing, however soon the server wants to be asked again. */
const longestIdleMs = 1_000;
/** A server that asks to be asked again at once is given this pause. */
const shortestRetryMs = 10;
/** And one that asks for more than this is asked after it: what a timer cannot hold would fire at once. */
const longestRetryMs = 60_000;

/**
 * Resolves when the client has its answer, or with a note why the stream cannot be continued. `retryMs`: the server closed the stream on purpose
 * and wants to be asked again after so long (2025-11-25), as often as it takes. A server that is away is waited for, as long as the recovery
 * window.
 */
export async function resumeStream(
  exchange: ClientExchange,
  session: UpstreamSession,
  answer: AnswerRelay,
  lease: Lease,
  lastEventId: string,
  retryMs: number | undefined,
): Promise<"delivered" | { readonly note: string }> {
  const { connector } = session;
  const outage = new Outage(session, answer);
  let from = lastEventId;
  let pauseMs = retryMs;
  for (let fruitless = 0, idle = 0; fruitless < mostFruitless; ) {
    const wantedMs = pauseMs ?? (fruitless === 0 ? 0 : firstDelayMs * 2 ** fruitless);
    const forMs = Math.min(Math.max(wantedMs, shortestRetryMs), longestRetryMs);
    if (wantedMs > 0) await new Promise((resolve) => setTimeout(resolve, forMs));
    if (answer.gone || answer.abandoned) return { note: "The client left." };
    const context = session.context(lease.upstreamId, exchange.headers);
    const opened = await askForStream(session, context, { lastEventId: from, reopened: true });
    if (opened.kind === "refused")
      return { note: `The server would not continue its stream: It answers ${opened.facts.status}.` };
    if (opened.kind === "away") {
      if (opened.cause !== undefined && isNotSendable(opened.cause)) return { note: opened.cause.message };
      const isSilent = opened.facts !== undefined && isGatewayTimeout(opened.facts.status);
      if (!isSilent && !(await outage.passes(opened))) return { note: outage.note(opened) };
      // A server that is away has refused nothing. One that can be reached and gives no answer may do so for ever.
      if (isSilent || opened.sent === "maybe") fruitless += 1;
      pauseMs = isSilent ? undefined : 0;
      continue;
    }
    const { reply } = opened;
    fruitless += 1;
    outage.over();
    exchange.outcome.recovery = "resumed";
    answer.abandonWith(() => reply.body.abort(), 0);
    const startedMs = connector.nowMs();
    const eventsBefore = answer.events;
    const wasGivenUp = outage.endIfSilent(reply.body);
    const delivery = await answer.deliver(reply, lease.generation);
    if (wasGivenUp()) return { note: "The server's stream has brought nothing since the server was away." };
    if (answer.events > eventsBefore) outage.brought();
    if (delivery.kind === "delivered") return "delivered";
    if (delivery.kind === "held") {
      await delivery.pass();
      return "delivered";
    }
    // A stream that brought something, or was held for long, was worth it.
    const next = delivery.lastEventId ?? from;
    const wasWorthIt = next !== from || connector.nowMs() - startedMs > (delivery.retryMs ?? Number.POSITIVE_INFINITY);
    idle = wasWorthIt ? 0 : idle + 1;
    // Closed on purpose with nothing new, it is a poll: the client decides for how long.
    if (wasWorthIt || delivery.retryMs !== undefined) fruitless = 0;
    from = next;
    const leastMs = idle === 0 ? 0 : Math.min(firstDelayMs * 2 ** idle, longestIdleMs);
    pauseMs = delivery.retryMs === undefined ? undefined : Math.max(delivery.retryMs, leastMs);
  }
  return { note: "The server's stream broke off again and again." };
}

/** A server that went away while its stream was to be continued. */
class Outage {
  readonly #session: UpstreamSession;
  readonly #answer: AnswerRelay;
  #sinceMs = 0;
  #inVain = 0;
  /** Nothing listened at its port: the call may be gone with the process, and what comes after it may grant a stream all the same. */
  #mayHaveDied = false;

  constructor(session: UpstreamSession, answer: AnswerRelay) {
    this.#session = session;
    this.#answer = answer;
  }

  /** Resolves with true when it is worth to ask again, and with false when nothing is waited for any more. */
  async passes(absent: Absent): Promise<boolean> {
    const { connector } = this.#session;
    const { availability, nowMs, settings } = connector;
    noteAway(connector, absent);
    if (this.#inVain === 0) this.#sinceMs = nowMs();
    this.#mayHaveDied ||= absent.sent === "nothing";
    const up = availability.up(this.#sinceMs + settings.recoveryWindowMs, this.#inVain++);
    return (await untilEnded(this.#session, up, () => this.#answer.abandoned)) === "up";
  }

  over(): void {
    this.#inVain = 0;
    this.#session.connector.availability.answered();
  }

  /** The call goes on, wherever it runs. */
  brought(): void {
    this.#mayHaveDied = false;
  }

  /** Ends a stream that brings no event for a recovery window, where that says something. The result tells whether it did, and ends the wait. */
  endIfSilent(body: ReplyBody): () => boolean {
    if (!this.#mayHaveDied) return () => false;
    const before = this.#answer.events;
    let isSilent = false;
    const timer = setTimeout(() => {
      isSilent = this.#answer.events === before;
      if (isSilent) body.abort();
    }, this.#session.connector.settings.recoveryWindowMs);
    return () => {
      clearTimeout(timer);
      return isSilent;
    };
  }

  note({ cause, facts }: Absent): string {
    const { connector, state } = this.#session;
    if (state.at === "closed") return "The session has ended.";
    const waitedMs = Math.round(connector.nowMs() - this.#sinceMs);
    const word = cause?.message ?? `It answers ${facts?.status}.`;
    return `The server was away for ${waitedMs} ms when its stream was to be continued. ${word}`;
  }
}
