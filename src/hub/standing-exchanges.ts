// What stays open for a client: its streams and WebSocket connections. Admitted once, they would outlive the credential that admitted them.
import type { HttpRequest } from "../data-plane/index.ts";

/** A socket, or an answer on one. */
export interface Standing {
  once(event: "close", listener: () => void): unknown;
  destroy(): unknown;
}

export class StandingExchanges {
  readonly #open = new Map<Standing, string>();

  /** Until it closes. One without a credential has none to lose. */
  add(standing: Standing, { headers: { authorization } }: HttpRequest): void {
    if (authorization === undefined) return;
    this.#open.set(standing, authorization);
    standing.once("close", () => this.#open.delete(standing));
  }

  endIf(isOver: (authorization: string) => boolean): void {
    for (const [standing, authorization] of this.#open) if (isOver(authorization)) standing.destroy();
  }
}
