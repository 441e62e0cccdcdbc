// A server's open questions (elicitation, sampling, roots) die with its session: the client is told, so that it neither goes on asking nor answers the next session's question of the same id.
import type { UpstreamSession } from "./upstream-session.ts";

/** Stands for a generation that nobody holds: an answer to such a question is dropped. */
const withdrawn = 0;

/** Withdraws what `generation` and those before it asked, through `write`; a question that cannot be withdrawn now stays to be withdrawn by others. */
export function withdrawQuestions(
  session: UpstreamSession,
  generation: number,
  write: ((json: string) => boolean) | undefined,
): void {
  for (const [id, askedBy] of session.asked) {
    if (askedBy === withdrawn || askedBy > generation) continue;
    const told = write?.(
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The server has lost the state in which it asked."}}`,
    );
    if (told === true) session.asked.set(id, withdrawn);
  }
}
