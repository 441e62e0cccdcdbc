// Which wire leads to a server: the one place that knows them all.
import type { LookupFunction } from "node:net";
import type { HttpWire, ServerAddress } from "../../config/index.ts";
import { findWire } from "./find-wire.ts";
import { openStreamableHttp, type Transport } from "./streamable-http.ts";
import { openVirtualServer } from "./virtual-server.ts";
import type { Tell, WireOpener } from "./wire.ts";

export interface TransportOptions {
  readonly connectTimeoutMs: number;
  /** A redirect to another path of the same origin is followed. */
  readonly followRedirects: boolean;
  /** How long a server that was started or connected to may take to answer initialize. */
  readonly startTimeoutMs?: number;
  /** Largest message that is taken from a server that sends whole messages. */
  readonly maxMessageBytes?: number;
  /** What is silent for twice this long is asked whether it lives, where the wire has means for it. */
  readonly keepAliveMs?: number;
  readonly tell?: Tell;
  /** Resolves names where the connector's addresses are restricted. */
  readonly lookup?: LookupFunction | undefined;
}

const defaults = {
  startTimeoutMs: 60_000,
  maxMessageBytes: 64 * 1024 * 1024,
  keepAliveMs: 15_000,
  tell: () => {},
  lookup: undefined,
};

export function openTransport(server: ServerAddress, options: TransportOptions): Transport {
  const parts = { ...defaults, ...options };
  switch (server.kind) {
    case "http":
      return openHttp(server.url, server.wire, parts);
    case "stdio":
      return openVirtualServer(
        loadedLater("stdio", "stdio:", async () => {
          const stdio = (await import("./stdio.ts")).openStdio(server, parts);
          return server.share ? (await import("./share-wire.ts")).shareWire(stdio, parts.tell) : stdio;
        }),
        parts,
      );
    case "websocket": {
      const { url } = server;
      const load = async () => (await import("./websocket.ts")).openWebSocket({ url, ...parts });
      return openVirtualServer(loadedLater("WebSocket", url.origin, load), parts);
    }
  }
}

function openHttp(url: URL, wire: HttpWire, parts: Required<TransportOptions>): Transport {
  const load = async () => (await import("./http-sse.ts")).openHttpSse({ url, ...parts });
  const sse = openVirtualServer(loadedLater("HTTP+SSE", url.origin, load), { ...parts, isLegacy: true });
  if (wire === "http-sse") return sse;
  const http = openStreamableHttp({ url, ...parts });
  return wire === "streamable-http" ? http : findWire({ http, sse, tell: parts.tell });
}

/** Whoever does not use a wire does not wait for its code at the start. */
function loadedLater(name: string, origin: string, load: () => Promise<WireOpener>): WireOpener {
  let loading: Promise<WireOpener> | undefined;
  const opener = (): Promise<WireOpener> => (loading ??= load());
  return {
    name,
    origin,
    open: async (...given) => (await opener()).open(...given),
    openAlone: async (...given) => {
      const loaded = await opener();
      return (loaded.openAlone ?? loaded.open)(...given);
    },
    openAside: async (...given) => {
      const loaded = await opener();
      return (loaded.openAside ?? loaded.open)(...given);
    },
    probe: async (signal) => (await opener()).probe(signal),
    renew: () => void loading?.then((loaded) => loaded.renew?.()),
    close: async () => (await loading)?.close(),
  };
}
