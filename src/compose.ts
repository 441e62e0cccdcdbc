// Puts the parts of one proxy together: server, sessions, store, log and listener. What a hub adds stands above it, in hub/.
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable, Writable } from "node:stream";
import { addressWire, type BridgeOptions, ConfigError, type ListenerOptions } from "./config/index.ts";
import {
  corsRule,
  type Endpoint,
  endpointRoutes,
  type Forwarding,
  type HttpServer,
  isLoopback,
  KeptBytes,
  listen,
  openEndpoint,
  principalHeader,
  refuse,
  type Serve,
  type SharedParts,
  StreamClock,
  StreamJournal,
  trustedProxies,
} from "./data-plane/index.ts";
import type { ErrorCode } from "./errors/index.ts";
import { createLog, createMetrics, type Log, type Metrics, openTracer } from "./observability/index.ts";
import { monotonicMs } from "./protocol/index.ts";
import { openMemoryStore, openSqliteStore, type SessionStore } from "./store/index.ts";

export interface Bridge {
  /** What clients connect to. */
  readonly url: string;
  readonly port: number;
  readonly connector: string;
  /** Where clients of the other transports connect; in front of a server there are none. */
  readonly others: { readonly sse: string; readonly webSocket: string } | undefined;
  /** The server's transport, as soon as it is known. */
  readonly wire: Promise<string>;
  /** A server that Holdfast starts itself is started anew, and takes the sessions over without a call lost; others stay as they are. */
  upgrade(): Promise<void>;
  /** Finishes what is in flight (bounded by `drainTimeoutMs`), ends streams cleanly, keeps all sessions for the next start. */
  close(): Promise<void>;
}

/** How long answers may take to leave after the drain timeout. */
const lastWordsMs = 500;
const answerStepMs = 20;

/**
 * Starts the proxy in front of one server.
 * @throws ConfigError for options that do not go together; Error of the store or of listening (`code` EADDRINUSE, EACCES)
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  assertSafe(options);
  await using opened = new AsyncDisposableStack();
  const found = Promise.withResolvers<string>();
  const known = addressWire(options.server);
  if (known !== undefined) found.resolve(known);
  const shared = { ...(await openShared(options, opened)), onWireFound: found.resolve };
  const { log, metrics } = shared;
  const endpoint = openEndpoint(options, shared);
  opened.defer(() => endpoint.close());
  const path = options.front && options.server.kind === "http" ? options.server.url.pathname : options.paths.mcp;
  const { route, shortRoute, upgrade } = endpointRoutes(endpoint, { ...options.paths, mcp: path });
  const server = await listen({
    host: options.host,
    port: options.port,
    connector: endpoint.name,
    admission: { ...whoMayTalk(options), frontPath: options.front ? path : undefined },
    log,
    metrics,
    nowMs: endpoint.connector.nowMs,
    route: (asked) => route(asked) ?? ownPath(asked, metrics, options.paths.health),
    shortRoute,
    upgrade,
    cors: readCors(options.cors),
  });
  const parts = opened.move();
  const closed = once(async () => {
    endpoint.endStreams();
    await drain({ server, endpoints: [endpoint], clock: shared.clock }, options.drainTimeoutMs);
    await parts.disposeAsync();
  });
  const origin = `${printable(options.host)}:${server.port}`;
  const { sse, webSocket } = options.paths;
  return {
    url: `http://${origin}${path}`,
    others: options.front ? undefined : { sse: `http://${origin}${sse}`, webSocket: `ws://${origin}${webSocket}` },
    wire: found.promise,
    port: server.port,
    connector: endpoint.name,
    upgrade: async () => void (await endpoint.upgrade()),
    close: closed,
  };
}

/** What one process has one of, whatever it serves; closed with `opened`. */
export async function openShared(
  options: ListenerOptions & Pick<BridgeOptions, "headers" | "principal">,
  opened: AsyncDisposableStack,
  open: () => Promise<SessionStore> = () => openStore(options.dataDir),
): Promise<SharedParts> {
  const log = openLog(options);
  opened.defer(() => log.close());
  const store = opened.use(await open());
  const clock = new StreamClock(options.streams);
  opened.defer(() => clock.stop());
  const journal = options.streams.durable ? new StreamJournal(store, log, options.streams.keepMs) : undefined;
  opened.defer(() => journal?.stop());
  return {
    log,
    metrics: createMetrics(),
    tracer: await openTracer(process.env),
    store,
    secret: await store.secret(),
    limits: bodyLimits(options),
    clock,
    journal,
    forwarding: readForwarding(options),
    reconnectGraceMs: options.reconnectGraceMs,
  };
}

function bodyLimits({ maxBodyBytes, keepBytes, keepTotalBytes, bodyIdleTimeoutMs: bodyIdleMs }: ListenerOptions) {
  return { maxBodyBytes, keepBytes, keptOfAll: new KeptBytes(keepTotalBytes), bodyIdleMs };
}

export interface Draining {
  readonly server: HttpServer;
  readonly endpoints: readonly Endpoint[];
  readonly clock: StreamClock;
}

/** Waits for the calls that are under way, also for those whose clients are away and may come back for the answer after the next start. */
export async function drain({ server, endpoints, clock }: Draining, timeoutMs: number): Promise<void> {
  const untilMs = monotonicMs() + timeoutMs;
  const isDrained = (await server.drain(timeoutMs)) === "drained" && (await untilAnswered(clock, untilMs));
  if (!isDrained) {
    await Promise.all(endpoints.map((endpoint) => endpoint.giveUp()));
    await server.drain(lastWordsMs);
    await untilAnswered(clock, monotonicMs() + lastWordsMs);
  }
  await server.close();
}

/** False if the time was up first. */
async function untilAnswered(clock: StreamClock, untilMs: number): Promise<boolean> {
  while (clock.isAnswering) {
    if (monotonicMs() >= untilMs) return false;
    await new Promise((resolve) => setTimeout(resolve, answerStepMs));
  }
  return true;
}

/** Paths of Holdfast's own that a bridge serves beside the endpoint. */
export function ownPath(path: string, metrics: Metrics, health: readonly string[]): Serve | undefined {
  const text = (type: string, body: () => string): Serve => {
    return (request: IncomingMessage, response: ServerResponse, notes) => {
      if (request.method !== "GET" && request.method !== "HEAD") refuse(request, response, notes, "METHOD_NOT_ALLOWED");
      else response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(body());
      return Promise.resolve();
    };
  };
  if (path === "/healthz") return text("application/json", () => '{"status":"ok"}\n');
  if (health.includes(path)) return text("text/plain", () => "ok");
  if (path === "/metrics") return text("text/plain; version=0.0.4", () => metrics.render());
  return undefined;
}

/**
 * Makes this process the stdio server of the client that started it. Its sessions are kept in memory unless a data directory is named.
 * @throws as `startBridge`
 */
export async function startStdio(options: BridgeOptions, input: Readable, output: Writable): Promise<StdioBridge> {
  await using opened = new AsyncDisposableStack();
  const shared = await openShared(options, opened);
  const endpoint = openEndpoint(options, shared);
  opened.defer(() => endpoint.close());
  const client = endpoint.serveStdio(input, output);
  opened.defer(() => endpoint.endShared());
  opened.defer(() => client.close());
  const parts = opened.move();
  const ended = client.ended.then(() => parts.disposeAsync());
  return {
    ended,
    failure: () => client.failure,
    upgrade: async () => void (await endpoint.upgrade()),
    async close() {
      client.finish();
      const late = AbortSignal.timeout(options.drainTimeoutMs);
      late.addEventListener("abort", () => void endpoint.giveUp().then(() => client.close()));
      await ended;
    },
  };
}

export interface StdioBridge {
  /** Settles when the client has left and its session has ended on both sides. */
  readonly ended: Promise<void>;
  /** Why the client never got a session, if it asked for one. */
  readonly failure: () => ErrorCode | undefined;
  /** As of a bridge. */
  upgrade(): Promise<void>;
  /** Answers what came, at most for `drainTimeoutMs`, and ends. */
  close(): Promise<void>;
}

function readCors(entries: readonly string[] | undefined): ReturnType<typeof corsRule> | undefined {
  try {
    return entries === undefined ? undefined : corsRule(entries);
  } catch {
    throw new ConfigError("--cors: what stands between slashes must be a regular expression.");
  }
}

function openLog({ logFormat, logTo, quiet }: ListenerOptions): Log {
  try {
    return createLog({ format: logFormat, destination: logTo, quiet });
  } catch (error) {
    const { code = "unknown reason" } = error as NodeJS.ErrnoException;
    throw new ConfigError(`The log file cannot be opened (${code}). Give another path with --log-file.`);
  }
}

async function openStore(dataDir: string | undefined): Promise<SessionStore> {
  return dataDir === undefined ? openMemoryStore() : openSqliteStore(dataDir);
}

/** Whoever can reach the proxy can use the server's credential, so beyond this machine a token is asked for. In front of a server, that server asks. */
function assertSafe(options: BridgeOptions): void {
  if (options.front && options.token !== undefined) {
    throw new ConfigError(
      "--token (or HOLDFAST_TOKEN) and --front do not go together: in front of a server, Authorization is for that server.",
    );
  }
  if (options.front && options.server.kind !== "http") {
    throw new ConfigError("--front stands in front of a server that is reached over HTTP; give its URL.");
  }
  if (options.front && options.principal.startsWith("header:") && options.trustedProxies.length === 0) {
    throw new ConfigError(
      "--principal header:NAME needs --trust-proxy: anybody could send that header, so it counts only from a proxy that is named.",
    );
  }
  if (isLoopback(options.host) || options.token !== undefined || options.front) return;
  throw new ConfigError(
    `Listening on ${options.host} would let anyone on the network use the server. Give --token (or HOLDFAST_TOKEN), for example ${randomBytes(18).toString("base64url")}, or listen on 127.0.0.1.`,
  );
}

function readForwarding(options: ListenerOptions & Pick<BridgeOptions, "headers" | "principal">): Forwarding {
  try {
    const proxies = trustedProxies(options.trustedProxies);
    return { proxies, own: options.headers, principalHeader: principalHeader(options.principal) };
  } catch (error) {
    throw new ConfigError(`--trust-proxy: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function whoMayTalk({ host, allowedHosts, token }: ListenerOptions) {
  const listening = isUnspecified(host) ? [] : [printable(host)];
  return { allowedHosts: new Set([...allowedHosts, ...listening].map((name) => name.toLowerCase())), token };
}

function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** As it stands in a URL or a Host header: IPv6 in brackets, and an address to connect to instead of "all of them". */
export function printable(host: string): string {
  if (isUnspecified(host)) return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

export function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
