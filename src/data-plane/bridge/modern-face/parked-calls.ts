// The calls that wait for their clients, and those that only remember what they answered: found by their id, few enough, none for ever.
import { randomBytes } from "node:crypto";
import type { ModernCall } from "./modern-call.ts";
import { repeatMs } from "./park-machine.ts";

export interface ParkLimits {
  /** How long a call waits for its client. */
  readonly ttlMs: number;
  readonly perPrincipal: number;
  readonly perProcess: number;
}

interface Entry {
  readonly principal: string;
  readonly call: ModernCall;
  timer: NodeJS.Timeout | undefined;
  isWaiting: boolean;
}

export class ParkedCalls {
  readonly #limits: ParkLimits;
  /** In the order in which they began to wait. */
  readonly #entries = new Map<string, Entry>();

  constructor(limits: ParkLimits) {
    this.#limits = limits;
  }

  newId(): string {
    return randomBytes(12).toString("base64url");
  }

  find(id: string): ModernCall | undefined {
    return this.#entries.get(id)?.call;
  }

  /** The call waits from now on. Where that is one too many, the one that waits longest gives way. */
  wait(id: string, principal: string, call: ModernCall): void {
    this.#clear(id);
    const timer = setTimeout(() => call.expire(), this.#limits.ttlMs).unref();
    this.#entries.set(id, { principal, call, timer, isWaiting: true });
    const waiting = [...this.#entries.values()].filter((entry) => entry.isWaiting);
    const own = waiting.filter((entry) => entry.principal === principal);
    if (own.length > this.#limits.perPrincipal) own[0]?.call.expire();
    else if (waiting.length > this.#limits.perProcess) waiting[0]?.call.expire();
  }

  /** Nothing waits any more; what was answered stays known for a moment, for retries that come twice. */
  settle(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    clearTimeout(entry.timer);
    entry.isWaiting = false;
    entry.timer = setTimeout(() => this.#clear(id), repeatMs).unref();
  }

  /** Holdfast ends: those who wait lose their call with it. */
  stop(): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
  }

  #clear(id: string): void {
    clearTimeout(this.#entries.get(id)?.timer);
    this.#entries.delete(id);
  }
}
