// The words of recovery: what can go wrong with one exchange, and the facts from which that is told. Decides nothing.
import type { RawId } from "../../protocol/index.ts";

/** What went wrong with one exchange, classified, each with its meaning in one sentence. */
export const faults = {
  "session-not-found":
    "The server refuses an id that it issued and had accepted before, in words or codes known to mean a lost session.",
  "session-suspected": "The refusal fits a lost session, but other causes answer alike; a fresh `initialize` tells.",
  "session-doubtful":
    "A JSON-RPC error or a refused stream that some servers use for a lost session; a `ping` with the same id tells.",
  "unsupported-version":
    "The server no longer speaks the negotiated protocol version, as after an upgrade or downgrade.",
  "not-initialized": "The request overtook `notifications/initialized` and was refused for that alone.",
  "not-sent": "No byte of the request left: the connection was refused, the name not resolved, or TLS failed.",
  "server-away": "A gateway in front says that the server is away (502, 503 and the like); the request may have run.",
  "gateway-timeout": "A gateway gave up waiting (504, 524); the request may still be running.",
  "cut-before-answer": "The connection broke after the request was sent and before any answer.",
  "stream-cut-resumable":
    "An answer stream ended without the answer, and the server had numbered its events, so it can be continued.",
  "stream-cut": "An answer stream ended without the answer, however cleanly.",
  unauthorized: "The server answers 401, or 403 with a challenge: the credential is refused, missing, or not enough.",
  "server-answered": "No fault: the answer is the server's own, also where it is an error.",
} as const satisfies Readonly<Record<string, string>>;

export type Fault = keyof typeof faults;

/** What we knew when we sent. */
export interface RequestFacts {
  readonly httpMethod: "POST" | "GET" | "DELETE";
  readonly method: string | undefined;
  readonly id: RawId | undefined;
  /** We attached a session id that this server issued. */
  readonly sentSessionId: boolean;
  /** The server has accepted this very id at least once since it issued it. */
  readonly served: boolean;
  /** GET only: this stream had been open on this session before. */
  readonly reopened: boolean;
  /** A replay that may have overtaken notifications/initialized. */
  readonly mayPrecedeInitialized: boolean;
}

/** What came back, as far as it decides anything. */
export interface ReplyFacts {
  readonly status: number;
  /** Media type in lower case without parameters, "" if absent. */
  readonly contentType: string;
  /** A WWW-Authenticate header was present. */
  readonly challenged: boolean;
  /** The first 64 KiB of the body as text (of an SSE body: the data of its first message); "" where none was read. */
  readonly body: string;
}
