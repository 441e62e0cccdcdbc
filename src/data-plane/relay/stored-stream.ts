// A stream that was kept on disk while Holdfast was away: what it still owes, and how it goes on. Sends nothing twice.
import { ProxyError } from "../../errors/index.ts";
import { type RawId, SseObserver } from "../../protocol/index.ts";
import type { StoredEvent, StoredStream } from "../../store/index.ts";
import type { UpstreamSession } from "../session/index.ts";
import { endStreamWithError } from "./answer-error.ts";
import type { ClientExchange } from "./client-exchange.ts";
import type { ClientStream } from "./client-stream.ts";
import { AnswerRelay } from "./relay-answer.ts";
import { askedAs } from "./relay-stream.ts";
import { resumeStream } from "./resume-stream.ts";

/** Which of the requests no stored event answers. */
export function unanswered({ asked, events }: StoredStream): readonly RawId[] {
  const open = new Set<RawId>(JSON.parse(asked) as RawId[]);
  const observer = new SseObserver(({ scanned }) => {
    const envelopes =
      scanned?.shape === "single" ? [scanned.envelope] : scanned?.shape === "batch" ? scanned.envelopes : [];
    for (const { kind, id } of envelopes)
      if (kind === "result" || kind === "error") open.delete(askedAs(open, id) ?? "");
  });
  for (const { bytes } of events) observer.push(bytes);
  return [...open];
}

/** From where the server can go on: its own id of the last event that had one, if that is of the session's present generation. */
export function upstreamPlace(stored: StoredStream, session: UpstreamSession): string | undefined {
  const last = stored.events.findLast((event: StoredEvent) => event.upstreamEventId !== undefined);
  const { state } = session;
  const isPresent = state.at === "operating" && last?.generation === state.generation;
  return isPresent ? last?.upstreamEventId : undefined;
}

/** The call was under way when Holdfast was killed, and its connection went along. The server goes on where it can; else the outcome is unknown. */
export async function continueAnswer(
  exchange: ClientExchange,
  session: UpstreamSession,
  stream: ClientStream,
  stored: StoredStream,
): Promise<void> {
  const open = unanswered(stored);
  if (open.length === 0) return stream.end();
  const { connector } = session;
  const answer = new AnswerRelay(exchange, session, false);
  answer.expect(open);
  answer.continueOn(stream);
  const from = upstreamPlace(stored, session);
  try {
    if (from !== undefined) {
      const lease = await session.ready(connector.nowMs() + connector.settings.recoveryWindowMs, exchange.headers);
      if ((await resumeStream(exchange, session, answer, lease, from, undefined)) === "delivered") return;
    }
    throw new ProxyError("OUTCOME_UNKNOWN", { connector: connector.settings.name });
  } catch (error) {
    endStreamWithError(stream, exchange, [...answer.open], ProxyError.from(error));
  }
}
