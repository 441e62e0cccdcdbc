// One session: its state value, who waits for it, and the effects of its machine. Decides nothing about requests.
import { randomUUID } from "node:crypto";
import { ProxyError } from "../../errors/index.ts";
import type { ClientSessionId, RawId } from "../../protocol/index.ts";
import {
  type CloseReason,
  type Effect,
  type Fault,
  next,
  type SessionEvent,
  type SessionState,
} from "../recovery/index.ts";
import type { CallContext } from "./call-server.ts";
import type { Connector } from "./connector.ts";
import { endUpstreamSession } from "./initialize.ts";
import { type InLine, Line } from "./line.ts";
import { RestoreRefused } from "./restore-refused.ts";
import { runRestore } from "./run-restore.ts";
import { SessionRow } from "./session-row.ts";
import { decodeSnapshot, type Snapshot } from "./snapshot.ts";
import { type Look, WaitingLine } from "./waiting-line.ts";

/** The right to send one request under one generation of a session. */
export interface Lease {
  readonly generation: number;
  readonly upstreamId: string | undefined;
  /** Settles when the server has taken notifications/initialized of this generation. */
  readonly initialized: Promise<boolean> | undefined;
  /** The server has accepted this id before. */
  readonly served: boolean;
}

const nothing = Promise.resolve();
const keptCancellations = 64;
/** An answer that was on its way when its request was cancelled still passes. */
const cancelGraceMs = 1_000;

/** A request that has no answer yet. */
export interface OpenCall extends InLine<OpenCall> {
  /** Ends it without an answer if it is cancelled: few servers say a word about such a request, and some keep its stream open. */
  endIfCancelled(): void;
  /** The session is over: nothing is waited for any more. */
  sessionEnded(): void;
}

export interface SessionParts {
  readonly id: ClientSessionId;
  /** Short keyed hash for the log. */
  readonly shortHash: string;
  readonly principal: string;
  readonly snapshot: Snapshot;
  readonly state: SessionState;
  readonly row: SessionRow;
  readonly onForgotten: () => void;
}

export class UpstreamSession {
  readonly id: ClientSessionId;
  readonly shortHash: string;
  readonly principal: string;
  readonly snapshot: Snapshot;
  readonly row: SessionRow;
  readonly connector: Connector;
  lastSeenAtMs = Date.now();
  /** Exchanges of the client that are under way, its stream among them. */
  inUse = 0;
  /** Opens the GET stream anew on a restored session; set while a client's stream is open. Resolves when the server has answered. */
  openStream: ((context: CallContext) => Promise<void>) | undefined;
  /** Hands a notification of ours to the client; false if no stream is open. */
  announce: ((json: string) => boolean) | undefined;
  /** The last restore met another server than the one before: another version, name or set of capabilities. */
  upgraded = false;
  /** In this process. */
  wasRestored = false;
  /** The generation since which nothing was lost: it and those that the session was moved to are alive, or were ended when they were done. */
  livesSince: number;
  /** The headers of the last request that the server accepted, for what Holdfast sends of its own accord. */
  acceptedHeaders: readonly string[];
  /** Set when the session is closed: settles when it is gone from the server and the store. */
  ended: Promise<unknown> = nothing;
  /** The last restore; settles when nothing of it is left at the server but what the session goes on with. */
  restore: Promise<void> = nothing;
  readonly calls = new Line<OpenCall>();
  #state: SessionState;
  #initialized: Promise<boolean> | undefined;
  #initializing: Promise<unknown> | undefined;
  #lastError: ProxyError | undefined;
  readonly #onForgotten: () => void;
  #brokenGeneration: number | undefined;
  // Made when they are first needed: most of ten thousand sessions never need any.
  #waiting: WaitingLine | undefined;
  #look: Look | undefined;
  #closedListeners: (() => void)[] | undefined;
  #unannounced: Set<string> | undefined;
  #asked: Map<RawId, number> | undefined;
  #cancelled: Set<unknown> | undefined;

  constructor(connector: Connector, parts: SessionParts) {
    this.connector = connector;
    this.id = parts.id;
    this.shortHash = parts.shortHash;
    this.principal = parts.principal;
    this.snapshot = parts.snapshot;
    this.row = parts.row;
    this.acceptedHeaders = connector.settings.headers;
    this.#state = parts.state;
    this.livesSince = parts.state.at === "operating" ? parts.state.generation : 0;
    this.#onForgotten = parts.onForgotten;
  }

  get hasUnannounced(): boolean {
    return this.#unannounced !== undefined && this.#unannounced.size > 0;
  }

  /** Announcements that found no open stream. */
  get unannounced(): Set<string> {
    return (this.#unannounced ??= new Set());
  }

  /** Requests of the server that the client has not answered yet: the id's text, and the generation that asked. */
  get asked(): Map<RawId, number> {
    return (this.#asked ??= new Map());
  }

  /** Values of the ids that the client cancelled, the newest few. */
  get cancelled(): Set<unknown> {
    return (this.#cancelled ??= new Set());
  }

  get hasCancelled(): boolean {
    return this.#cancelled !== undefined && this.#cancelled.size > 0;
  }

  /** Of the last restore that failed, until one succeeds or the session ends. */
  get lastError(): ProxyError | undefined {
    return this.#lastError;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Marks the session as in use by one exchange, until the result is called. */
  use(): () => void {
    this.inUse += 1;
    this.lastSeenAtMs = Date.now();
    return () => {
      this.inUse -= 1;
      this.lastSeenAtMs = Date.now();
    };
  }

  /** Set for as long as a restored server has not taken notifications/initialized yet; never rejects. */
  get initializing(): Promise<unknown> | undefined {
    return this.#initializing;
  }

  /** The lease, if the session can be used right now, and nobody waits who would be overtaken by one who has not waited. */
  lease(hasWaited = false): Lease | undefined {
    if (!hasWaited && this.#waiting?.isEmpty === false) return undefined;
    return this.#look?.isUnderWay === true ? undefined : this.leaseBeside();
  }

  /** The same, whoever waits for whatever. */
  leaseBeside(): Lease | undefined {
    const state = this.#state;
    if (state.at !== "operating") return undefined;
    const { generation, upstreamId, served } = state;
    return { generation, upstreamId, served, initialized: this.#initialized };
  }

  /**
   * Waits for a usable session, restoring it if need be, until `deadlineMs` on the connector's clock. Of those who wait, whoever came first (`sinceMs`)
   * goes first.
   * @throws ProxyError of the failed restore, or SESSION_CLOSED.
   */
  async ready(deadlineMs: number, headers: readonly string[], sinceMs = this.connector.nowMs()): Promise<Lease> {
    for (let hasWaited = false; ; hasWaited = true) {
      const lease = this.lease(hasWaited);
      if (lease !== undefined) return lease;
      if (this.#state.at === "closed")
        throw new ProxyError(this.#closedCode(), { connector: this.connector.settings.name });
      const outcome = this.#wait(sinceMs, deadlineMs);
      this.dispatch({ type: "wanted" }, headers);
      try {
        await outcome;
      } catch (error) {
        // Another caller's credential was refused; ours has not been tried.
        if (error instanceof RestoreRefused && error.isOfAnother(headers)) continue;
        throw error;
      }
    }
  }

  /** The furthest deadline of those who wait; undefined if nobody does. */
  get latestDeadlineMs(): number | undefined {
    return this.#waiting?.latestDeadlineMs;
  }

  /** The last time that somebody asked whether the server still holds the session. */
  get look(): Readonly<Look> | undefined {
    return this.#look;
  }

  /** Since that one, somebody has asked, and nothing was heard of a loss. */
  wasSeenSince(look: Readonly<Look> | undefined): boolean {
    return this.#look !== look && this.#look?.lives === true;
  }

  /** Nobody uses the session before `ask` has told whether the server still holds it: then all who wait go on in their order, or it is restored first. */
  async lookWith<Found>(ask: () => Promise<Found>): Promise<Found> {
    const look: Look = { isUnderWay: true, lives: false };
    this.#look = look;
    try {
      const found = await ask();
      look.lives = found === "lives" || found === "silent";
      return found;
    } finally {
      look.isUnderWay = false;
      // Whoever asked goes first, and may have it restored: then that lets them go.
      setImmediate(() => {
        if (this.#state.at !== "restoring") this.#release();
      });
    }
  }

  served(generation: number): void {
    const state = this.#state;
    // The common case, without any work.
    if (state.at === "operating" && state.served) return;
    this.dispatch({ type: "served", generation }, this.acceptedHeaders);
  }

  lost(generation: number, signal: Fault, headers: readonly string[]): void {
    this.dispatch({ type: "lost", generation, signal }, headers);
  }

  /**
   * Lets the next request carry a dead id, and ends the session at the server, so that its loss is a real one.
   * False if there is nothing to break: the session is at rest, or its server works without ids.
   */
  breakNext(): boolean {
    const lease = this.lease(true);
    if (lease?.upstreamId === undefined || this.isBroken) return this.isBroken;
    const { generation, upstreamId } = lease;
    this.#brokenGeneration = generation;
    this.dispatch({ type: "break", deadId: randomUUID() }, this.acceptedHeaders);
    void endUpstreamSession(this.connector, this.context(upstreamId, this.acceptedHeaders));
    return true;
  }

  get isBroken(): boolean {
    return this.#state.at === "operating" && this.#state.generation === this.#brokenGeneration;
  }

  close(reason: CloseReason): void {
    this.dispatch({ type: "close", reason }, this.acceptedHeaders);
  }

  /** `notifications/cancelled` passed: such a request is not sent again, and no answer is missed. */
  cancel(requestId: unknown): void {
    this.cancelled.add(requestId);
    if (this.cancelled.size > keptCancellations) this.cancelled.delete(this.cancelled.values().next().value);
    setTimeout(() => {
      for (const call of this.calls) call.endIfCancelled();
    }, cancelGraceMs).unref();
  }

  /** Calls back once, when the session is over. */
  onClosed(listener: () => void): void {
    // An array that grows takes room for seventeen.
    if (this.#closedListeners === undefined) this.#closedListeners = [listener];
    else this.#closedListeners.push(listener);
  }

  /** Feeds one event to the machine and performs what it asks for. */
  dispatch(event: SessionEvent, headers: readonly string[]): void {
    const before = this.#state;
    const [state, effects] = next(before, event);
    this.#state = state;
    const { metrics, settings } = this.connector;
    if (before.at === "operating" && (state.at === "restoring" || state.at === "lost"))
      metrics.lost(settings.name, state.signal);
    for (const effect of effects) this.#perform(effect, before, headers);
  }

  restored(upstreamId: string | undefined, initialized: Promise<boolean>): void {
    if (this.#state.at === "restoring") this.#follow(initialized, this.#state.generation + 1);
    this.dispatch({ type: "restored", upstreamId }, this.acceptedHeaders);
    if (this.#state.at === "operating") this.livesSince = this.#state.generation;
    this.wasRestored = true;
  }

  /** Goes on at another server, to which it was moved while nothing was lost. */
  moved(from: number, upstreamId: string, initialized: Promise<boolean>): void {
    this.#follow(initialized, from + 1);
    this.dispatch({ type: "moved", generation: from, upstreamId }, this.acceptedHeaders);
  }

  #follow(initialized: Promise<boolean>, generation: number): void {
    this.#initialized = initialized;
    this.#initializing = initialized;
    void initialized.then((taken) => {
      if (this.#initializing !== initialized) return;
      this.#initializing = undefined;
      // A server that was never told is none to send calls to.
      if (!taken) this.lost(generation, "session-suspected", this.acceptedHeaders);
    });
  }

  failed(error: ProxyError): void {
    this.#lastError = error;
    this.dispatch({ type: "failed", code: error.code }, this.acceptedHeaders);
  }

  /** What a request of ours is sent under. */
  context(upstreamId: string | undefined, headers: readonly string[]): CallContext {
    const { serverVersion, cookies, staleCookies } = this.snapshot;
    return { headers, upstreamId, version: serverVersion, cookies, staleCookies };
  }

  #perform(effect: Effect, before: SessionState, headers: readonly string[]): void {
    switch (effect) {
      case "restore":
        this.restore = runRestore(this, headers);
        return;
      case "release":
        this.#release();
        return;
      case "refuse": {
        const error =
          this.#lastError ?? new ProxyError(this.#closedCode(), { connector: this.connector.settings.name });
        this.#waiting?.refuse(error);
        return;
      }
      case "fruitless":
        this.connector.breaker.failed(this.shortHash);
        return;
      case "proven":
        this.connector.breaker.proven();
        this.row.saveSoon(this);
        return;
      case "forget":
        this.#forget(before);
        return;
    }
  }

  #forget(before: SessionState): void {
    this.#lastError = undefined;
    const atServer =
      before.at === "operating"
        ? endUpstreamSession(this.connector, this.context(before.upstreamId, this.acceptedHeaders))
        : undefined;
    this.ended = Promise.all([atServer, this.#endStored()]);
    this.#onForgotten();
    for (const call of this.calls) call.sessionEnded();
    for (const listener of this.#closedListeners?.splice(0) ?? []) listener();
  }

  /** Deletes the row, and ends at the server what another process had restored meanwhile. */
  async #endStored(): Promise<void> {
    const foreign = await this.row.delete();
    const stored = foreign === undefined ? undefined : decodeSnapshot(foreign.snapshot);
    if (stored === undefined) return;
    await endUpstreamSession(this.connector, this.context(stored.upstreamId, this.acceptedHeaders));
  }

  #closedCode(): "SESSION_LOST" | "SESSION_CLOSED" | "CONNECTOR_DISCONNECTED" {
    const reason = this.#state.at === "closed" ? this.#state.reason : undefined;
    if (reason === "strict") return "SESSION_LOST";
    return reason === "disconnected" ? "CONNECTOR_DISCONNECTED" : "SESSION_CLOSED";
  }

  #release(): void {
    const isAgainUnusable = (): boolean => this.#state.at === "restoring" || this.#look?.isUnderWay === true;
    void this.#waiting?.release(isAgainUnusable);
  }

  #wait(sinceMs: number, deadlineMs: number): Promise<void> {
    this.#waiting ??= new WaitingLine();
    const leftMs = deadlineMs - this.connector.nowMs();
    return this.#waiting.wait({ sinceMs, deadlineMs, leftMs, tooLate: () => this.#tooLate() });
  }

  /** The window has passed: says what stands in the way, as far as it is known. */
  #tooLate(): ProxyError {
    const { availability, settings, nowMs } = this.connector;
    const { away } = availability;
    const details = { connector: settings.name, waitedMs: Math.round(settings.recoveryWindowMs), tried: "initialize" };
    if (away === undefined)
      return new ProxyError("SESSION_NOT_RESTORED", { ...details, note: "It has not answered initialize." });
    const upstream = away.status === undefined ? {} : { upstream: { status: away.status } };
    return new ProxyError(away.code, {
      ...details,
      ...upstream,
      note: `${away.detail} Away for ${Math.round(nowMs() - away.sinceMs)} ms.`,
    });
  }
}
