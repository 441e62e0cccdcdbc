// A connector that runs, as the control plane sees it; the data plane stands behind it. Only types.
import type { Inspector } from "./inspector.ts";
import type { Opened } from "./reconciler.ts";
import type { Evidence, Trouble } from "./status.ts";

export interface SessionFacts {
  /** Short keyed hash. */
  readonly session: string;
  readonly user: string;
  readonly clientName: string | undefined;
  readonly clientVersion: string | undefined;
  readonly protocolVersion: string;
  readonly generation: number;
  readonly openedAtMs: number;
  readonly lastSeenAtMs: number;
  /** When a request of it was last answered well; undefined before the first, and after the hub's start. */
  readonly lastGoodAtMs: number | undefined;
  readonly status: "operating" | "recovering" | "lost" | "stored";
  readonly inFlight: number;
  readonly hasStream: boolean;
  readonly broken: boolean;
}

export type ProbeResult =
  | {
      readonly ok: true;
      readonly serverInfo: Readonly<Record<string, unknown>> | undefined;
      readonly protocolVersion: string;
      readonly tools: readonly Readonly<Record<string, unknown>>[] | undefined;
    }
  | ({ readonly ok: false } & Trouble);

/** What became of a connector's sessions when its program was started anew. */
export interface UpgradeCounts {
  readonly moved: number;
  /** They stay on the old process: the new one did not take them. */
  readonly failed: number;
  /** They were being restored, or ended, and needed no move. */
  readonly left: number;
}

export interface Running extends Opened {
  readonly evidence: Evidence;
  readonly inspector: Inspector;
  readonly sessionCount: number;
  /** Where the server is: an origin, for one whose address the stored settings do not show. */
  readonly origin: string | undefined;
  sessions(): readonly SessionFacts[];
  /** Those that wait in the store for their clients since the hub's start. */
  storedSessions(): Promise<readonly SessionFacts[]>;
  breakSession(session: string): "broken" | "unknown" | "unbreakable";
  /** False if there is none. Resolves when it is over on both sides. */
  endSession(session: string): Promise<boolean>;
  /** Starts the server's program anew and moves the sessions there. Undefined: there is no program. */
  upgrade(): Promise<UpgradeCounts | undefined>;
  /** Asks the server on a session of its own. Never rejects. */
  probe(wants: "life" | "tools"): Promise<ProbeResult>;
}
