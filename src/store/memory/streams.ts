// Streams in memory: the same promises as on disk, but durability. Sessions are asked for by whoever owns them.
import type { StoredEvent, StoredStream, StreamChange, StreamName } from "../stream-port.ts";

interface Kept {
  readonly name: StreamName;
  readonly streamKind: string;
  readonly asked: string;
  over: boolean;
  droppedSeq: number;
  atMs: number;
  events: StoredEvent[];
}

export class MemoryStreams {
  readonly #streams = new Map<string, Kept>();
  readonly #hasSession: (connector: string, session: string) => boolean;

  constructor(hasSession: (connector: string, session: string) => boolean) {
    this.#hasSession = hasSession;
  }

  write(changes: readonly StreamChange[], nowMs: number): void {
    for (const change of changes) this.#apply(change, nowMs);
  }

  find(name: StreamName): StoredStream | undefined {
    const kept = this.#streams.get(keyOf(name));
    return kept && { ...kept, events: [...kept.events] };
  }

  touch(names: readonly StreamName[], nowMs: number): void {
    for (const name of names) {
      const kept = this.#streams.get(keyOf(name));
      if (kept !== undefined) kept.atMs = nowMs;
    }
  }

  deleteBefore(beforeMs: number): void {
    for (const [key, { atMs }] of this.#streams) if (atMs < beforeMs) this.#streams.delete(key);
  }

  deleteOf(connector: string, session: string): void {
    for (const [key, { name }] of this.#streams)
      if (name.connector === connector && name.session === session) this.#streams.delete(key);
  }

  #apply(change: StreamChange, nowMs: number): void {
    const { connector, session, token } = change;
    const key = keyOf(change);
    const kept = this.#streams.get(key);
    if (change.kind === "open") {
      if (kept !== undefined || !this.#hasSession(connector, session)) return;
      const { streamKind, asked } = change;
      const name = { connector, session, token };
      this.#streams.set(key, { name, streamKind, asked, over: false, droppedSeq: 0, atMs: nowMs, events: [] });
      return;
    }
    if (kept === undefined) return;
    if (change.kind === "forget") this.#streams.delete(key);
    else if (change.kind === "dropped") {
      kept.droppedSeq = Math.max(kept.droppedSeq, change.throughSeq);
      kept.events = kept.events.filter(({ seq }) => seq > change.throughSeq);
    } else {
      kept.atMs = nowMs;
      if (change.kind === "over") kept.over = true;
      else kept.events.push(toEvent(change));
    }
  }
}

function toEvent({ seq, generation, upstreamEventId, bytes, idBytes }: Extract<StreamChange, { kind: "event" }>) {
  return { seq, generation, upstreamEventId, bytes: Uint8Array.from(bytes), idBytes };
}

function keyOf({ connector, session, token }: StreamName): string {
  return JSON.stringify([connector, session, token]);
}
