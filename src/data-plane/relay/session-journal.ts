// The journal as the streams of one session see it.
import type { RawId } from "../../protocol/index.ts";
import type { StoredStream, StreamChange, StreamName } from "../../store/index.ts";
import type { UpstreamSession } from "../session/index.ts";
import type { StreamKind } from "./event-id.ts";
import type { Journal } from "./journal.ts";
import type { KeptEvent } from "./kept-events.ts";
import type { StreamJournal } from "./stream-journal.ts";

export class SessionJournal implements Journal {
  readonly #journal: StreamJournal;
  readonly #session: UpstreamSession;

  constructor(journal: StreamJournal, session: UpstreamSession) {
    this.#journal = journal;
    this.#session = session;
  }

  find(token: string): Promise<StoredStream | undefined> {
    return this.#journal.store.findStream(this.#name(token));
  }

  opened(token: string, streamKind: StreamKind, asked: readonly RawId[]): void {
    this.#add({ kind: "open", ...this.live(token), streamKind, asked: JSON.stringify(asked) });
  }

  live(token: string): StreamName {
    const name = this.#name(token);
    this.#journal.keepLive(name);
    return name;
  }

  event(token: string, event: KeptEvent, upstreamEventId: string | undefined, stored: () => void): void {
    const { state } = this.#session;
    const generation = state.at === "operating" ? state.generation : 0;
    const { seq, idBytes } = event;
    const change = (): StreamChange => ({
      kind: "event",
      ...this.#name(token),
      seq,
      generation,
      upstreamEventId,
      idBytes,
      bytes: Buffer.concat(event.parts),
    });
    this.#journal.add(change, stored);
  }

  settled(then: () => void): void {
    this.#journal.add(undefined, then);
  }

  dropped(token: string, throughSeq: number): void {
    this.#add({ kind: "dropped", ...this.#name(token), throughSeq });
  }

  over(token: string): void {
    this.#add({ kind: "over", ...this.#name(token) });
  }

  closed(token: string): void {
    this.#journal.release(this.#name(token));
  }

  forget(token: string): void {
    this.#add({ kind: "forget", ...this.#name(token) });
  }

  #add(change: StreamChange): void {
    this.#journal.add(() => change);
  }

  #name(token: string): StreamName {
    const { connector, key } = this.#session.row.rowKey;
    return { connector, session: key, token };
  }
}
