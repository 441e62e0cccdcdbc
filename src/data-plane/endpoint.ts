// One connector, ready to be served: opens its wire, its sessions and its streams together, and closes them together. Listens on nothing itself.
import type { LookupFunction } from "node:net";
import type { Readable, Writable } from "node:stream";
import { addressKey, addressName, addressWords, type ConnectorOptions } from "../config/index.ts";
import type { Credential } from "../credentials/index.ts";
import { type BodyTap, keyedHash, type Log, type Metrics, type Tracer, type Watch } from "../observability/index.ts";
import type { SessionStore, StoredSession } from "../store/index.ts";
import { openLegacyFace, openModern, ServerErasMemory } from "./bridge/index.ts";
import {
  type BodyLimits,
  credentialOf,
  type Forwarding,
  frontHeaders,
  type HttpRequest,
  isServedShort,
  passThrough,
  type Serve,
  type ServeShort,
  type ServeUpgrade,
  type ShortRequest,
  SseEndpoint,
  StdioClient,
  serveMcp,
  serveMcpShort,
  UpgradePassage,
  WebSocketEndpoint,
} from "./ingress/index.ts";
import { type StreamClock, type StreamJournal, Streams } from "./relay/index.ts";
import {
  type Connector,
  listening,
  type MoveCounts,
  openConnector,
  ServerCors,
  SessionManager,
  SignedTransport,
  type UpstreamSession,
} from "./session/index.ts";
import { openTransport } from "./transport/index.ts";

/** What all endpoints of a process share. */
export interface SharedParts {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracer: Tracer | undefined;
  readonly store: SessionStore;
  /** Of the data directory; keys the hashes of ids, credentials and addresses. */
  readonly secret: Uint8Array;
  readonly limits: BodyLimits;
  /** Of all streams that clients may come back for. */
  readonly clock: StreamClock;
  /** Where they are written down, if they are to outlive the process. */
  readonly journal?: StreamJournal | undefined;
  readonly forwarding: Forwarding;
  /** How long the session of an HTTP+SSE client whose stream broke is kept for it. */
  readonly reconnectGraceMs: number;
  /** Told which transport a server turned out to speak. */
  readonly onWireFound?: (wire: string) => void;
}

/** What a hub gives each of its connectors. */
export interface HubParts {
  /** Under which its sessions are stored. */
  readonly storeKey: string;
  readonly watch: Watch;
  /** Sees the bodies of clients whose wire carries whole messages, where somebody asked for that. */
  readonly bodies: BodyTap;
  /** What tells one client from another. */
  readonly credential: (request: HttpRequest) => string | undefined;
  /** What the log calls the owner of a session. */
  readonly userOf: (principal: string) => string;
  /** Resolves names where its addresses are restricted. */
  readonly lookup: LookupFunction | undefined;
  /** What a sign-in at the server has brought, or may bring; undefined where nobody can sign in. */
  readonly upstreamCredential: Credential | undefined;
}

export interface Endpoint {
  readonly name: string;
  readonly sessions: SessionManager;
  readonly connector: Connector;
  /** Streamable HTTP. */
  readonly serve: Serve;
  /** The same the short way; undefined for a request that is not for it. */
  serveShort(request: ShortRequest): ServeShort | undefined;
  /** HTTP+SSE: the path of the event stream, whose clients post their messages to `messageUrl`. */
  openSse(messageUrl: string): Serve;
  /** HTTP+SSE: the path of those messages. */
  readonly postSse: Serve;
  readonly webSocket: ServeUpgrade;
  /** The process as a stdio server for one client. */
  serveStdio(input: Readable, output: Writable): StdioClient;
  /** Front mode: whatever is no exchange of an MCP session. */
  readonly passThrough: Serve | undefined;
  /** Front mode: WebSocket connections, whatever their path. */
  readonly passUpgrade: ServeUpgrade | undefined;
  /** How the server is reached: "stdio", "HTTP+SSE"; undefined while that is not found. */
  readonly wire: string | undefined;
  /** Starts the server's program anew (as after an upgrade of it), moves the sessions there, and lets the old process finish its calls. Undefined: there is no program. */
  upgrade(): Promise<MoveCounts | undefined>;
  /** Ends every client's stream cleanly, so that it comes back to whoever serves next. */
  endStreams(): void;
  /** What still waits for the server gets its answer now: what was tried, or that the outcome is unknown. */
  giveUp(): Promise<void>;
  /**
   * Ends all sessions on both sides, for good, and closes. `stored`: their rows that were in the store, gone from it already. What is in flight at
   * the server gets its error now.
   */
  end(stored: readonly StoredSession[]): Promise<void>;
  /** Ends the sessions that modern clients share, where nobody will come for them any more. */
  endShared(): Promise<void>;
  /** Keeps all sessions for the next start. */
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;

export function openEndpoint(options: ConnectorOptions, shared: SharedParts, hub?: HubParts): Endpoint {
  const { forwarding, limits, reconnectGraceMs, clock } = shared;
  const { wire, connector, sessions, eras } = openSessions(options, shared, hub);
  const { keepAliveMs } = clock.limits;
  const streams = new Streams(clock, shared.journal);
  const modern = openModern({ connector, wire, eras, maxSessions: options.maxSessions, clock });
  const others = options.front ? passThrough.bind(null, connector, forwarding, limits.bodyIdleMs) : undefined;
  const credential = hub?.credential ?? whoAsks(options, forwarding);
  const { headers } = options;
  const { bodies, userOf } = hub ?? {};
  const messages = { sessions, streams, modern, headers, limits, credential, keepAliveMs, bodies, userOf };
  const sse = new SseEndpoint({ ...messages, reconnectGraceMs, maxStreams: options.maxSessions });
  const webSockets = new WebSocketEndpoint(messages);
  const forward = options.front
    ? (request: HttpRequest) => frontHeaders(request, forwarding)
    : (): readonly string[] => options.headers;
  const mcp = { sessions, streams, credential, limits, forward, modern, passThrough: others };
  const serveShort = serveMcpShort.bind(null, mcp);
  return {
    name: connector.settings.name,
    sessions,
    connector,
    openSse: (messageUrl) => sse.open.bind(sse, messageUrl),
    postSse: sse.post.bind(sse),
    webSocket: webSockets.accept.bind(webSockets),
    serveStdio: (input, output) => new StdioClient(messages, input, output),
    serve: serveMcp.bind(null, mcp),
    serveShort: (request) => (isServedShort(mcp, request) ? serveShort : undefined),
    passThrough: others,
    passUpgrade: upgradesOf(options, connector, forwarding, hub?.lookup),
    get wire() {
      return connector.transport.wire;
    },
    upgrade: () => upgradeServer(options, connector, [() => sessions.moveAll(), () => modern.moveSessions()]),
    endStreams() {
      sse.finish();
      webSockets.finish();
      streams.endAll();
      modern.end();
    },
    giveUp: () => giveUp(connector),
    async end(stored) {
      modern.end();
      await modern.endSessions(stored);
      await endSessions(connector, sessions, stored);
      streams.closeOwing();
      sse.close();
      await webSockets.close();
    },
    endShared: () => modern.endSessions([]),
    async close() {
      sse.close();
      await webSockets.close();
      await modern.stop();
      await sessions.stop();
      // A stream that was just being opened must not wait for a server to which this process has no way any more.
      await giveUp(connector);
    },
  };
}

async function giveUp({ availability, transport }: Connector): Promise<void> {
  availability.stop();
  await transport[Symbol.asyncDispose]();
}

/** On both sides, and what is in flight with them. */
async function endSessions(
  { availability, transport, settings }: Connector,
  sessions: SessionManager,
  stored: readonly StoredSession[],
): Promise<void> {
  const live = [...sessions.all()];
  const ended = sessions.end(stored.filter((row) => row.connector === settings.storeKey));
  availability.stop();
  await ended;
  await transport[Symbol.asyncDispose]();
  await untilIdle(live);
}

/** A request that was cut has its error within moments; nobody waits for longer. */
async function untilIdle(sessions: readonly UpstreamSession[]): Promise<void> {
  for (let waits = 0; waits < 50 && sessions.some(({ inUse }) => inUse > 0); waits++)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

function upgradesOf(
  { front, server, maxSessions: most }: ConnectorOptions,
  connector: Connector,
  forwarding: Forwarding,
  lookup: LookupFunction | undefined,
): ServeUpgrade | undefined {
  if (!front || server.kind !== "http") return undefined;
  const passage = new UpgradePassage({ connector, forwarding, url: server.url, lookup, most });
  return passage.accept.bind(passage);
}

function whoAsks({ front, principal }: ConnectorOptions, { proxies }: Forwarding) {
  const rule = front ? principal : "authorization";
  return (request: HttpRequest): string | undefined => credentialOf(rule, request, proxies);
}

/** In front of a server every exchange passes as it is: nothing is tried out. */
function reached({ server, front }: ConnectorOptions): ConnectorOptions["server"] {
  return front && server.kind === "http" && server.wire === "auto" ? { ...server, wire: "streamable-http" } : server;
}

/** What stands between an endpoint's clients and its server. */
function openSessions(options: ConnectorOptions, shared: SharedParts, hub: HubParts | undefined) {
  const { log, metrics, tracer, store, secret } = shared;
  const name = options.name ?? addressName(options.server);
  const plain = openTransport(reached(options), {
    connectTimeoutMs,
    followRedirects: !options.front,
    startTimeoutMs: options.startTimeoutMs,
    maxMessageBytes: options.maxMessageBytes,
    keepAliveMs: shared.clock.limits.keepAliveMs,
    tell: (level, what, fields) => {
      log.event(level, what, { connector: name, ...fields });
      if (typeof fields?.["wire"] === "string") shared.onWireFound?.(fields["wire"]);
    },
    lookup: hub?.lookup,
  });
  const { upstreamCredential } = hub ?? {};
  const cors = options.front ? new ServerCors() : undefined;
  const heard = cors === undefined ? plain : listening(plain, cors);
  const wire = upstreamCredential === undefined ? heard : new SignedTransport(heard, upstreamCredential);
  const storeKey = hub?.storeKey ?? keyedHash(secret, "connector", addressKey(options.server));
  const settings = { ...options, name, storeKey, addressWords: addressWords(options.server) };
  const eras = new ServerErasMemory({ transport: wire, settings, store, log });
  const transport = openLegacyFace(wire, {
    eras,
    tell: (what, fields) => log.event("warn", what, { connector: name, ...fields }),
    maxMessageBytes: options.maxMessageBytes,
  });
  const connector = openConnector({
    settings,
    watch: hub?.watch,
    credential: upstreamCredential,
    cors,
    transport,
    store,
    log,
    metrics,
    tracer,
    secret,
  });
  const sessions = new SessionManager(connector, options);
  return { name, wire, eras, connector, sessions };
}

async function upgradeServer(
  { server }: ConnectorOptions,
  { transport, log, settings }: Connector,
  moves: readonly (() => Promise<MoveCounts>)[],
): Promise<MoveCounts | undefined> {
  if (server.kind !== "stdio") {
    log.event("info", "nothing to upgrade: Holdfast does not start this server", { connector: settings.name });
    return undefined;
  }
  await transport.renew?.();
  const all = await Promise.all(moves.map((move) => move()));
  const sum = (of: keyof MoveCounts): number => all.reduce((total, counts) => total + counts[of], 0);
  const counts = { moved: sum("moved"), failed: sum("failed"), left: sum("left") };
  log.event("info", "server upgraded", { connector: settings.name, moved: counts.moved, failed: counts.failed });
  return counts;
}
