// What all streams of the process keep for clients that may come back, within one limit of bytes and one of age. Knows no connection.

/** What the bookkeeping of one event takes, roughly, in bytes. */
const overheadBytes = 256;

/** Whose events are kept. */
export interface EventOwner {
  /** Gives its oldest event up; it is in the list no longer. */
  dropOldest(): void;
}

/** One event, or all those of one small answer. */
export interface Kept {
  readonly owner: EventOwner;
  readonly atMs: number;
  readonly bytes: number;
  older: Kept | undefined;
  newer: Kept | undefined;
}

/** One event as it goes to the client, our `id` line first. */
export interface KeptEvent extends Kept {
  readonly seq: number;
  /** Length of our `id` line, at the beginning of the first part. */
  readonly idBytes: number;
  /** Parts that the client's present connection was given. */
  written: number;
  parts: Buffer[];
  bytes: number;
  /** False while a large event is still coming in. */
  complete: boolean;
  /** False until the event is on disk, where it has to be there before it goes out. */
  stored: boolean;
}

/** All kept events in the order in which they came; a linked list, so that any one can leave it at once. */
export class KeptEvents {
  #oldest: Kept | undefined;
  #newest: Kept | undefined;
  #bytes = 0;
  readonly #limitBytes: number;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes of all kept events, bookkeeping included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts the event at once; what has to go for it goes at the next `settle`, when it has been given out. */
  add(event: Kept): void {
    event.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = event;
    else this.#newest.newer = event;
    this.#newest = event;
    this.#bytes += event.bytes + overheadBytes;
  }

  /** An event that is already here became larger, or with less than 0 smaller. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Keeps to the limit. */
  settle(): void {
    while (this.#bytes > this.#limitBytes && this.#oldest !== undefined) this.#oldest.owner.dropOldest();
  }

  remove(event: Kept): void {
    if (event.older === undefined) this.#oldest = event.newer;
    else event.older.newer = event.newer;
    if (event.newer === undefined) this.#newest = event.older;
    else event.newer.older = event.older;
    event.older = event.newer = undefined;
    this.#bytes -= event.bytes + overheadBytes;
  }

  dropOlderThan(atMs: number): void {
    while (this.#oldest !== undefined && this.#oldest.atMs < atMs) this.#oldest.owner.dropOldest();
  }
}
