// A request body that flows: from a stream to a socket, never faster than the server reads, and never more or less than was announced.
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { RequestFault } from "./request-head.ts";

export interface UploadEvents {
  /** The first bytes go out, in the same tick. */
  begun(): void;
  failed(cause: Error): void;
}

export interface UploadParts {
  readonly body: Readable;
  /** The whole head of the request, the empty line included. */
  readonly head: string;
  /** As announced; undefined if the body goes out in chunks. */
  readonly length: number | undefined;
}

export class Upload {
  readonly #socket: Socket;
  readonly #parts: UploadParts;
  readonly #events: UploadEvents;
  #sentBytes = 0;
  #begun = false;
  #isOver = false;

  constructor(socket: Socket, parts: UploadParts, events: UploadEvents) {
    this.#socket = socket;
    this.#parts = parts;
    this.#events = events;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  start(): void {
    const { body } = this.#parts;
    body.on("error", this.#onError).on("close", this.#onClose);
    if (body.destroyed && !body.readableEnded) return this.#fail(body.errored ?? brokeOff());
    if (body.readableEnded) return this.#finish();
    body.on("data", this.#onData).on("end", this.#onEnd);
    this.#socket.on("drain", this.#onDrain);
    body.resume();
  }

  /** Nobody reads the rest: the answer is there, or the connection is gone. */
  stop(): void {
    if (this.#isOver) return;
    this.#leave();
    letGo(this.#parts.body);
  }

  readonly #onData = (chunk: Buffer): void => {
    const { body, length } = this.#parts;
    if (chunk.length === 0) return;
    this.#sentBytes += chunk.length;
    if (length !== undefined && this.#sentBytes > length) return this.#fail(otherLength());
    const socket = this.#socket;
    socket.cork();
    this.#begin();
    if (length === undefined) socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    let goesOn = socket.write(chunk);
    if (length === undefined) goesOn = socket.write("\r\n", "latin1");
    socket.uncork();
    if (!goesOn) body.pause();
  };

  readonly #onDrain = (): void => {
    this.#parts.body.resume();
  };

  readonly #onEnd = (): void => this.#finish();

  readonly #onError = (cause: Error): void => this.#fail(cause);

  readonly #onClose = (): void => {
    if (!this.#parts.body.readableEnded) this.#fail(brokeOff());
  };

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#events.begun();
    this.#socket.write(this.#parts.head, "latin1");
  }

  #finish(): void {
    const { length } = this.#parts;
    if (this.#isOver) return;
    if (length !== undefined && this.#sentBytes !== length) return this.#fail(otherLength());
    this.#begin();
    if (length === undefined) this.#socket.write("0\r\n\r\n", "latin1");
    this.#leave();
  }

  #fail(cause: Error): void {
    if (this.#isOver) return;
    this.#leave();
    this.#events.failed(cause);
  }

  #leave(): void {
    this.#isOver = true;
    const { body } = this.#parts;
    body.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
    this.#socket.off("drain", this.#onDrain);
  }
}

/** Nobody reads the rest of the body, so that its source does not wait for that. */
export function letGo(body: Readable): void {
  // Destroying an HTTP request would take the client's connection with it, on which the answer is still to go out.
  if ("socket" in body) body.resume();
  else body.destroy();
}

function brokeOff(): Error {
  return new RequestFault("The request's body broke off.");
}

function otherLength(): Error {
  return new RequestFault("The request's body has another length than was announced.");
}
