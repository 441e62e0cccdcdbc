// Puts together what serves modern clients of one connector: their own era raw, or the bridge to a legacy server.

import type { StoredSession } from "../../store/index.ts";
import { answerFailure, requestIds, type StreamClock } from "../relay/index.ts";
import type { Connector, MoveCounts } from "../session/index.ts";
import type { Transport } from "../transport/index.ts";
import { isForeignRefusal } from "./eras.ts";
import { ModernFace } from "./modern-face/modern-face.ts";
import { ModernTools } from "./modern-tools.ts";
import type { ModernEndpoint } from "./serve-modern.ts";
import type { ServerErasMemory } from "./server-eras.ts";

export interface OpenModern extends ModernEndpoint {
  /** Ends every subscription, so that its client takes it up with whoever serves next. */
  end(): void;
  /** The shared sessions, to the server's program as it is now. */
  moveSessions(): Promise<MoveCounts>;
  /** Ends the shared sessions on both sides; of `stored`, the rows of all the connector's sessions, it takes its own. */
  endSessions(stored: readonly StoredSession[]): Promise<void>;
  /** Keeps the shared sessions for the next start. */
  stop(): Promise<void>;
}

export interface ModernOptions {
  readonly connector: Connector;
  /** To the server itself, without a bridge in between. */
  readonly wire: Transport;
  readonly eras: ServerErasMemory;
  readonly maxSessions: number;
  readonly clock: StreamClock;
}

export function openModern({ connector, wire, eras, maxSessions, clock }: ModernOptions): OpenModern {
  const listens = new Set<{ end(): void }>();
  const direct = { ...connector, transport: wire };
  // In front of a server its users are told apart by what they present; a bridge serves whoever started it, on this machine or with one token.
  const face = new ModernFace({ connector: direct, maxSessions, isOneUser: !connector.settings.front, clock });
  return {
    eras,
    relay: { connector: direct, isForeign: isForeignRefusal, listens },
    tools: new ModernTools(wire),
    bridged: (exchange, principal) => face.serve(exchange, principal),
    refuse: (exchange, error) => answerFailure(exchange, requestIds(exchange), error),
    end() {
      for (const listen of listens) listen.end();
      face.end();
    },
    moveSessions: () => face.moveSessions(),
    endSessions: (stored) => face.endSessions(stored),
    stop: () => face.stop(),
  };
}
