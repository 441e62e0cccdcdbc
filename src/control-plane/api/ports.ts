// What the API stands on; compose provides it. Only types.
import type { Actual, ConnectorRecord, Connectors, Inspector, Running } from "../../connectors/index.ts";
import type { SignInFacts, SignInPlace, SignIns } from "../../credentials/index.ts";
import type { Live } from "./live.ts";
import type { DoctorReport } from "./schema.ts";
import type { HubSettings } from "./settings.ts";
import type { Tokens } from "./tokens.ts";

export interface HubApi {
  readonly connectors: Connectors;
  /** What is the case with a connector; undefined if there is none of this name. */
  actual(name: string): Actual<Running> | undefined;
  all(): readonly Actual<Running>[];
  /** Outlives disconnects, not a removal. */
  inspector(record: ConnectorRecord): Inspector;
  /** Asks the server now. */
  test(name: string): Promise<void>;
  doctor(name: string): Promise<DoctorReport>;
  /** Looks whether another process has written, at once. */
  reload(): Promise<void>;
  /** Whoever listens is told how the connector stands. */
  changed(name: string): void;
  readonly signIns: {
    readonly flows: Pick<SignIns, "begin" | "news">;
    /** Throws ProxyError for a connector that cannot be signed in to. */
    place(record: ConnectorRecord): SignInPlace;
    facts(record: ConnectorRecord): SignInFacts | undefined;
    signOut(record: ConnectorRecord): Promise<{ readonly wasSignedIn: boolean; readonly isRevoked: boolean }>;
  };
  readonly live: Live;
  readonly tokens: Tokens;
  readonly settings: HubSettings;
  readonly version: string;
  /** Longest pause between two pieces of a request's body, in milliseconds. */
  readonly bodyIdleMs: number;
  /** Where clients reach the hub: scheme, host and port. */
  readonly origin: string;
  readonly access: {
    readonly allowStdioOverApi: boolean;
    /** Throws ProxyError ADDRESS_REFUSED for a URL that may not be added over the API. */
    assertAddress(url: URL): Promise<void>;
  };
}
