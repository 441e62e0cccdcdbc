// What a bridge can be told: one connector, and the listener in front of it, as one typed object with its defaults. Reads no argv and no file.
import type { LogFormat } from "../observability/index.ts";
import { type ConnectorOptions, connectorDefaults } from "./connector-options.ts";
import { type StreamOptions, streamDefaults } from "./stream-options.ts";

/** What the process as a whole can be told, whatever stands behind it. */
export interface ListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Where sessions are kept over restarts; undefined keeps them in memory. */
  readonly dataDir: string | undefined;
  /** What clients must present as a bearer token. */
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
  /** Peers whose X-Forwarded-* headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly maxBodyBytes: number;
  /** Largest request body that is kept so that it can be sent again. */
  readonly keepBytes: number;
  /** Most that is kept so of all requests in flight; a body beyond it is forwarded like one that is too large. */
  readonly keepTotalBytes: number;
  /** Longest pause between two pieces of a request body. */
  readonly bodyIdleTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** How long the session of an HTTP+SSE client whose stream broke is kept for it. */
  readonly reconnectGraceMs: number;
  readonly streams: StreamOptions;
  readonly logFormat: LogFormat;
  /** File descriptor or path. */
  readonly logTo: number | string;
  readonly quiet: boolean;
}

/** Where a bridge's transports are found; each path begins with a slash. */
export interface BridgePaths {
  readonly mcp: string;
  readonly sse: string;
  readonly message: string;
  readonly webSocket: string;
  /** Before the message path in the endpoint event of HTTP+SSE: for clients that reach Holdfast under another origin or below a path. */
  readonly baseUrl: string;
  /** Paths besides /healthz that answer ok. */
  readonly health: readonly string[];
}

export interface BridgeOptions extends ConnectorOptions, ListenerOptions {
  readonly paths: BridgePaths;
  /** Origins whose pages may call, or regular expressions for them between slashes; an empty list allows all, undefined none. */
  readonly cors: readonly string[] | undefined;
}

export const listenerDefaults = {
  host: "127.0.0.1",
  port: 4747,
  dataDir: undefined,
  token: undefined,
  allowedHosts: [],
  trustedProxies: [],
  maxBodyBytes: 64 * 1024 * 1024,
  keepBytes: 1024 * 1024,
  keepTotalBytes: 64 * 1024 * 1024,
  bodyIdleTimeoutMs: 15_000,
  drainTimeoutMs: 30_000,
  reconnectGraceMs: 60_000,
  streams: streamDefaults,
  logFormat: "json",
  logTo: 2,
  quiet: false,
} as const satisfies ListenerOptions;

export const bridgePaths = {
  mcp: "/mcp",
  sse: "/sse",
  message: "/message",
  webSocket: "/ws",
  baseUrl: "",
  health: [],
} as const satisfies BridgePaths;

export const bridgeDefaults = {
  ...connectorDefaults,
  ...listenerDefaults,
  paths: bridgePaths,
  cors: undefined,
} as const satisfies Omit<BridgeOptions, "server">;
