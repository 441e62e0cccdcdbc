// Makes what runs follow what is wanted: opens, ends and exchanges connectors, one step after the other for each of them and never one waiting for another.
import { ConfigError } from "../config/index.ts";
import type { StoredSession } from "../store/index.ts";
import type { ConnectorRecord } from "./record.ts";
import type { Written } from "./service.ts";

/** A connector that runs; the data plane provides it. */
export interface Opened {
  /** Ends all sessions on both sides, those of `stored` among them, and closes everything. Never rejects. */
  end(stored: readonly StoredSession[]): Promise<void>;
  /** Makes room for a successor that goes on with the same sessions: finishes what is in flight and closes. Never rejects. */
  retire(): Promise<void>;
  /** Keeps all sessions for the next start. */
  close(): Promise<void>;
}

/** Opens a connector. @throws ConfigError where its settings cannot be used */
export type Open<O extends Opened> = (record: ConnectorRecord) => O;

/** What is the case with one connector. */
export type Actual<O extends Opened> =
  | { readonly record: ConnectorRecord; readonly opened: O; readonly problem?: undefined }
  /** Wanted and impossible, for this reason. */
  | { readonly record: ConnectorRecord; readonly opened?: undefined; readonly problem: string }
  /** Disconnected. */
  | { readonly record: ConnectorRecord; readonly opened?: undefined; readonly problem?: undefined };

/** How long a verb waits for sessions to be ended at a server that does not answer. */
const endPatienceMs = 1_500;

export class Reconciler<O extends Opened> {
  readonly #open: Open<O>;
  readonly #changed: (name: string) => void;
  readonly #actual = new Map<string, Actual<O>>();
  /** The newest generation that was acted upon, for a while also of names that are gone: what is not newer is old news. */
  readonly #seen = new Map<string, number>();
  readonly #ending = new Set<Promise<void>>();

  /** `changed` hears of each connector that is other than before. */
  constructor(open: Open<O>, changed: (name: string) => void = () => {}) {
    this.#open = open;
    this.#changed = changed;
  }

  /** The path of every request. */
  get(name: string): Actual<O> | undefined {
    return this.#actual.get(name);
  }

  all(): readonly Actual<O>[] {
    return [...this.#actual.values()];
  }

  /** Follows one write. The local part is done when it returns; the promise adds a moment for the server's part. */
  async follow({ name, record, ended }: Written): Promise<void> {
    const endings = record === undefined ? this.#drop(name, ended) : this.#take(record, ended);
    await withinMs(endings, endPatienceMs);
  }

  /**
   * Follows everything at once: at the start, and when another process has written. `through` is the store's generation from before the records were
   * read: what was written after it, they need not hold.
   */
  async followAll(records: readonly ConnectorRecord[], through: number): Promise<void> {
    const names = new Set(records.map(({ name }) => name));
    const gone = [...this.#actual.values()].flatMap(({ record: { name, generation } }) =>
      names.has(name) || generation > through ? [] : name,
    );
    for (const [name, generation] of this.#seen)
      if (!this.#actual.has(name) && generation <= through && !names.has(name)) this.#seen.delete(name);
    const endings = [...gone.map((name) => this.#drop(name, [])), ...records.map((record) => this.#take(record, []))];
    await withinMs(Promise.all(endings), endPatienceMs);
  }

  async close(): Promise<void> {
    const running = [...this.#actual.values()].flatMap(({ opened }) => opened ?? []);
    await Promise.all([...running.map((opened) => opened.close()), ...this.#ending]);
  }

  #take(record: ConnectorRecord, ended: readonly StoredSession[]): Promise<void> {
    const { name, generation } = record;
    const before = this.#actual.get(name);
    if (generation <= (this.#seen.get(name) ?? 0)) return Promise.resolve();
    this.#seen.set(name, generation);
    const goesOn =
      before?.opened !== undefined && record.wanted === "connected" && before.record.sessionsKey === record.sessionsKey;
    // The new one is in place before the old one goes, so that no request finds neither.
    this.#actual.set(name, record.wanted === "connected" ? this.#opened(record) : { record });
    this.#changed(name);
    const { opened } = before ?? {};
    if (opened === undefined) return Promise.resolve();
    return this.#track(goesOn ? opened.retire() : opened.end(ended));
  }

  #drop(name: string, ended: readonly StoredSession[]): Promise<void> {
    const before = this.#actual.get(name);
    this.#actual.delete(name);
    if (before === undefined) return Promise.resolve();
    this.#changed(name);
    return before.opened === undefined ? Promise.resolve() : this.#track(before.opened.end(ended));
  }

  #opened(record: ConnectorRecord): Actual<O> {
    try {
      return { record, opened: this.#open(record) };
    } catch (error) {
      if (error instanceof ConfigError) return { record, problem: error.message };
      throw error;
    }
  }

  #track(ending: Promise<void>): Promise<void> {
    this.#ending.add(ending);
    return ending.finally(() => this.#ending.delete(ending));
  }
}

async function withinMs(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
