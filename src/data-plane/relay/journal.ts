// What a stream asks of whoever writes it down.
import type { RawId } from "../../protocol/index.ts";
import type { StreamKind } from "./event-id.ts";
import type { KeptEvent } from "./kept-events.ts";

/** Where events are written before they go out (`--durable-streams`). */
export interface Journal {
  opened(token: string, kind: StreamKind, asked: readonly RawId[]): void;
  /** A stream that is on disk already is in use again. */
  live(token: string): void;
  /** Calls back when everything so far is on disk. */
  settled(then: () => void): void;
  /** Not in use any more, but to be found again. */
  closed(token: string): void;
  /** Calls `stored` when the event is on disk, or when it cannot be written there. */
  event(token: string, event: KeptEvent, upstreamEventId: string | undefined, stored: () => void): void;
  dropped(token: string, throughSeq: number): void;
  over(token: string): void;
  forget(token: string): void;
}
