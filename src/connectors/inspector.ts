// The last exchanges of one connector, its restores as timelines, and its counts over time: bounded, in memory. Bodies only while somebody asks for them.

import type { RequestNews, RequestRecord, RestoreStepNews, Watch } from "../observability/index.ts";
import { monotonicMs } from "../protocol/index.ts";
import { type Bodies, GatheredBodies } from "./bodies.ts";

export interface Exchange extends RequestRecord {
  readonly seq: number;
  readonly atMs: number;
  /** `seq` of the restore that it waited for. */
  readonly restore?: number | undefined;
  readonly bodies?: Bodies | undefined;
}

export interface Keeping {
  readonly exchanges: number;
  /** Of all bodies of a connector; 0 lets nobody ask for them. */
  readonly bodyBytes: number;
}

export interface TimelineStep {
  readonly step: "call" | "refused" | RestoreStepNews["step"] | "replay" | "answer" | "failed";
  /** From the timeline's beginning, which is the first call that met the dead session. */
  readonly atMs: number;
  readonly tookMs?: number | undefined;
  readonly status?: number | undefined;
  readonly note?: string | undefined;
}

export interface Restore {
  readonly seq: number;
  /** Since the epoch. */
  readonly atMs: number;
  readonly session: string;
  readonly signal: string;
  readonly generation: number;
  readonly outcome: "running" | "restored" | "overtaken" | "abandoned" | "failed";
  readonly errorCode: string | undefined;
  readonly elapsedMs: number;
  readonly steps: readonly TimelineStep[];
}

export interface Point {
  readonly atMs: number;
  calls: number;
  errors: number;
  losses: number;
  restores: number;
  restoresFailed: number;
}

export type InspectorNews =
  | { readonly type: "exchange"; readonly exchange: Exchange }
  | { readonly type: "restore"; readonly restore: Restore };

export const stepMs = 10_000;
/** An hour. */
const keptPoints = 360;
const keptRestores = 100;
const mostMet = 1_000;
const mostSteps = 200;

/** A restore while it can still grow. */
interface Draft {
  seq: number;
  originMs: number;
  restore: Restore;
  /** Requests that wait for it. */
  readonly requests: Set<string>;
}

let lastSeq = 0;

export class Inspector {
  readonly #tell: (news: InspectorNews) => void;
  readonly #nowMs: () => number;
  readonly bodies = new GatheredBodies();
  #keep: Keeping;
  #exchanges: Exchange[] = [];
  #bodyBytes = 0;
  readonly #restores: Restore[] = [];
  /** By session; a timeline ends when its last request is answered. */
  readonly #drafts = new Map<string, Draft>();
  /** Requests that met a dead session whose restore has not begun yet. */
  readonly #met = new Map<string, RequestNews[]>();
  readonly #points: Point[] = [];

  /** `nowMs` is the clock of the news, `monotonicMs`. */
  constructor(keep: Keeping, tell: (news: InspectorNews) => void, nowMs: () => number = monotonicMs) {
    this.#keep = keep;
    this.#tell = tell;
    this.#nowMs = nowMs;
  }

  set keep(keep: Keeping) {
    this.#keep = keep;
    if (keep.bodyBytes === 0) this.keepBodies(false);
    this.#dropBodies(keep.bodyBytes);
    this.#trim();
  }

  /** From now on. With `false` those that were kept are gone too. False where none may be kept. */
  keepBodies(isWanted: boolean): boolean {
    this.bodies.isOn = isWanted && this.#keep.bodyBytes > 0;
    if (!this.bodies.isOn) this.#dropBodies(0);
    return this.bodies.isOn === isWanted;
  }

  /** Every exchange, when it is over; `secrets` are asked for where there is a body to take them out of. */
  exchange(record: RequestRecord, secrets: () => readonly string[] = () => []): void {
    const point = this.#point();
    if (record.http_method === "POST") point.calls += 1;
    if (record.error_code !== "-") point.errors += 1;
    const draft = this.#drafts.get(record.session_id);
    const isOurs = draft?.requests.delete(record.request_id) === true;
    const bodies = this.bodies.isOn ? this.bodies.take(record.request_id, secrets) : undefined;
    const restore = isOurs ? draft?.seq : undefined;
    const exchange = { ...record, seq: (lastSeq += 1), atMs: Date.now(), restore, bodies };
    if (this.#keep.exchanges > 0) {
      this.#exchanges.push(exchange);
      this.#bodyBytes += sizeOf(bodies);
      if (this.#bodyBytes > this.#keep.bodyBytes) this.#dropBodies(this.#keep.bodyBytes);
      this.#trim();
    }
    if (isOurs && draft !== undefined) this.#answered(draft, record);
    this.#tell({ type: "exchange", exchange });
  }

  /** What happened after `seq`, oldest first; the newest `limit` of it. */
  since(
    seq: number,
    limit: number,
  ): { readonly exchanges: readonly Exchange[]; readonly restores: readonly Restore[] } {
    return {
      exchanges: this.#exchanges.filter((exchange) => exchange.seq > seq).slice(-limit),
      restores: this.#restores.filter((restore) => restore.seq > seq).slice(-limit),
    };
  }

  bodiesOf(seq: number): Bodies | undefined {
    return this.#exchanges.find((exchange) => exchange.seq === seq)?.bodies;
  }

  /** Those of the last hour, without the empty ones. */
  points(): readonly Point[] {
    return this.#points;
  }

  get watch(): Pick<Watch, "refused" | "restoreBegan" | "restoreStep" | "restoreEnded" | "replayed"> {
    return {
      refused: (news) => this.#refused(news),
      restoreBegan: ({ session, signal, generation }) => this.#began(session, signal, generation),
      restoreStep: ({ session, step, startedMs, endedMs, status, note }) => {
        const draft = this.#drafts.get(session);
        if (draft !== undefined)
          this.#step(draft, { step, atMs: startedMs, tookMs: round(endedMs - startedMs), status, note });
      },
      restoreEnded: ({ session, outcome, code, status }) => this.#ended(session, outcome, code, status),
      replayed: ({ session, requestId, method, status }) => {
        const draft = this.#drafts.get(session);
        if (draft?.requests.has(requestId) === true)
          this.#step(draft, { step: "replay", atMs: this.#nowMs(), status, note: method });
      },
    };
  }

  #refused(news: RequestNews): void {
    const draft = this.#drafts.get(news.session);
    if (draft?.restore.outcome === "running") return this.#join(draft, news);
    const waiting = this.#met.get(news.session) ?? [];
    this.#met.set(news.session, [...waiting.slice(-20), news]);
    // Not every refusal is followed by a restore.
    const [oldest] = this.#met.keys();
    if (this.#met.size > mostMet && oldest !== undefined) this.#met.delete(oldest);
  }

  #began(session: string, signal: string, generation: number): void {
    const met = this.#met.get(session) ?? [];
    this.#met.delete(session);
    const nowMs = this.#nowMs();
    const originMs = Math.min(nowMs, ...met.map(({ startedMs }) => startedMs));
    const seq = (lastSeq += 1);
    const restore: Restore = {
      seq,
      atMs: Date.now() - (nowMs - originMs),
      session,
      signal,
      generation,
      outcome: "running",
      errorCode: undefined,
      elapsedMs: 0,
      steps: [],
    };
    const draft: Draft = { seq, originMs, restore, requests: new Set() };
    this.#point().losses += 1;
    this.#drafts.set(session, draft);
    this.#restores.push(restore);
    if (this.#restores.length > keptRestores) this.#restores.shift();
    for (const news of met) this.#join(draft, news);
  }

  #join(draft: Draft, { requestId, startedMs, status, method }: RequestNews): void {
    draft.requests.add(requestId);
    this.#step(draft, { step: "call", atMs: startedMs, note: method });
    this.#step(draft, { step: "refused", atMs: this.#nowMs(), status, note: method });
  }

  #ended(session: string, outcome: Restore["outcome"], code: string | undefined, status: number | undefined): void {
    const draft = this.#drafts.get(session);
    if (draft === undefined) return;
    const point = this.#point();
    if (outcome === "restored") point.restores += 1;
    if (outcome === "failed") point.restoresFailed += 1;
    draft.restore = { ...draft.restore, outcome, errorCode: code };
    if (outcome === "failed") this.#step(draft, { step: "failed", atMs: this.#nowMs(), status, note: code });
    else this.#update(draft);
    this.#finishIfDone(session, draft);
  }

  #answered(draft: Draft, record: RequestRecord): void {
    const note = record.error_code === "-" ? record.jsonrpc_method : record.error_code;
    this.#step(draft, { step: "answer", atMs: this.#nowMs(), status: record.status, note });
    this.#finishIfDone(record.session_id, draft);
  }

  #finishIfDone(session: string, draft: Draft): void {
    if (draft.restore.outcome !== "running" && draft.requests.size === 0) this.#drafts.delete(session);
  }

  #step(draft: Draft, { atMs, ...step }: TimelineStep): void {
    if (draft.restore.steps.length >= mostSteps) return;
    const steps = [...draft.restore.steps, { ...step, atMs: round(atMs - draft.originMs) }];
    draft.restore = { ...draft.restore, steps: steps.toSorted((a, b) => a.atMs - b.atMs) };
    this.#update(draft);
  }

  #update(draft: Draft): void {
    const elapsedMs = round(this.#nowMs() - draft.originMs);
    draft.restore = { ...draft.restore, elapsedMs };
    const index = this.#restores.findIndex(({ seq }) => seq === draft.seq);
    if (index >= 0) this.#restores[index] = draft.restore;
    this.#tell({ type: "restore", restore: draft.restore });
  }

  #point(): Point {
    const atMs = Math.floor(Date.now() / stepMs) * stepMs;
    const last = this.#points.at(-1);
    if (last?.atMs === atMs) return last;
    const point: Point = { atMs, calls: 0, errors: 0, losses: 0, restores: 0, restoresFailed: 0 };
    this.#points.push(point);
    while ((this.#points[0]?.atMs ?? atMs) <= atMs - keptPoints * stepMs) this.#points.shift();
    return point;
  }

  /** In batches, so that a full ring does not move with each exchange. */
  #trim(): void {
    const keep = this.#keep.exchanges;
    if (this.#exchanges.length <= keep + Math.max(16, keep / 4) && keep > 0) return;
    for (const { bodies } of this.#exchanges.splice(0, this.#exchanges.length - keep))
      this.#bodyBytes -= sizeOf(bodies);
  }

  /** The oldest first, until no more than this is left. */
  #dropBodies(leftBytes: number): void {
    for (const [at, exchange] of this.#exchanges.entries()) {
      if (this.#bodyBytes <= leftBytes) return;
      if (exchange.bodies === undefined) continue;
      this.#bodyBytes -= sizeOf(exchange.bodies);
      this.#exchanges[at] = { ...exchange, bodies: undefined };
    }
  }
}

/** In memory: two bytes for each character. */
function sizeOf(bodies: Bodies | undefined): number {
  return ((bodies?.request?.text.length ?? 0) + (bodies?.answer?.text.length ?? 0)) * 2;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** The points of several connectors as one row of the last hour, each step there. */
export function mergePoints(rows: readonly (readonly Point[])[], nowMs: number): readonly Point[] {
  const last = Math.floor(nowMs / stepMs) * stepMs;
  const merged = Array.from(
    { length: keptPoints },
    (_, index): Point => ({
      atMs: last - (keptPoints - 1 - index) * stepMs,
      calls: 0,
      errors: 0,
      losses: 0,
      restores: 0,
      restoresFailed: 0,
    }),
  );
  for (const point of rows.flat()) {
    const into = merged[keptPoints - 1 - (last - point.atMs) / stepMs];
    if (into === undefined) continue;
    into.calls += point.calls;
    into.errors += point.errors;
    into.losses += point.losses;
    into.restores += point.restores;
    into.restoresFailed += point.restoresFailed;
  }
  return merged;
}
