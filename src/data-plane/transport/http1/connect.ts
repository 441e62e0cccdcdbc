// Opens the sockets to one origin: plain or TLS, with the limits and the address rules of its connector. Knows nothing of HTTP.
import { connect as connectPlain, isIP, type LookupFunction, type NetConnectOpts, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { readInto } from "./read-into.ts";

export interface OriginParts {
  /** Of which only the origin counts. */
  readonly url: URL;
  /** For the name, the connection and the TLS handshake together. */
  readonly connectTimeoutMs: number;
  /** Resolves names where the connector's addresses are restricted. */
  readonly lookup?: LookupFunction | undefined;
}

export interface SocketEvents {
  /** It can be written to. */
  ready(): void;
  data(chunk: Buffer): void;
  /** The server ends its side. */
  ended(): void;
  /** It is of no more use; comes once or more often. */
  broken(cause: Error): void;
}

type ConnectOptions = NetConnectOpts & { readonly host: string };

/** Silence after which the system asks whether the other side lives: a stream may be silent for hours. */
const keepAliveDelayMs = 60_000;

export class Origin {
  readonly #options: ConnectOptions;
  readonly #isSecure: boolean;
  readonly #timeoutMs: number;
  /** The last TLS session, with which the next handshake is shorter. */
  #session: Buffer | undefined;

  constructor({ url, connectTimeoutMs, lookup }: OriginParts) {
    this.#isSecure = url.protocol === "https:";
    this.#timeoutMs = connectTimeoutMs;
    this.#options = {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? (this.#isSecure ? 443 : 80) : Number(url.port),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelayMs,
      ...(lookup === undefined ? {} : { lookup }),
    };
  }

  open(events: SocketEvents): Socket {
    const options = { ...this.#options, onread: readInto((chunk) => events.data(chunk)) };
    const socket = this.#isSecure ? this.#connectSecure(options) : connectPlain(options);
    const timer = setTimeout(() => events.broken(new ConnectTimeout(this.#timeoutMs)), this.#timeoutMs);
    socket.once(this.#isSecure ? "secureConnect" : "connect", () => {
      clearTimeout(timer);
      events.ready();
    });
    socket.on("end", () => events.ended());
    socket.on("error", (cause) => events.broken(cause));
    socket.on("close", () => {
      clearTimeout(timer);
      events.broken(new ConnectionClosed());
    });
    return socket;
  }

  #connectSecure(options: ConnectOptions): TLSSocket {
    const { host } = options;
    // Imported by name, it would make every start read the certificates of all authorities.
    const socket = process.getBuiltinModule("node:tls").connect({
      ...options,
      ALPNProtocols: ["http/1.1"],
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    });
    socket.on("session", (session) => {
      this.#session = session;
    });
    return socket;
  }
}

class ConnectTimeout extends Error {
  override readonly name = "ConnectTimeout";
  readonly code = "ETIMEDOUT";

  constructor(timeoutMs: number) {
    super(`There was no connection within ${timeoutMs} ms.`);
  }
}

/** By the other side, in good order or not. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
  readonly code = "CONNECTION_CLOSED";

  constructor() {
    super("The server closed the connection.");
  }
}
