// Everything the faulty server knows while it runs: sessions, settings, waiting faults, counts. Holds and counts; answers nothing.
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { EventStream } from "./event-stream.ts";
import type { Fault } from "./faults.ts";
import { type Incoming, isObject, isRequest, type JsonObject, type RequestId } from "./json-rpc.ts";
import type { LogLevel } from "./log-levels.ts";
import { type ShapeName, shapes } from "./shapes.ts";
import { type Tool, tools } from "./tools.ts";

const maxSessions = 10_000;
const maxExchanges = 1_000;
const maxCountedNames = 10_000;
const maxStreamsPerSession = 100;

export const knownVersions = ["2025-03-26", "2025-06-18", "2025-11-25"] as const;
const newestVersion = "2025-11-25";

/** How a session that is gone is refused. */
export interface Death {
  readonly shape: ShapeName;
  readonly answersPing: boolean;
}

export interface Session {
  readonly id: string;
  readonly protocolVersion: string;
  readonly clientCapabilities: JsonObject;
  initialized: boolean;
  logLevel: LogLevel | undefined;
  readonly subscriptions: Set<string>;
  /** By name, for a resume; the oldest goes first. */
  readonly streams: Map<string, EventStream>;
  standalone: EventStream | undefined;
  /** Requests of ours that the client has not answered yet. */
  readonly asked: Map<string, (answer: JsonObject) => void>;
  readonly running: Map<RequestId, AbortController>;
}

interface Settings {
  version: string;
  protocolVersions: readonly string[];
  capabilities: JsonObject;
  tools: Map<string, Tool>;
  requireInitialized: boolean;
  getOffered: boolean;
  /** While set, every session is forgotten right after its initialize. */
  forgetAlways: Death | undefined;
}

/** One request to the MCP endpoint. Its status is read from the response while that lasts. */
export interface Exchange {
  readonly http: string;
  method: string | null;
  id: RequestId | null;
  readonly session: string | null;
  readonly lastEventId: string | null;
  status: number | null;
  response: ServerResponse | undefined;
}

export interface World {
  readonly json: boolean;
  readonly resumable: boolean;
  readonly settings: Settings;
  readonly sessions: Map<string, Session>;
  readonly dead: Map<string, Death>;
  readonly faults: Fault[];
  readonly hanging: Set<ServerResponse>;
  /** Every call that runs, also of sessions that are forgotten by now. */
  readonly running: Set<AbortController>;
  counter: number;
  readonly executions: Map<string, Map<string, number>>;
  readonly methods: Map<string, number>;
  httpRequests: number;
  readonly exchanges: Exchange[];
}

export function defaultSettings(): Settings {
  return {
    version: "1.0.0",
    protocolVersions: knownVersions,
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      logging: {},
      completions: {},
    },
    tools: new Map(Object.entries(tools)),
    requireInitialized: false,
    getOffered: true,
    forgetAlways: undefined,
  };
}

export function createWorld(options: { readonly json: boolean; readonly resumable: boolean }): World {
  return {
    ...options,
    settings: defaultSettings(),
    sessions: new Map(),
    dead: new Map(),
    faults: [],
    hanging: new Set(),
    running: new Set(),
    counter: 0,
    executions: new Map(),
    methods: new Map(),
    httpRequests: 0,
    exchanges: [],
  };
}

export function deathAs(shape: ShapeName, answersPing?: boolean): Death {
  return { shape, answersPing: answersPing ?? "answersPing" in shapes[shape] };
}

/** A new session, or undefined while the server is full. */
export function openSession(world: World, params: JsonObject, id: string = randomUUID()): Session | undefined {
  if (world.sessions.size >= maxSessions) return undefined;
  const { protocolVersion: wanted, capabilities } = params;
  const offered = world.settings.protocolVersions;
  const session: Session = {
    id,
    protocolVersion: offered.find((version) => version === wanted) ?? offered.at(-1) ?? newestVersion,
    clientCapabilities: isObject(capabilities) ? capabilities : {},
    initialized: false,
    logLevel: undefined,
    subscriptions: new Set(),
    streams: new Map(),
    standalone: undefined,
    asked: new Map(),
    running: new Map(),
  };
  world.sessions.set(id, session);
  return session;
}

/** Calls that run go on to their end, as in a server that drops a session from its table; its GET stream ends. */
export function forgetSession(world: World, session: Session, death: Death): void {
  world.sessions.delete(session.id);
  world.dead.set(session.id, death);
  dropOldest(world.dead, maxSessions);
  session.standalone?.finish();
  session.standalone = undefined;
}

/** What the end of the process does to its calls. */
export function abortCalls(world: World): void {
  for (const call of world.running) call.abort();
}

export function openStream(world: World, session: Session): EventStream {
  const stream = new EventStream(world.resumable);
  if (!world.resumable) return stream;
  session.streams.set(stream.name, stream);
  dropOldest(session.streams, maxStreamsPerSession);
  return stream;
}

/** Priming events exist since 2025-11-25; older clients cannot read an event without data. */
export function canPrime(world: World, session: Session): boolean {
  return world.resumable && session.protocolVersion >= "2025-11-25";
}

export function noteExchange(world: World, exchange: Exchange): void {
  world.httpRequests++;
  world.exchanges.push(exchange);
  if (world.exchanges.length > maxExchanges) world.exchanges.shift();
  exchange.response?.once("close", () => {
    exchange.status = statusOf(exchange);
    exchange.response = undefined;
  });
}

/** Null as long as no status line has left for the client. */
export function statusOf({ response, status }: Exchange): number | null {
  return response?.headersSent === true ? response.statusCode : status;
}

export function noteMessages(world: World, exchange: Exchange, messages: readonly Incoming[]): void {
  const named = messages.find(isRequest) ?? messages[0];
  exchange.method = named?.method ?? null;
  exchange.id = named?.id ?? null;
  for (const { method } of messages) if (method !== undefined) addOne(world.methods, method);
}

export function noteExecution(world: World, tool: string, key: string): void {
  const perKey = world.executions.get(tool) ?? new Map<string, number>();
  world.executions.set(tool, perKey);
  addOne(perKey, key);
}

function addOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
  dropOldest(counts, maxCountedNames);
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  const oldest = map.size > most ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}
