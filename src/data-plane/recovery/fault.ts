// The words of recovery: what can go wrong with one exchange, and the facts from which that is told. Types only.
import type { RawId } from "../../protocol/index.ts";

/** What went wrong with one exchange, classified. `server-answered` is the absence of a fault: the answer is the server's own. */
export type Fault =
  /** Certain: the server refuses an id that it issued and had accepted before, in words or codes known to mean it. */
  | "session-not-found"
  /** Likely: the refusal fits, but other causes answer alike; a fresh initialize tells. */
  | "session-suspected"
  /** A JSON-RPC error inside a 200 that some servers use for a lost session; a ping with the same id tells. */
  | "session-doubtful"
  /** The server no longer speaks the negotiated protocol version (an upgrade or downgrade). */
  | "unsupported-version"
  /** The request overtook notifications/initialized and was refused for it. */
  | "not-initialized"
  /** No byte of the request left: refused, unresolved, no TLS. */
  | "not-sent"
  /** A gateway in front says that the server is away (502, 503): the request may have run. */
  | "server-away"
  /** A gateway gave up waiting (504): the request may still be running. */
  | "gateway-timeout"
  /** The connection broke after sending, before any answer. */
  | "cut-before-answer"
  /** An answer stream ended without the answer, and the server had numbered its events. */
  | "stream-cut-resumable"
  /** An answer stream ended without the answer, however cleanly. */
  | "stream-cut"
  /** 401 with or without a challenge: the credential is refused. */
  | "unauthorized"
  | "server-answered";

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
