// The client's end of one HTTP exchange, as the relay writes to it.
import type { ServerResponse } from "node:http";
import type { ClientConnection } from "../relay/index.ts";

export class HttpClientConnection implements ClientConnection {
  readonly #response: ServerResponse;
  #written = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get gone(): boolean {
    return this.#response.destroyed;
  }

  onGone(listener: () => void): void {
    this.#response.once("close", () => {
      if (!this.#response.writableFinished) listener();
    });
  }

  head(status: number, headers: readonly string[]): void {
    if (this.gone) return;
    this.#response.writeHead(status, headers as string[]);
    // A stream's head must not wait for its first event; one that comes at once goes out together with it.
    queueMicrotask(() => {
      if (!this.#written && !this.gone) this.#response.flushHeaders();
    });
  }

  write(chunk: Uint8Array): boolean {
    this.#written = true;
    // To a client that left, everything can be written at any speed.
    return this.gone || this.#response.write(chunk);
  }

  onDrain(listener: () => void): void {
    this.#response.once("drain", listener);
    this.#response.once("close", listener);
  }

  end(chunk?: Uint8Array): void {
    this.#written = true;
    if (chunk === undefined) this.#response.end();
    else this.#response.end(chunk);
  }

  destroy(): void {
    this.#response.destroy();
  }
}
