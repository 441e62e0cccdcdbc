// A request that asks a server to leave HTTP on its connection, for front mode, which hands it on. Carries nothing of what follows itself.
import type { IncomingMessage, RequestOptions } from "node:http";
import type { LookupFunction } from "node:net";
import type { Duplex } from "node:stream";

export interface UpgradeRequest {
  /** Of which only the origin counts. */
  readonly url: URL;
  readonly path: string;
  /** Flat names and values, the offer among them. */
  readonly headers: readonly string[];
  /** How long the connection, and then the answer, may take. */
  readonly timeoutMs: number;
  /** Resolves names where the connector's addresses are restricted. */
  readonly lookup?: LookupFunction | undefined;
  /** Ends it while there is no answer. */
  readonly signal: AbortSignal;
}

export type UpgradeReply =
  /** `head`: what the server has sent behind its 101. */
  | { readonly kind: "switched"; readonly response: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }
  /** The server stays with HTTP, and says why. */
  | { readonly kind: "answered"; readonly response: IncomingMessage }
  | { readonly kind: "lost"; readonly sent: "nothing" | "maybe"; readonly cause: Error };

/** On a connection of its own. Never rejects. */
export function askUpgrade(asked: UpgradeRequest): Promise<UpgradeReply> {
  const { url, path, timeoutMs, lookup, signal } = asked;
  const { request } = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http");
  const options: RequestOptions = {
    host: url.hostname.replaceAll(/[[\]]/g, ""),
    port: url.port,
    path,
    headers: asked.headers,
    agent: false,
    signal,
    ...(lookup === undefined ? {} : { lookup }),
  };
  return new Promise((resolve) => {
    let sent: "nothing" | "maybe" = "nothing";
    const asking = request(options);
    const late = setTimeout(
      () => asking.destroy(Object.assign(new Error("no answer to the upgrade"), { code: "ETIMEDOUT" })),
      timeoutMs,
    );
    asking.on("socket", (socket) => {
      socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => {
        sent = "maybe";
      });
    });
    asking.on("error", (cause) => {
      clearTimeout(late);
      resolve({ kind: "lost", sent, cause });
    });
    asking.on("upgrade", (response, socket, head) => {
      clearTimeout(late);
      resolve({ kind: "switched", response, socket, head });
    });
    asking.on("response", (response) => {
      clearTimeout(late);
      resolve({ kind: "answered", response });
    });
    asking.end();
  });
}
