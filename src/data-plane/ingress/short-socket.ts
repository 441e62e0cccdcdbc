// One client's TCP connection as long as everything on it comes the short way. The first request that does not goes to Node's HTTP server, and the connection with it.
import type { Socket } from "node:net";
import { ShortConnection } from "./short-connection.ts";
import { newShortHead, readShortRequest, type ShortRequest } from "./short-request.ts";

/** What a connection is of. */
export interface ShortListener {
  /** Takes an exchange on and serves it, or leaves it to Node's server by answering undefined. */
  begin(owner: ShortSocket, request: ShortRequest): ShortConnection | undefined;
  /** Called once for each exchange that was begun. */
  finished(connection: ShortConnection): void;
  /** The connection is Node's from now on. Nothing of it has been read. */
  handOver(socket: Socket): void;
  closed(owner: ShortSocket): void;
}

export class ShortSocket {
  readonly socket: Socket;
  readonly #listener: ShortListener;
  readonly #lastHead = newShortHead();
  #exchange: ShortConnection | undefined;
  /** Came while an answer was under way. */
  #rest: Buffer | undefined;
  /** Looks of `isIdle` since the last exchange. */
  #idleLooks = 0;

  constructor(socket: Socket, listener: ShortListener) {
    this.socket = socket;
    this.#listener = listener;
    socket.on("data", this.#take);
    socket.on("end", this.#end);
    socket.on("drain", this.#drained);
    socket.on("error", ignore);
    socket.on("close", this.#closed);
  }

  /** True from the `looks`th time on that it is asked while nothing happens in between. */
  isIdle(looks: number): boolean {
    if (this.#exchange !== undefined) return false;
    this.#idleLooks += 1;
    return this.#idleLooks > looks;
  }

  /** Everything of the answer has been written; over it is when the system has taken it. */
  ended(): void {
    if (this.socket.writableLength === 0) process.nextTick(finish, this);
    else this.socket.write("", () => finish(this));
  }

  readonly #take = (chunk: Buffer): void => {
    if (this.#exchange !== undefined) {
      // A client may ask on before it is answered (RFC 9112 section 9.3.2), and then waits.
      this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
      this.socket.pause();
      return;
    }
    this.#idleLooks = 0;
    const request = readShortRequest(chunk, this.#lastHead);
    if (request === undefined) return this.#handOver(chunk);
    request.socket = this.socket;
    if (request.length < chunk.length) this.#rest = chunk.subarray(request.length);
    const exchange = this.#listener.begin(this, request);
    if (exchange === undefined) {
      this.#rest = undefined;
      this.#handOver(chunk);
    }
  };

  /** Before it is served, so that an answer that comes at once finds it. */
  carries(exchange: ShortConnection): void {
    this.#exchange = exchange;
  }

  /** The answer has left. */
  finish(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.isOver) return;
    this.#exchange = undefined;
    exchange.over();
    this.#listener.finished(exchange);
    const rest = this.#rest;
    if (rest === undefined || this.socket.destroyed) return;
    this.#rest = undefined;
    this.socket.resume();
    this.#take(rest);
  }

  #handOver(chunk: Buffer): void {
    const { socket } = this;
    socket.off("data", this.#take).off("end", this.#end).off("drain", this.#drained);
    socket.off("error", ignore).off("close", this.#closed);
    this.#listener.closed(this);
    socket.pause();
    socket.unshift(chunk);
    this.#listener.handOver(socket);
    socket.resume();
  }

  /** As Node's server has it: who ends its half of the connection wants no answer any more. */
  readonly #end = (): void => {
    this.socket.end();
  };

  readonly #drained = (): void => {
    this.#exchange?.drained();
  };

  readonly #closed = (): void => {
    this.#listener.closed(this);
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.isOver) return;
    this.#exchange = undefined;
    exchange.over();
    this.#listener.finished(exchange);
  };
}

function finish(owner: ShortSocket): void {
  owner.finish();
}

/** Followed by `close`, which says all that is of interest. */
function ignore(): void {}
