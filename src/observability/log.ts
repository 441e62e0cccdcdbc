// The log as the rest sees it: one line per request, one per event. Never takes a URL path, a query, a header value or a raw session id.

export type LogFormat = "pretty" | "json" | "logfmt";
export type LogLevel = "info" | "warn" | "error";

/** The eight fields of field report A, then what Holdfast adds (design rule 12). */
export interface RequestRecord {
  readonly user_id: string;
  /** Short keyed hash, or "-". */
  readonly session_id: string;
  readonly http_method: string;
  /** Comma-joined for a batch, "-" where there is none. */
  readonly jsonrpc_method: string;
  readonly jsonrpc_id: string;
  readonly body_len: number;
  readonly status: number;
  readonly elapsed_ms: number;
  readonly connector: string;
  /** Client's era, then the server's: "LL". */
  readonly era_pair: string;
  /** "-", or what it took: "restored", "replayed", "waited", "outcome-unknown", ... */
  readonly recovery: string;
  readonly error_code: string;
  readonly request_id: string;
}

export interface Log {
  request(record: RequestRecord): void;
  event(level: LogLevel, message: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  /** Writes what is buffered; resolves when it is handed to the system. */
  close(): Promise<void>;
}
