// What one connector can be told: which server, how it is reached, how its sessions are kept. Reads no argv and no file.

/** Where a server is and what wire leads to it. Every part of it may be secret: it appears in no log and no error. */
export type ServerAddress = {
  readonly kind: "http";
  /** The server's MCP endpoint. */
  readonly url: URL;
};

export interface ConnectorOptions {
  readonly server: ServerAddress;
  /** Shown in logs, errors and metrics; undefined takes what the address shows of itself (its host). */
  readonly name: string | undefined;
  /** Flat names and values, sent with every request to the server. Secret. */
  readonly headers: readonly string[];
  readonly front: boolean;
  readonly principal: "jwt" | "authorization" | `header:${string}`;
  readonly adoptSessions: boolean;
  readonly recovery: "transparent" | "notify" | "strict";
  readonly recoveryWindowMs: number;
  readonly trusted: boolean;
  readonly maxSessions: number;
  readonly idleTimeoutMs: number;
}

export const connectorDefaults = {
  name: undefined,
  headers: [],
  front: false,
  principal: "jwt",
  adoptSessions: false,
  recovery: "transparent",
  recoveryWindowMs: 30_000,
  trusted: false,
  maxSessions: 10_000,
  idleTimeoutMs: 7 * 24 * 3_600_000,
} as const satisfies Omit<ConnectorOptions, "server">;

/** What tells one server from another: keys its stored sessions. Secret. */
export function addressKey(server: ServerAddress): string {
  return server.url.href;
}

/** A name for a server that was given none; never more of its address than a host. */
export function addressName(server: ServerAddress): string {
  return server.url.host;
}
