// Who watches one connector, as the data plane sees it. Only a hub does; nothing here is called for an ordinary request. Takes no message, no header, no raw id.

/** One step of a restore. Times are milliseconds of `monotonicMs`. */
export interface RestoreStepNews {
  /** Short keyed hash, as in the log. */
  readonly session: string;
  readonly step: "initialize" | "initialized" | "stream" | "log-level" | "subscriptions" | "saved";
  readonly startedMs: number;
  readonly endedMs: number;
  readonly status?: number | undefined;
  readonly note?: string | undefined;
}

/** A client's request that met a dead session, or was sent again on the new one. */
export interface RequestNews {
  readonly session: string;
  readonly requestId: string;
  readonly method: string | undefined;
  /** When the client's request came. */
  readonly startedMs: number;
  readonly status?: number | undefined;
}

export interface Watch {
  /** The server cannot be reached, for the first time or for another reason than before. */
  away(code: string, status: number | undefined): void;
  back(): void;
  refused(news: RequestNews): void;
  restoreBegan(news: { readonly session: string; readonly signal: string; readonly generation: number }): void;
  restoreStep(news: RestoreStepNews): void;
  restoreEnded(news: {
    readonly session: string;
    readonly outcome: "restored" | "overtaken" | "abandoned" | "failed";
    readonly code?: string | undefined;
    /** The server's own answer, where it refused. */
    readonly status?: number | undefined;
  }): void;
  replayed(news: RequestNews): void;
  sessionOpened(session: string): void;
  sessionEnded(session: string): void;
}
