// Which wire leads to a server: the one place that knows them all.
import { ConfigError, type ServerAddress } from "../../config/index.ts";
import { openStreamableHttp, type Transport } from "./streamable-http.ts";

export interface TransportOptions {
  readonly connectTimeoutMs: number;
  /** A redirect to another path of the same origin is followed. */
  readonly followRedirects: boolean;
}

export function openTransport(server: ServerAddress, options: TransportOptions): Transport {
  switch (server.kind) {
    case "http":
      return openStreamableHttp({ url: server.url, ...options });
    case "stdio":
    case "websocket":
      throw new ConfigError("This version reaches servers over HTTP only.");
  }
}
