// One server as the data plane sees it: its wire, its settings, and what all its sessions share.

import type { Credential } from "../../credentials/index.ts";
import type { ErrorCode } from "../../errors/index.ts";
import type { Log, Metrics, Tracer, Watch } from "../../observability/index.ts";
import { monotonicMs } from "../../protocol/index.ts";
import type { SessionStore } from "../../store/index.ts";
import type { Transport } from "../transport/index.ts";
import { Availability, type Away } from "./availability.ts";
import { admit, type BreakerState, closedBreaker, failed } from "./breaker.ts";
import type { ServerCors } from "./server-cors.ts";

export type RecoveryMode = "transparent" | "notify" | "strict";

export interface ConnectorSettings {
  /** Shown in logs, errors and metrics; never a URL. */
  readonly name: string;
  /** Under which the store keeps its sessions: a keyed hash of the URL, so that another server's sessions are never found. */
  readonly storeKey: string;
  readonly recovery: RecoveryMode;
  /** How long a request may wait for a server that is away. */
  readonly recoveryWindowMs: number;
  /** The longest message of the server that is read whole, where it has to be. */
  readonly maxMessageBytes: number;
  /** Tool annotations (readOnlyHint, idempotentHint) are believed. */
  readonly trusted: boolean;
  /** The operator runs the server: the client's own credential goes up, the server's challenge comes down. */
  readonly front: boolean;
  /** An unknown session id gets a new session under that id. */
  readonly adoptSessions: boolean;
  /** Sent with every request to the server: flat names and values. Secret. */
  readonly headers: readonly string[];
  /** What of the server's address is secret, and may stand in what it answers: never shown. */
  readonly addressWords: readonly string[];
}

/** Milliseconds on a clock that never steps back. */
export type Clock = () => number;

export interface Connector {
  readonly settings: ConnectorSettings;
  readonly transport: Transport;
  readonly availability: Availability;
  readonly breaker: Breaker;
  readonly store: SessionStore;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Only where the user traces. */
  readonly tracer?: Tracer | undefined;
  /** Only in a hub. */
  readonly watch?: Watch | undefined;
  /** Only in front mode. */
  readonly cors?: ServerCors | undefined;
  /** Only in a hub, for servers that can be signed in to. */
  readonly credential?: Credential | undefined;
  readonly nowMs: Clock;
  /** Keys the hashes of session ids and credentials. */
  readonly secret: Uint8Array;
}

/** The one mutable cell around the breaker's value. */
export class Breaker {
  #state: BreakerState = closedBreaker;
  /** How to let each of those go on who sit out a pause. */
  readonly #pausing = new Set<() => void>();
  readonly #nowMs: Clock;

  constructor(nowMs: Clock) {
    this.#nowMs = nowMs;
  }

  /** `session`: the short hash of the one whose restore bore nothing. */
  failed(session: string): void {
    this.#state = failed(this.#state, this.#nowMs(), session);
  }

  proven(): void {
    this.#state = closedBreaker;
    for (const end of this.#pausing) end();
  }

  /** Resolves when that time is over, or the server was proven well. */
  pause(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#pausing.delete(end);
        resolve();
      };
      const timer = setTimeout(end, forMs).unref();
      this.#pausing.add(end);
    });
  }

  /** 0, or the milliseconds until the next attempt is let through. */
  admit(): number {
    const [state, retryAfterMs] = admit(this.#state, this.#nowMs());
    this.#state = state;
    return retryAfterMs;
  }
}

export function openConnector(
  parts: Omit<Connector, "availability" | "breaker" | "nowMs">,
  nowMs: Clock = monotonicMs,
): Connector {
  const { transport, log, settings, watch } = parts;
  const tell = (news: Away | "up", awayMs: number): void => {
    const connector = settings.name;
    if (news === "up") watch?.back();
    else watch?.away(news.code, news.status);
    if (news === "up") log.event("info", "server back", { connector, away_ms: Math.round(awayMs) });
    else log.event("warn", "server away", { connector, error_code: news.code, reason: news.detail });
  };
  const availability = new Availability(transport, nowMs, tell, settings.headers);
  return { ...parts, nowMs, availability, breaker: new Breaker(nowMs) };
}

/** Which error it is that the server refuses the credential, and what is known of it. `isKept`: the request could be sent again. */
export function refusedCredential(
  { credential }: Connector,
  isKept = true,
): { readonly code: ErrorCode; readonly note?: string } {
  if (credential === undefined) return { code: "AUTHORIZATION_REQUIRED" };
  return { code: credential.refusedAs(isKept), note: credential.note };
}

/** What a failure may tell besides its code. */
export interface Trouble {
  readonly code: ErrorCode;
  /** No waiting mends it. */
  readonly final?: boolean | undefined;
  readonly detail?: string | undefined;
  readonly upstream?: { readonly status?: number; readonly contentType?: string; readonly body?: string } | undefined;
}
