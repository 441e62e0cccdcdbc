// Puts the parts together. The only file that knows every folder.
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type BridgeOptions, ConfigError } from "./config/index.ts";
import {
  frontHeaders,
  type HttpServer,
  isLoopback,
  listen,
  openConnector,
  openStreamableHttp,
  passThrough,
  refuse,
  type Serve,
  SessionManager,
  Streams,
  serveMcp,
  trustedProxies,
} from "./data-plane/index.ts";
import { createLog, createMetrics, keyedHash, type Log, type Metrics } from "./observability/index.ts";
import type { SessionStore } from "./store/index.ts";

export interface Bridge {
  /** What clients connect to. */
  readonly url: string;
  readonly port: number;
  readonly connector: string;
  /** Finishes what is in flight (bounded by `drainTimeoutMs`), ends streams cleanly, keeps all sessions for the next start. */
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;
const bodyIdleMs = 15_000;

/**
 * Starts the proxy in front of one server.
 * @throws ConfigError for options that do not go together; Error of the store or of listening (`code` EADDRINUSE, EACCES)
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  assertSafe(options);
  const log = createLog({ format: options.logFormat, destination: options.logTo, quiet: options.quiet });
  const metrics = createMetrics();
  const store = await openStore(options.dataDir);
  const transport = openStreamableHttp({ url: options.url, connectTimeoutMs, followRedirects: !options.front });
  const secret = await store.secret();
  const name = options.name ?? options.url.host;
  const connector = openConnector({
    settings: { ...options, name, storeKey: keyedHash(secret, "connector", options.url.href) },
    transport,
    store,
    log,
    metrics,
    secret,
  });
  const sessions = new SessionManager(connector, options);
  const streams = new Streams();
  const proxies = readProxies(options);
  const endpoint = serveMcp.bind(null, {
    sessions,
    streams,
    principal: options.front ? options.principal : "authorization",
    limits: { maxBodyBytes: options.maxBodyBytes, keepBytes: options.keepBytes, bodyIdleMs },
    forward: options.front
      ? (request: IncomingMessage) => frontHeaders(request, options.headers, proxies)
      : () => options.headers,
  });
  const path = options.front ? options.url.pathname : "/mcp";
  const others: Serve | undefined = options.front ? passThrough.bind(null, transport, proxies, name) : undefined;
  const server = await listen({
    host: options.host,
    port: options.port,
    connector: name,
    admission: { allowedHosts: allowedHosts(options), token: options.token },
    log,
    metrics,
    nowMs: connector.nowMs,
    route: (asked) => (asked === path ? endpoint : (others ?? ownPath(asked, metrics))),
  });
  const closed = once(() => shutDown(server, streams, sessions, store, log, transport, options.drainTimeoutMs));
  return {
    url: `http://${printable(options.host)}:${server.port}${path}`,
    port: server.port,
    connector: name,
    close: closed,
  };
}

async function shutDown(
  server: HttpServer,
  streams: Streams,
  sessions: SessionManager,
  store: AsyncDisposable,
  log: Log,
  transport: AsyncDisposable,
  drainTimeoutMs: number,
): Promise<void> {
  streams.endAll();
  await server.drain(drainTimeoutMs);
  await sessions.stop();
  await transport[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await log.close();
}

/** Paths of Holdfast's own that a bridge serves beside the endpoint. */
function ownPath(path: string, metrics: Metrics): Serve | undefined {
  const text = (type: string, body: () => string): Serve => {
    return (request: IncomingMessage, response: ServerResponse, notes) => {
      if (request.method !== "GET" && request.method !== "HEAD") refuse(request, response, notes, "METHOD_NOT_ALLOWED");
      else response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(body());
      return Promise.resolve();
    };
  };
  if (path === "/healthz") return text("application/json", () => '{"status":"ok"}\n');
  if (path === "/metrics") return text("text/plain; version=0.0.4", () => metrics.render());
  return undefined;
}

async function openStore(dataDir: string | undefined): Promise<SessionStore> {
  const { openMemoryStore, openSqliteStore } = await import("./store/index.ts");
  return dataDir === undefined ? openMemoryStore() : openSqliteStore(dataDir);
}

/** Whoever can reach the proxy can use the server's credential, so beyond this machine a token is asked for. In front of a server, that server asks. */
function assertSafe(options: BridgeOptions): void {
  if (isLoopback(options.host) || options.token !== undefined || options.front) return;
  throw new ConfigError(
    `Listening on ${options.host} would let anyone on the network use the server. Give --token (or HOLDFAST_TOKEN), for example ${randomBytes(18).toString("base64url")}, or listen on 127.0.0.1.`,
  );
}

function readProxies(options: BridgeOptions): ReturnType<typeof trustedProxies> {
  try {
    return trustedProxies(options.trustedProxies);
  } catch (error) {
    throw new ConfigError(`--trust-proxy: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function allowedHosts(options: BridgeOptions): ReadonlySet<string> {
  const listening = isUnspecified(options.host) ? [] : [printable(options.host)];
  return new Set([...options.allowedHosts, ...listening].map((host) => host.toLowerCase()));
}

function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** As it stands in a URL or a Host header: IPv6 in brackets, and an address to connect to instead of "all of them". */
function printable(host: string): string {
  if (isUnspecified(host)) return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
