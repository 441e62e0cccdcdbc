// Lets the bodies of one HTTP exchange be seen as they pass, where somebody asked for that. Changes nothing about them, neither when nor how they flow.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BodyTap } from "../observability/index.ts";

/** Before anybody reads the request or writes the answer. */
export function tapExchange(tap: BodyTap, requestId: string, request: IncomingMessage, response: ServerResponse): void {
  tap.conceal(requestId, credentials(request));
  // Not a listener: that would make the body flow before its reader is there.
  const emit = request.emit.bind(request);
  request.emit = (name: string | symbol, ...given: unknown[]): boolean => {
    if (name === "data") see(given[0], (bytes) => tap.asked(requestId, bytes));
    return emit(name, ...given);
  };
  const answered = (chunk: unknown): void => see(chunk, (bytes) => tap.answered(requestId, bytes));
  const write = response.write.bind(response) as (...given: readonly unknown[]) => boolean;
  const end = response.end.bind(response) as (...given: readonly unknown[]) => ServerResponse;
  response.write = (...given: readonly unknown[]): boolean => {
    answered(given[0]);
    return write(...given);
  };
  response.end = (...given: readonly unknown[]): ServerResponse => {
    answered(given[0]);
    return end(...given);
  };
  // The exchange is reported when the answer is closed; what is left then has no exchange of its own.
  response.once("close", () => setImmediate(() => tap.drop(requestId)));
}

function see(chunk: unknown, take: (bytes: Uint8Array) => void): void {
  if (typeof chunk === "string") take(Buffer.from(chunk));
  else if (chunk instanceof Uint8Array) take(chunk);
}

/** What the client presented, and which session it named: neither is anybody else's business. */
function credentials({ headers }: IncomingMessage): readonly string[] {
  const { authorization, cookie } = headers;
  const named = [headers["mcp-session-id"], headers["last-event-id"]].map(String);
  return [...(authorization ?? "").split(" ").slice(1), ...(cookie === undefined ? [] : [cookie]), ...named];
}
