// A client's wire on which messages pass whole, both ways: an event stream of HTTP+SSE, a WebSocket, standard input and output.

/** Messages that wait for their answers beyond this many bytes stop the reading of more. */
export const mostHeldBytes = 64 * 1024 * 1024;

export interface MessageWire {
  /** Stands in the log where the HTTP method stands of other exchanges. */
  readonly name: "POST" | "WS" | "STDIO";
  /** Nobody will ever read what is sent. */
  readonly gone: boolean;
  /** Sends one JSON text; false asks for a pause until `onDrain` calls back. Harmless once the client is gone. */
  send(json: Buffer): boolean;
  /** Calls back once: when there is room again, or the client is gone. */
  onDrain(listener: () => void): void;
  /** How much of what came waits for its answer: a wire that can stops reading beyond `mostHeldBytes`. On one that cannot, more is refused. */
  holds?(bytes: number): void;
  /** Everything has been sent that ever will be. */
  end(): void;
}

/** Who waits for room on a wire. */
export class Drains {
  #listeners: (() => void)[] = [];

  add(listener: () => void): void {
    this.#listeners.push(listener);
  }

  release(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
