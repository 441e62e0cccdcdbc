// What a session has in its lines: streams, and what is left of those that were given whole at once.

import type { InLine } from "../session/index.ts";
import type { ClientStream } from "./client-stream.ts";

export interface OfSession extends InLine<OfSession> {
  /** Its name within the session. */
  readonly token: string;
  readonly isAnswering: boolean;
  /** Called by the clock. */
  tick(): void;
  /** The session is over: whoever keeps it is told. */
  expire(): void;
  /** Its client will not come back for it. */
  forget(): void;
}

export interface StreamOwner {
  /** A stream has been given to its client whole. `first`: for the first time. */
  finished(stream: ClientStream, first: boolean): void;
  /** The stream is of no further use. */
  over(stream: ClientStream): void;
}

/** Whoever has an interest in what becomes of the stream. */
export interface StreamKeeper {
  /** The client's connection is gone, with the stream still open. */
  left(stream: ClientStream): void;
  /** Called once when the client stayed away for too long. */
  expired(stream: ClientStream): void;
}
