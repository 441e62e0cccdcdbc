// Takes deleted rows out of the write-ahead log, where their bytes outlive the deletion. Never waits for another process, and never fails aloud.
import type { Database } from "./database.ts";

export class Eraser {
  readonly #database: Database;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(database: Database, delayMs: number) {
    this.#database = database;
    this.#delayMs = delayMs;
    // What a process that was killed had deleted is still in the log.
    this.soon();
  }

  /** Many deletions become one checkpoint. */
  soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#erase()) this.soon();
    }, this.#delayMs).unref();
  }

  /** Before it returns, unless another process is in the way; then soon. */
  now(): void {
    if (!this.#erase()) this.soon();
  }

  finish(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#erase();
  }

  /** False when a reader or writer elsewhere was in the way. */
  #erase(): boolean {
    try {
      return this.#database.durable.prepare("pragma wal_checkpoint(truncate)").get()?.["busy"] === 0;
    } catch {
      // A damaged or full disk shows itself at the next row that somebody needs.
      return true;
    }
  }
}
