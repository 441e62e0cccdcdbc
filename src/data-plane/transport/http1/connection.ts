// One connection to a server, one exchange on it at a time. Where anything is doubtful, it is destroyed: no byte of one answer can become part of another.
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { monotonicMs } from "../../../protocol/index.ts";
import type { ReplyHeaders } from "./answer-head.ts";
import { type AnswerEvents, AnswerParser } from "./answer-parser.ts";
import { ConnectionClosed, type Origin, type SocketEvents } from "./connect.ts";
import { notePassed } from "./passed-bytes.ts";
import { ReadFirst } from "./read-first.ts";
import { Upload, type UploadParts } from "./upload.ts";

export interface OutgoingRequest {
  readonly method: string;
  /** Ready for the wire, the empty line included. */
  readonly head: string;
  readonly body: Uint8Array | Readable | undefined;
  /** Of a body that flows: its length, undefined if it goes out in chunks. */
  readonly length: number | undefined;
}

/** A request on its way, and who takes its answer. */
export interface Outgoing {
  /** What is to be written; asked for once, and then nobody's any more. */
  request(): OutgoingRequest;
  /** Who has it from now on. */
  carriedBy(carrier: Carrier): void;
  answered(status: number, headers: ReplyHeaders): void;
  /** False asks for a pause. */
  data(chunk: Buffer): boolean;
  ended(): void;
  /** `sent`: whether the server can have got any byte of it. Neither this nor `ended` is followed by anything. */
  failed(sent: "nothing" | "maybe", cause: Error): void;
}

/** Who has a request that is on its way. */
export interface Carrier {
  pause(): void;
  resume(): void;
  /** Nobody waits for the answer any more. */
  drop(outgoing: Outgoing, cause: Error): void;
}

export interface ConnectionOwner {
  /** It can carry an exchange, its first or another one. */
  freed(connection: Connection): void;
  gone(connection: Connection, cause: Error): void;
  /** The connection was found dead before anything was written: another one may carry the request. */
  again(outgoing: Outgoing): void;
}

/** Larger bodies are not copied to go out in one piece with their head. */
const withHeadBytes = 8 * 1024;
/** How long a free connection is kept without a word of the server about it. */
const keepMs = 4_000;
const longestKeepMs = 600_000;
/** What the server says of its patience is counted from when it sent the answer. */
const marginMs = 1_000;

export class Connection implements Carrier, SocketEvents, AnswerEvents {
  /** Since when it is free, and when it has been for too long (`monotonicMs`). */
  freeSinceMs = 0;
  freeUntilMs = 0;
  readonly #owner: ConnectionOwner;
  readonly #parser = new AnswerParser(this);
  readonly #socket: Socket;
  #outgoing: Outgoing | undefined;
  #upload: Upload | undefined;
  /** While a body goes out that a server might refuse half way; a small one is written at once. */
  #readFirst: ReadFirst | undefined;
  #sent = false;
  #isOver = false;

  constructor(origin: Origin, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#socket = origin.open(this);
  }

  /** Of a connection that is free. Nothing is written yet: `send` does it. */
  carry(outgoing: Outgoing): void {
    this.#outgoing = outgoing;
    this.#socket.ref();
    outgoing.carriedBy(this);
  }

  send(): void {
    const outgoing = this.#outgoing;
    if (outgoing === undefined || this.#sent || this.#upload !== undefined) return;
    const { method, head, body, length } = outgoing.request();
    const socket = this.#socket;
    this.#parser.begin(method);
    if (body !== undefined && !(body instanceof Uint8Array)) return this.#flow({ body, head, length });
    this.#sent = true;
    if (body === undefined || body.length === 0) socket.write(head, "latin1");
    // As text a small body goes out in one piece with its head. One character is one byte: nothing of it changes.
    else if (body.length <= withHeadBytes) socket.write(head + asBuffer(body).toString("latin1"), "latin1");
    else {
      this.#readBeforeEnd();
      socket.cork();
      socket.write(head, "latin1");
      socket.write(body);
      socket.uncork();
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  drop(outgoing: Outgoing, cause: Error): void {
    if (this.#outgoing !== outgoing) return;
    if (this.#sent || this.#upload !== undefined) return this.broken(cause);
    this.#outgoing = undefined;
    this.#free();
    outgoing.failed("nothing", cause);
  }

  /** Resolves when the socket is gone. */
  async close(cause: Error): Promise<void> {
    // What was not written yet shall not go to another connection.
    if (this.#outgoing !== undefined) this.drop(this.#outgoing, cause);
    this.broken(cause);
    if (!this.#socket.closed) await new Promise((resolve) => this.#socket.once("close", resolve));
  }

  ready(): void {
    if (!this.#isOver) this.#freeFor(keepMs);
  }

  data(chunk: Buffer): void {
    if (this.#isOver) return;
    if (!this.#sent) return this.broken(new Error("The server sent what nobody had asked for."));
    try {
      const taken = this.#parser.take(chunk);
      if (taken !== "more" && !this.#isOver) this.#complete(taken === "whole");
    } catch (cause) {
      this.broken(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }

  answered(status: number, headers: ReplyHeaders): void {
    this.#outgoing?.answered(status, headers);
  }

  body(chunk: Buffer): void {
    const outgoing = this.#outgoing;
    if (outgoing !== undefined && !outgoing.data(chunk) && !this.#isOver) this.#socket.pause();
    notePassed(chunk.length);
  }

  ended(): void {
    try {
      this.#ended(new ConnectionClosed());
    } catch (cause) {
      this.broken(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }

  broken(cause: Error): void {
    if (this.#isOver) return;
    const outgoing = this.#outgoing;
    const upload = this.#upload;
    this.#end(cause);
    if (outgoing === undefined) return;
    if (!this.#sent && upload === undefined) this.#owner.again(outgoing);
    else outgoing.failed(this.#sent ? "maybe" : "nothing", cause);
  }

  #ended(cause: Error): void {
    if (this.#isOver) return;
    if (this.#sent && this.#parser.endsWithConnection) this.#complete(false);
    else this.broken(cause);
  }

  #readBeforeEnd(): void {
    this.#readFirst = new ReadFirst(this.#socket, {
      refused: () => this.#upload?.stop(),
      read: (cause) => this.#ended(cause),
    });
  }

  #flow(parts: UploadParts): void {
    this.#readBeforeEnd();
    const begun = (): void => {
      this.#sent = true;
    };
    this.#upload = new Upload(this.#socket, parts, { begun, failed: (cause) => this.broken(cause) });
    this.#upload.start();
  }

  #complete(isClean: boolean): void {
    const outgoing = this.#outgoing;
    const { answer } = this.#parser;
    const keptMs = answer?.keepAliveMs === undefined ? keepMs : Math.min(answer.keepAliveMs - marginMs, longestKeepMs);
    const isSent = this.#socket.writableLength === 0 && (this.#upload === undefined || this.#upload.isOver);
    const isRefused = this.#readFirst?.isRefused === true;
    if (isClean && isSent && !isRefused && answer?.persistent === true && keptMs > 0) {
      this.#outgoing = undefined;
      this.#upload = undefined;
      this.#released();
      this.#sent = false;
      this.#parser.stop();
      if (this.#socket.isPaused()) this.#socket.resume();
      this.#freeFor(keptMs);
    } else this.#end(new ConnectionClosed());
    outgoing?.ended();
  }

  #released(): void {
    this.#readFirst?.release();
    this.#readFirst = undefined;
  }

  #freeFor(keptMs: number): void {
    this.freeSinceMs = monotonicMs();
    this.freeUntilMs = this.freeSinceMs + keptMs;
    this.#free();
  }

  /** An idle connection keeps no process alive. */
  #free(): void {
    this.#socket.unref();
    this.#owner.freed(this);
  }

  #end(cause: Error): void {
    this.#isOver = true;
    this.#outgoing = undefined;
    this.#parser.stop();
    this.#upload?.stop();
    this.#upload = undefined;
    this.#released();
    this.#socket.destroy();
    this.#owner.gone(this, cause);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
