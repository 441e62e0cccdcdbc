// Writes what streams say to the store before it goes out (`--durable-streams`): many events in one transaction, each turn of the event loop at most one.
import type { Log } from "../../observability/index.ts";
import type { StreamChange, StreamName, StreamStore } from "../../store/index.ts";

const longestSweepMs = 60_000;
const shortestSweepMs = 50;

/** What waits for the next transaction. */
interface Waiting {
  /** Made when it is written, so that what was added to an event meanwhile is in it. */
  readonly change: (() => StreamChange) | undefined;
  readonly written: (() => void) | undefined;
}

export class StreamJournal {
  readonly store: StreamStore;
  readonly #log: Log;
  readonly #keepMs: number;
  readonly #live = new Map<string, StreamName>();
  readonly #timer: NodeJS.Timeout;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(store: StreamStore, log: Log, keepMs: number) {
    this.store = store;
    this.#log = log;
    this.#keepMs = keepMs;
    const sweepMs = Math.max(shortestSweepMs, Math.min(longestSweepMs, keepMs / 4));
    this.#timer = setInterval(() => void this.#sweep(), sweepMs).unref();
  }

  /** `written` is called in the order in which changes were added, also when the disk refuses: that costs durability, not the stream. */
  add(change: (() => StreamChange) | undefined, written?: () => void): void {
    this.#waiting.push({ change, written });
    this.#writing ??= this.#writeAll();
  }

  /** The stream is open here, however long it stays silent. */
  keepLive(name: StreamName): void {
    this.#live.set(keyOf(name), name);
  }

  release(name: StreamName): void {
    this.#live.delete(keyOf(name));
  }

  /** Writes what waits, and no more after it. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#writing !== undefined) await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Everything that this turn of the event loop still brings goes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const changes = waiting.flatMap(({ change }) => (change === undefined ? [] : [change()]));
      if (changes.length > 0) await this.#attempt(() => this.store.writeStreams(changes, Date.now()));
      for (const { written } of waiting) written?.();
    }
    this.#writing = undefined;
  }

  async #sweep(): Promise<void> {
    const nowMs = Date.now();
    await this.#attempt(async () => {
      if (this.#live.size > 0) await this.store.touchStreams([...this.#live.values()], nowMs);
      await this.store.deleteStreamsBefore(nowMs - this.#keepMs);
    });
  }

  /** A disk that is full stays full for a while: said once. */
  async #attempt(write: () => Promise<void>): Promise<void> {
    try {
      await write();
      this.#failed = false;
    } catch (cause) {
      if (!this.#failed) this.#log.event("error", "streams not stored", { reason: String(cause) });
      this.#failed = true;
    }
  }
}

function keyOf({ connector, session, token }: StreamName): string {
  return `${connector} ${session} ${token}`;
}
