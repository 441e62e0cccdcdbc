// What a bridge can be told: one typed object with its defaults. Reads no argv and no file.
import type { LogFormat } from "../observability/index.ts";

export interface BridgeOptions {
  /** The server's MCP endpoint. Its path may be secret: it appears in no log and no error. */
  readonly url: URL;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Where sessions are kept over restarts; undefined keeps them in memory. */
  readonly dataDir: string | undefined;
  /** Flat names and values, sent with every request to the server. Secret. */
  readonly headers: readonly string[];
  /** What clients must present as a bearer token. */
  readonly token: string | undefined;
  readonly front: boolean;
  readonly allowedHosts: readonly string[];
  /** Peers whose X-Forwarded-* headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly principal: "jwt" | "authorization" | `header:${string}`;
  readonly adoptSessions: boolean;
  readonly recovery: "transparent" | "notify" | "strict";
  readonly recoveryWindowMs: number;
  readonly trusted: boolean;
  readonly maxBodyBytes: number;
  /** Largest request body that is kept so that it can be sent again. */
  readonly keepBytes: number;
  /** Most that is kept so of all requests in flight; a body beyond it is forwarded like one that is too large. */
  readonly keepTotalBytes: number;
  /** Longest pause between two pieces of a request body. */
  readonly bodyIdleTimeoutMs: number;
  readonly maxSessions: number;
  readonly idleTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly logFormat: LogFormat;
  /** File descriptor or path. */
  readonly logTo: number | string;
  readonly quiet: boolean;
  readonly name: string | undefined;
}

export const bridgeDefaults = {
  host: "127.0.0.1",
  port: 4747,
  dataDir: undefined,
  headers: [],
  token: undefined,
  front: false,
  allowedHosts: [],
  trustedProxies: [],
  principal: "jwt",
  adoptSessions: false,
  recovery: "transparent",
  recoveryWindowMs: 30_000,
  trusted: false,
  maxBodyBytes: 64 * 1024 * 1024,
  keepBytes: 1024 * 1024,
  keepTotalBytes: 64 * 1024 * 1024,
  bodyIdleTimeoutMs: 15_000,
  maxSessions: 10_000,
  idleTimeoutMs: 7 * 24 * 3_600_000,
  drainTimeoutMs: 30_000,
  logFormat: "json",
  logTo: 2,
  quiet: false,
  name: undefined,
} as const satisfies Omit<BridgeOptions, "url">;
