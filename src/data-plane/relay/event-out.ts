// Where the events of one stream go: to a client that may come back for them, or straight into the one connection there is.
import type { ClientConnection } from "./client-exchange.ts";

/** Pieces are an event's bytes without an `id` of their own. */
export interface EventOut {
  /** Nobody will read this any more. */
  readonly gone: boolean;
  /** False asks for a pause until `whenFlowing` calls back. */
  readonly flowing: boolean;
  whenFlowing(listener: () => void): void;
  event(pieces: readonly Uint8Array[], upstreamEventId?: string): void;
  /** Until `uncork` more will come at once, so that it can be written together. */
  cork(): void;
  uncork(): void;
  /** More of an event that is too large to wait for its end. */
  part(pieces: readonly Uint8Array[]): void;
  lastPart(pieces: readonly Uint8Array[], upstreamEventId?: string): void;
  /** The rest of a large event will not come. */
  breakPart(): void;
  /** Comments and the like. */
  between(bytes: Buffer): void;
  end(): void;
}

/** Ends an event whose rest will not come. Of another type than a message, its half is nothing that a client reads. */
export const tornEnd = Buffer.from("\nevent: torn\n\n");

/** For clients that cannot come back: nothing is numbered and nothing kept. */
export class DirectOut implements EventOut {
  readonly #connection: ClientConnection;
  #inPart = false;
  #flowing = true;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  get gone(): boolean {
    return this.#connection.gone;
  }

  get flowing(): boolean {
    return this.#flowing || this.gone;
  }

  whenFlowing(listener: () => void): void {
    this.#connection.onDrain(() => {
      this.#flowing = true;
      listener();
    });
  }

  event(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.#flowing = this.#connection.write(piece);
  }

  cork(): void {}

  uncork(): void {}

  part(pieces: readonly Uint8Array[]): void {
    this.#inPart = true;
    this.event(pieces);
  }

  lastPart(pieces: readonly Uint8Array[]): void {
    this.#inPart = false;
    this.event(pieces);
  }

  breakPart(): void {
    if (this.#inPart) this.lastPart([tornEnd]);
  }

  between(bytes: Buffer): void {
    this.event([bytes]);
  }

  end(): void {
    this.#connection.end();
  }
}
