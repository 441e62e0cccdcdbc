// What happens, handed to whoever listens. Knows no HTTP; a listener that is slow is its own affair.
import type { LiveEvent } from "./schema.ts";

/** Which connector an event is about; undefined for the snapshot. */
export function connectorOf(event: LiveEvent): string | undefined {
  switch (event.type) {
    case "snapshot":
      return undefined;
    case "connector":
      return event.connector.name;
    case "connector-removed":
      return event.name;
    case "session":
      return event.session.connector;
    case "session-ended":
      return event.connector;
    case "exchange":
      return event.exchange.connector;
    case "restore":
      return event.restore.connector;
  }
}

export class Live {
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  readonly #closing = new Set<() => void>();

  /** Making an event is left out where nobody hears it. */
  publish(make: () => LiveEvent): void {
    if (this.#listeners.size === 0) return;
    const event = make();
    for (const listener of this.#listeners) listener(event);
  }

  /** Until the result is called. `closed` is called when the hub ends. */
  listen(listener: (event: LiveEvent) => void, closed: () => void): () => void {
    this.#listeners.add(listener);
    this.#closing.add(closed);
    return () => {
      this.#listeners.delete(listener);
      this.#closing.delete(closed);
    };
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  close(): void {
    for (const close of Array.from(this.#closing)) close();
  }
}
