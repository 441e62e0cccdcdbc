// A wait that the end of its session ends as well: what is waited for would be of no use to anybody.
import type { OpenCall, UpstreamSession } from "../session/index.ts";

/** Settles with `work`, or with "ended" as soon as the session is over, or `isOver` says on a cancellation that nobody wants it any more. */
export async function untilEnded<T>(
  session: UpstreamSession,
  work: Promise<T>,
  isOver: () => boolean = () => false,
): Promise<T | "ended"> {
  // The end may have been told before anybody listened.
  if (session.state.at === "closed" || isOver()) return "ended";
  const { promise: ended, resolve } = Promise.withResolvers<"ended">();
  const wait: OpenCall = {
    before: undefined,
    behind: undefined,
    inLine: false,
    sessionEnded: () => resolve("ended"),
    endIfCancelled: () => {
      if (isOver()) resolve("ended");
    },
  };
  session.calls.join(wait);
  try {
    return await Promise.race([work, ended]);
  } finally {
    session.calls.leave(wait);
  }
}

/** The same of a wait that is not worth more than the time until `deadlineMs` (the connector's clock). */
export async function untilEndedOrLate(
  session: UpstreamSession,
  work: Promise<unknown>,
  deadlineMs: number,
): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, deadlineMs - session.connector.nowMs()));
  await untilEnded(session, Promise.race([work, late]));
  clearTimeout(timer);
}
