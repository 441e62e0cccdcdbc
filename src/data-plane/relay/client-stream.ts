// One event stream to a client, which outlives the client's connections: numbers its events, keeps what may have been missed, and goes on where
// the client left off. Knows nothing of what the events say.
import type { RawId } from "../../protocol/index.ts";
import type { StoredStream } from "../../store/index.ts";
import type { ClientConnection } from "./client-exchange.ts";
import { idParts, type StreamKind } from "./event-id.ts";
import { type EventOut, tornEnd } from "./event-out.ts";
import type { Journal } from "./journal.ts";
import type { EventOwner, KeptEvent } from "./kept-events.ts";
import type { OfSession, StreamKeeper, StreamOwner } from "./of-session.ts";
import type { StreamClock } from "./stream-clock.ts";
import { StreamEvents } from "./stream-events.ts";

export interface ClientStreamParts {
  readonly owner: StreamOwner;
  readonly clock: StreamClock;
  readonly kind: StreamKind;
  readonly token: string;
  readonly asked: readonly RawId[];
  /** Revisions before 2025-11-25 know no event without data; their clients are given one that they ignore by its type. */
  readonly knowsPriming: boolean;
  readonly journal: Journal | undefined;
  /** What was kept on disk while Holdfast was away. */
  readonly stored?: StoredStream | undefined;
  /** A client was given everything of it. */
  readonly finished?: boolean;
}

/** Waiting for an open connection, beyond which the server is asked to pause. */
const unsentBytes = 64 * 1024;
/** Clients of the TypeScript SDK try twice, and by themselves after one second: too soon for a network that is away for a few. */
const retryMs = 5_000;
/** So many bytes are written at once. */
const togetherBytes = 16 * 1024;
const keepAlive = Buffer.from(": keep-alive\n\n");

export class ClientStream implements EventOut, EventOwner, OfSession {
  before: OfSession | undefined;
  behind: OfSession | undefined;
  inLine = false;
  readonly kind: StreamKind;
  readonly token: string;
  /** An object and no closure: V8 allocates a closure that it sees stored here as old as the stream, and with it all that it leads to outlives its call. */
  keeper: StreamKeeper | undefined;
  readonly #owner: StreamOwner;
  readonly #clock: StreamClock;
  readonly #journal: Journal | undefined;
  readonly #knowsPriming: boolean;
  readonly #before: string;
  readonly #behind: string;
  #connection: ClientConnection | undefined;
  readonly #events: StreamEvents;
  /** The connection asked for a pause. */
  #blocked = false;
  /** More is about to come. */
  #corked = false;
  #whenFlowing: (() => void) | undefined;
  #ended = false;
  #sinceMs: number;
  #wroteAtTick: number;
  /** An event was begun and is not over. */
  #part: KeptEvent | undefined;
  #over = false;
  #finished: boolean;

  constructor({ owner, clock, kind, token, asked, knowsPriming, journal, stored, finished }: ClientStreamParts) {
    this.#owner = owner;
    this.kind = kind;
    this.token = token;
    this.#clock = clock;
    this.#journal = journal;
    this.#knowsPriming = knowsPriming;
    this.#finished = finished === true;
    [this.#before, this.#behind] = idParts(kind, token, asked.length === 1 ? asked[0] : undefined);
    this.#events = new StreamEvents(this, clock.kept, stored?.droppedSeq ?? 0);
    if (stored === undefined) journal?.opened(token, kind, asked);
    else {
      journal?.live(token);
      this.#events.adopt(stored.events, clock.nowMs);
      clock.kept.settle();
      this.#ended = stored.over;
    }
    this.#sinceMs = clock.nowMs;
    this.#wroteAtTick = clock.ticks;
  }

  /** A client listens right now. */
  get attached(): boolean {
    return this.#connection !== undefined && !this.#connection.gone;
  }

  /** Nobody will read this stream any more. */
  get gone(): boolean {
    return this.#over;
  }

  /** No event was made yet. */
  get silent(): boolean {
    return this.#events.seq === 0;
  }

  get isAnswering(): boolean {
    return this.kind === "answer" && !this.#ended && !this.#over;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** A client was given everything. */
  get finished(): boolean {
    return this.#finished;
  }

  /** False asks for a pause until `whenFlowing` calls back. */
  get flowing(): boolean {
    if (this.#over) return true;
    if (this.#connection !== undefined) return !this.#blocked && this.#events.unsentBytes < unsentBytes;
    const { keepBytes, keepEvents } = this.#clock.limits;
    return this.#events.unsentBytes < keepBytes && this.#events.waiting < keepEvents;
  }

  whenFlowing(listener: () => void): void {
    this.#whenFlowing = listener;
  }

  /** Adds an event of these bytes, which hold no `id` of their own. `upstreamEventId`: the server's own name of it. */
  event(pieces: readonly Uint8Array[], upstreamEventId?: string): void {
    if (this.#over || this.#ended) return;
    const event = this.#begin(pieces, this.#journal === undefined);
    event.complete = true;
    if (this.#journal === undefined) this.#flush();
    else this.#writeDown(event, upstreamEventId);
    this.#trim();
  }

  cork(): void {
    this.#corked = true;
  }

  uncork(): void {
    this.#corked = false;
    this.#flush();
    this.#trim();
  }

  /** Adds to an event that is too large to wait for its end. It goes out as it comes; on disk it is whole or not at all. */
  part(pieces: readonly Uint8Array[]): void {
    if (this.#over || this.#ended) return;
    if (this.#part === undefined) {
      this.#part = this.#begin(pieces, true);
      this.#flush();
    } else if (this.#events.grow(this.#part, pieces)) this.#flush();
    this.#trim();
  }

  lastPart(pieces: readonly Uint8Array[], upstreamEventId?: string): void {
    const event = this.#part;
    if (event === undefined) return;
    this.#part = undefined;
    this.#events.grow(event, pieces);
    event.complete = true;
    if (event.seq > this.#events.droppedSeq) this.#journal?.event(this.token, event, upstreamEventId, () => {});
    this.#flush();
    this.#trim();
  }

  /** The rest of a large event will not come: what the client has of it ends here, and is not repeated. */
  breakPart(): void {
    const event = this.#part;
    if (event === undefined) return;
    this.#part = undefined;
    this.#events.grow(event, [tornEnd]);
    event.complete = true;
    this.#flush();
    // What follows would be taken for its rest.
    if (!this.#events.remove(event)) this.interrupt();
  }

  /** Comments and the like. They are not kept, so they never stand alone for a client that is away. */
  between(bytes: Buffer): void {
    if (this.#over || this.#ended) return;
    const { newest } = this.#events;
    if (newest !== undefined && this.#events.waiting > 0) this.#events.grow(newest, [bytes]);
    else if (this.#connection !== undefined) this.#write(bytes);
  }

  /** Gives a client that has been given nothing yet an id from which it can go on. */
  prime(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#part !== undefined || this.#events.waiting > 0) return;
    const retry = this.kind === "answer" ? `retry: ${retryMs}\n` : "";
    const type = `${this.#knowsPriming ? "" : "event: priming\n"}${retry}`;
    const write = (): void => {
      const isCurrent = this.#connection === connection && this.#part === undefined && this.#events.waiting === 0;
      if (isCurrent) this.#write(Buffer.from(`${this.#idLine(this.#events.seq)}${type}data: \n\n`));
    };
    if (this.#journal === undefined) write();
    else this.#journal.settled(write);
  }

  /** Everything was said. The events stay for a while, in case the client missed some. */
  end(): void {
    if (this.#ended || this.#over) return;
    this.breakPart();
    this.#ended = true;
    this.#sinceMs = this.#clock.nowMs;
    this.#journal?.over(this.token);
    this.#flush();
  }

  /**
   * Gives the stream to this connection, whose head has been sent, from the event after `seq` on. Another connection that has it loses it.
   * True if the client was given anything at once.
   */
  attach(connection: ClientConnection, seq = this.#events.seq): boolean {
    const replaced = this.#connection;
    this.#connection = undefined;
    replaced?.destroy();
    this.#connection = connection;
    this.#sinceMs = this.#clock.nowMs;
    this.#blocked = false;
    this.#events.rewind(seq);
    connection.onGone(() => this.#left(connection));
    if (connection.gone) {
      this.#left(connection);
      return false;
    }
    const waits = this.#events.waiting > 0;
    this.#flush();
    this.#resume();
    return waits || this.#ended;
  }

  /** What a client that read up to `seq` can be given: what is kept, from the first event behind it that is, unless even the last one went. */
  reach(seq: number): "kept" | "nothing-left" | "dropped" | "unknown" {
    const { seq: newest, droppedSeq } = this.#events;
    if (seq > newest) return "unknown";
    if (this.#ended && seq === newest) return "nothing-left";
    return this.#ended && droppedSeq === newest ? "dropped" : "kept";
  }

  /** Gives another stream of the session what no connection was ever given of this one. True if there was any. */
  moveUnsent(to: ClientStream): boolean {
    const unsent = this.#part === undefined ? this.#events.takeUnsent() : [];
    for (const pieces of unsent) to.event(pieces);
    return unsent.length > 0;
  }

  /** Breaks the connection, so that the client comes back. */
  interrupt(): void {
    this.#connection?.destroy();
  }

  /** Nobody will come back, or must not: everything that is kept goes. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#events.clear();
    this.#journal?.closed(this.token);
    if (connection !== undefined && !connection.gone) connection.end();
    this.#resume();
    this.#owner.over(this);
  }

  expire(): void {
    this.keeper?.expired(this);
    this.close();
  }

  /** As `close`, and from disk too. */
  forget(): void {
    if (this.#over) return;
    this.#journal?.forget(this.token);
    this.close();
  }

  /** Called by the clock. */
  tick(): void {
    const { nowMs, limits, ticks, keepAliveTicks } = this.#clock;
    const isAway = this.#connection === undefined;
    if ((this.#ended || isAway) && nowMs - this.#sinceMs > limits.keepMs) {
      // Handed to the system, but never taken from it by the client.
      this.keeper?.expired(this);
      return this.forget();
    }
    const idle = ticks - this.#wroteAtTick >= keepAliveTicks;
    if (idle && !isAway && !this.#blocked && this.#part === undefined) this.#write(keepAlive);
  }

  /** The oldest event goes, as the limit on all streams demands. */
  dropOldest(): void {
    const was = this.#events.dropOldest();
    if (was === "none") return;
    const { droppedSeq } = this.#events;
    if (this.#part !== undefined && this.#part.seq <= droppedSeq) this.#part = undefined;
    this.#journal?.dropped(this.token, droppedSeq);
    // The client would miss it without knowing: it comes back, and is told.
    if (was === "unsent") this.interrupt();
  }

  #idLine(seq: number): string {
    return `id: ${this.#before}${seq}${this.#behind}\n`;
  }

  #begin(pieces: readonly Uint8Array[], stored: boolean): KeptEvent {
    this.#events.seq += 1;
    return this.#events.append(this.#idLine(this.#events.seq), pieces, this.#clock.nowMs, stored);
  }

  /** The event goes out once it is on disk. */
  #writeDown(event: KeptEvent, upstreamEventId: string | undefined): void {
    this.#journal?.event(this.token, event, upstreamEventId, () => {
      event.stored = true;
      this.#flush();
      this.#trim();
      this.#resume();
    });
  }

  #write(bytes: Buffer): boolean {
    this.#wroteAtTick = this.#clock.ticks;
    const connection = this.#connection as ClientConnection;
    if (connection.write(bytes)) return true;
    this.#blocked = true;
    connection.onDrain(() => {
      if (this.#connection !== connection) return;
      this.#blocked = false;
      this.#flush();
      this.#resume();
    });
    return false;
  }

  #flush(): void {
    if (this.#connection === undefined || this.#corked) return;
    const together: Buffer[] = [];
    let bytes = 0;
    for (let event = this.#events.next; event !== undefined && event.stored; event = this.#events.next) {
      while (!this.#blocked) {
        const part = this.#events.nextPart(event);
        if (part === undefined) break;
        bytes += part.length;
        together.push(part);
        if (bytes < togetherBytes) continue;
        this.#writeAll(together.splice(0));
        bytes = 0;
      }
      if (event.written < event.parts.length || !event.complete) break;
      this.#events.advance();
    }
    this.#writeAll(together);
    if (this.#ended && this.#events.waiting === 0) this.#finish();
  }

  /** A write costs more than the copy of a few small events. */
  #writeAll(parts: readonly Buffer[]): void {
    const [first] = parts;
    if (first !== undefined) this.#write(parts.length === 1 ? first : Buffer.concat(parts));
  }

  /** The client has been given everything. */
  #finish(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#sinceMs = this.#clock.nowMs;
    connection?.end();
    const first = !this.#finished;
    this.#finished = true;
    this.#owner.finished(this, first);
  }

  /** Tells the server's side that it may go on. */
  #resume(): void {
    if (!this.flowing) return;
    const listener = this.#whenFlowing;
    this.#whenFlowing = undefined;
    listener?.();
  }

  #left(connection: ClientConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#sinceMs = this.#clock.nowMs;
    this.#resume();
    this.keeper?.left(this);
  }

  /** Keeps within the limits, once what there is has been given out as far as it can be. */
  #trim(): void {
    if (this.#corked) return;
    const { keepEvents, keepBytes } = this.#clock.limits;
    this.#clock.kept.settle();
    if (this.#events.trim(keepEvents, keepBytes)) this.#journal?.dropped(this.token, this.#events.droppedSeq);
  }
}
