// The client's end of one HTTP exchange, as the relay writes to it.
import type { ServerResponse } from "node:http";
import type { ClientConnection } from "../relay/index.ts";

/** How long a client may go on with a body that has been answered already. */
const lingerMs = 2_000;
/** Larger bodies are not copied to go out together with their head. */
const withHeadBytes = 8 * 1024;

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

  answer(status: number, headers: readonly string[], body: Buffer): void {
    if (this.gone) return;
    const response = this.#response;
    response.writeHead(status, headers as string[]);
    // As text a small body goes out in one piece with its head. One character is one byte: nothing of it changes.
    if (body.length === 0 || body.length > withHeadBytes || !response.req.complete)
      this.end(body.length > 0 ? body : undefined);
    else response.end(body.toString("latin1"), "latin1");
  }

  head(status: number, headers: readonly string[]): void {
    if (this.gone) return;
    // The rest of that request may never come, so its connection is of no more use (RFC 9110 section 15.5.9).
    if (status === 408) this.#response.shouldKeepAlive = false;
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
    const first = (): void => {
      this.#response.off("drain", first).off("close", first);
      listener();
    };
    this.#response.on("drain", first).on("close", first);
  }

  end(chunk?: Uint8Array): void {
    this.#written = true;
    const { req, shouldKeepAlive, statusCode } = this.#response;
    if (!req.complete && !shouldKeepAlive && statusCode !== 408) this.#endAfterBody(chunk);
    else if (chunk === undefined) this.#response.end();
    else this.#response.end(chunk);
  }

  /** Closing under a client that still writes would reset the connection, and the answer could be lost with it (RFC 9112 section 9.6). */
  #endAfterBody(chunk: Uint8Array | undefined): void {
    if (chunk !== undefined) this.#response.write(chunk);
    const { req } = this.#response;
    const timer = setTimeout(() => this.#response.end(), lingerMs);
    const over = (): void => {
      clearTimeout(timer);
      req.off("end", over).off("close", over);
      this.#response.end();
    };
    req.on("end", over).on("close", over).resume();
  }

  destroy(): void {
    this.#response.destroy();
  }
}
