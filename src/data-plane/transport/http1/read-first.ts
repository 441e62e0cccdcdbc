// A server may refuse a request early and close. Node destroys a socket with the first write that fails, and with it what has arrived; here that is read first.
import { Socket } from "node:net";

export interface ReadFirstEvents {
  /** The server takes no more. */
  refused(): void;
  /** And whatever it had sent was read. */
  read(cause: Error): void;
}

/** Stands between a socket and Node's own end of it, as long as one request is written. */
export class ReadFirst {
  isRefused = false;
  readonly #socket: Socket;
  readonly #events: ReadFirstEvents;

  constructor(socket: Socket, events: ReadFirstEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.destroy = (cause) => {
      if (!isWriteError(cause)) return this.#destroy(cause);
      // Of several writes that wait each one fails.
      if (!this.isRefused) this.#refuse(cause);
      return socket;
    };
  }

  release(): void {
    this.#socket.destroy = (cause) => this.#destroy(cause);
  }

  #destroy(cause?: Error): Socket {
    return Socket.prototype.destroy.call(this.#socket, cause);
  }

  #refuse(cause: Error): void {
    this.isRefused = true;
    this.#events.refused();
    this.#afterReading(() => this.#events.read(cause));
  }

  /** What had arrived is read once a whole turn of the event loop brings nothing more. */
  #afterReading(done: () => void): void {
    const socket = this.#socket;
    const before = socket.bytesRead;
    const look = (): void => {
      if (socket.destroyed) return;
      if (socket.isPaused()) socket.once("resume", () => this.#afterReading(done));
      else if (socket.bytesRead === before) done();
      else this.#afterReading(done);
    };
    // The first may come in the turn that has begun.
    setImmediate(() => setImmediate(look));
  }
}

function isWriteError(cause: Error | undefined): cause is Error {
  return cause !== undefined && "syscall" in cause && cause.syscall === "write";
}
