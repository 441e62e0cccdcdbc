// Those who wait for a session that cannot be used now. Decides nothing about when that ends.
import type { ProxyError } from "../../errors/index.ts";

/** One time that somebody asked whether the server still holds a session. */
export interface Look {
  isUnderWay: boolean;
  /** Nothing was heard of its loss. */
  lives: boolean;
}

export interface Patience {
  /** Who came first goes first. */
  readonly sinceMs: number;
  /** When its wait ends, `leftMs` from now, with what `tooLate` says. */
  readonly deadlineMs: number;
  readonly leftMs: number;
  readonly tooLate: () => ProxyError;
}

interface Waiter extends Pick<Patience, "sinceMs" | "deadlineMs"> {
  resolve(): void;
  reject(error: ProxyError): void;
}

export class WaitingLine {
  /** Whoever came first is first. */
  readonly #waiters: Waiter[] = [];

  /** The furthest deadline of those who wait; undefined if nobody does. */
  get latestDeadlineMs(): number | undefined {
    if (this.#waiters.length === 0) return undefined;
    return Math.max(...this.#waiters.map((waiter) => waiter.deadlineMs));
  }

  /** Resolves when it is one's turn. Rejects with what `refuse` or `tooLate` says. */
  wait({ sinceMs, deadlineMs, leftMs, tooLate }: Patience): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiter.reject(tooLate()), Math.max(0, leftMs));
      const leave = (): void => {
        clearTimeout(timer);
        const index = this.#waiters.indexOf(waiter);
        if (index >= 0) this.#waiters.splice(index, 1);
      };
      const waiter: Waiter = {
        sinceMs,
        deadlineMs,
        resolve: () => {
          leave();
          resolve();
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const before = this.#waiters.findLastIndex((other) => other.sinceMs <= sinceMs);
      this.#waiters.splice(before + 1, 0, waiter);
    });
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /**
   * Lets those who wait go on in the order in which they came, also those who come meanwhile: each has given its request to the wire before the next
   * one hears. When `isAgainUnusable`, the others wait for the next time.
   */
  async release(isAgainUnusable: () => boolean): Promise<void> {
    for (let [first] = this.#waiters; first !== undefined; [first] = this.#waiters) {
      first.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      if (isAgainUnusable()) return;
    }
  }

  refuse(error: ProxyError): void {
    for (const waiter of Array.from(this.#waiters)) waiter.reject(error);
  }
}
