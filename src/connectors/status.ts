// What is known of one connector's server, from evidence alone: what was asked, what came back, and when. Times are milliseconds since the epoch.

export type StatusKind = "connected" | "connecting" | "recovering" | "needs-sign-in" | "unreachable" | "disconnected";

export interface Status {
  readonly kind: StatusKind;
  readonly sinceMs: number;
  readonly lastGoodAtMs: number | undefined;
  readonly lastAnswer: Answer | undefined;
  readonly nextTryAtMs: number | undefined;
  readonly errorCode: string | undefined;
}

export interface Answer {
  readonly atMs: number;
  readonly status: number | undefined;
  readonly head: string;
}

/** What went wrong at the server, or on the way to it. */
export interface Trouble {
  /** Of the catalogue; undefined while a restore runs and nothing else is known. */
  readonly code: string | undefined;
  readonly status?: number | undefined;
  readonly head?: string | undefined;
}

/** A restore that takes less than this is nobody's concern. */
export const visibleAfterMs = 1_000;

/** Troubles that only a person's sign-in ends. */
const signInCodes: ReadonlySet<string> = new Set(["AUTHORIZATION_REQUIRED", "SIGN_IN_OVER", "SCOPE_REQUIRED"]);

export class Evidence {
  readonly #openedAtMs: number;
  readonly #recoveryWindowMs: number;
  #goodSinceMs: number | undefined;
  #lastGoodAtMs: number | undefined;
  #lastAnswer: Answer | undefined;
  #trouble: (Trouble & { readonly sinceMs: number }) | undefined;
  #nextTryAtMs: number | undefined;

  constructor(openedAtMs: number, recoveryWindowMs: number) {
    this.#openedAtMs = openedAtMs;
    this.#recoveryWindowMs = recoveryWindowMs;
  }

  /** A real exchange succeeded. The path of every request: two comparisons. */
  good(atMs: number): void {
    this.#lastGoodAtMs = atMs;
    if (this.#trouble === undefined && this.#goodSinceMs !== undefined) return;
    const wasVisible = this.#trouble !== undefined && atMs - this.#trouble.sinceMs >= visibleAfterMs;
    this.#trouble = undefined;
    this.#goodSinceMs = wasVisible ? atMs : (this.#goodSinceMs ?? atMs);
    this.#nextTryAtMs = undefined;
  }

  /** What the server said with it; for answers that are looked at anyway. */
  answered(status: number | undefined, head: string, atMs: number): void {
    this.#lastAnswer = { atMs, status, head };
  }

  failed(trouble: Trouble, atMs: number): void {
    this.#trouble = { ...trouble, sinceMs: this.#trouble?.sinceMs ?? atMs };
    if (trouble.status !== undefined || trouble.head !== undefined)
      this.#lastAnswer = { atMs, status: trouble.status, head: trouble.head ?? "" };
  }

  nextTry(atMs: number | undefined): void {
    this.#nextTryAtMs = atMs;
  }

  get isGood(): boolean {
    return this.#trouble === undefined && this.#goodSinceMs !== undefined;
  }

  get lastGoodAtMs(): number | undefined {
    return this.#lastGoodAtMs;
  }

  status(nowMs: number): Status {
    const [kind, sinceMs] = this.#kind(nowMs);
    return {
      kind,
      sinceMs,
      lastGoodAtMs: this.#lastGoodAtMs,
      lastAnswer: this.#lastAnswer,
      nextTryAtMs: kind === "connected" ? undefined : this.#nextTryAtMs,
      errorCode: kind === "connected" || kind === "connecting" ? undefined : this.#trouble?.code,
    };
  }

  #kind(nowMs: number): readonly [StatusKind, number] {
    const trouble = this.#trouble;
    const goodSinceMs = this.#goodSinceMs;
    if (trouble === undefined) {
      return goodSinceMs === undefined ? ["connecting", this.#openedAtMs] : ["connected", goodSinceMs];
    }
    if (trouble.code !== undefined && signInCodes.has(trouble.code)) return ["needs-sign-in", trouble.sinceMs];
    if (goodSinceMs === undefined) return ["unreachable", trouble.sinceMs];
    const troubledMs = nowMs - trouble.sinceMs;
    if (troubledMs < visibleAfterMs) return ["connected", goodSinceMs];
    return [troubledMs < this.#recoveryWindowMs ? "recovering" : "unreachable", trouble.sinceMs];
  }
}
