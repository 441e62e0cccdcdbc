// The streams of clients that may come back, as a store keeps them (`--durable-streams`). Belongs to the sessions' port.

export interface StreamName {
  readonly connector: string;
  /** The key of the session's row. Without that row nothing is kept, and with it everything goes. */
  readonly session: string;
  readonly token: string;
}

export type StreamChange =
  | (StreamName & {
      readonly kind: "open";
      /** What the relay calls the stream; of no meaning here. */
      readonly streamKind: string;
      /** JSON text. */
      readonly asked: string;
    })
  | (StreamName & {
      readonly kind: "event";
      readonly seq: number;
      readonly generation: number;
      readonly upstreamEventId: string | undefined;
      /** As it goes to the client. */
      readonly bytes: Uint8Array;
      readonly idBytes: number;
    })
  | (StreamName & { readonly kind: "dropped"; readonly throughSeq: number })
  | (StreamName & { readonly kind: "over" })
  | (StreamName & { readonly kind: "forget" });

export interface StoredEvent {
  readonly seq: number;
  readonly generation: number;
  readonly upstreamEventId: string | undefined;
  readonly bytes: Uint8Array;
  readonly idBytes: number;
}

export interface StoredStream {
  readonly streamKind: string;
  readonly asked: string;
  /** Everything was said. */
  readonly over: boolean;
  readonly droppedSeq: number;
  /** Oldest first. */
  readonly events: readonly StoredEvent[];
}

export interface StreamStore {
  /** All of them or none; on disk, as far as a process can die, when it resolves. */
  writeStreams(changes: readonly StreamChange[], nowMs: number): Promise<void>;
  findStream(name: StreamName): Promise<StoredStream | undefined>;
  /** Streams that are still in use count as written to at `nowMs`. */
  touchStreams(names: readonly StreamName[], nowMs: number): Promise<void>;
  /** Deletes the streams to which nothing was written since. */
  deleteStreamsBefore(beforeMs: number): Promise<void>;
}
