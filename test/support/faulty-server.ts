// A faulty server for each test, with no proxy before it, and a client that gives it orders and hides nothing of its answers. Judges nothing.
import { request as httpRequest } from "node:http";
import { text as readAll } from "node:stream/consumers";
import { afterEach, beforeEach } from "node:test";
import { type Chaos, type ChaosOptions, startChaos } from "../../src/chaos/index.ts";

/** The server of the test under way: one at a time, as each test file is a process of its own. */
export let chaos: Chaos;

export interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

interface State {
  readonly counter: number;
  readonly executions: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly received: { readonly http: number; readonly initialize: number; readonly methods: unknown };
  readonly sessions: { readonly count: number; readonly list: readonly { readonly getOpen: boolean }[] };
  readonly requests: readonly {
    readonly http: string;
    readonly method: string | null;
    readonly status: number | null;
  }[];
}

/** Connections are never reused, so that a cut one cannot be mistaken for a stale one. */
export function send(
  http: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = httpRequest(url, { method: http, headers, agent: false }, (response) => {
    const { statusCode = 0, headers } = response;
    const give = (text: string) => resolve({ status: statusCode, type: headers["content-type"], body: text, headers });
    readAll(response).then(give, reject);
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

export async function order(members: Readonly<Record<string, unknown>>): Promise<Answer> {
  return send("POST", chaos.controlUrl, {}, JSON.stringify(members));
}

export async function state(): Promise<State> {
  const read: State = JSON.parse((await send("GET", chaos.controlUrl, {})).body);
  return read;
}

export const base = { accept: "application/json, text/event-stream", "content-type": "application/json" };

export function post(
  message: unknown,
  session?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const id = session === undefined ? {} : { "mcp-session-id": session };
  return send("POST", chaos.url, { ...base, ...id, ...headers }, JSON.stringify(message));
}

export const request = (id: number | string, method: string, params = {}) => ({ jsonrpc: "2.0", id, method, params });
export const call = (id: number | string, name: string, args = {}) =>
  request(id, "tools/call", { name, arguments: args });

export const initialize = (version = "2025-11-25") =>
  post(
    request(0, "initialize", {
      protocolVersion: version,
      capabilities: {},
      clientInfo: { name: "test", version: "1.0.0" },
    }),
  );

export async function open(version?: string): Promise<string> {
  const { headers } = await initialize(version);
  const id = String(headers["mcp-session-id"]);
  await post({ jsonrpc: "2.0", method: "notifications/initialized" }, id);
  return id;
}

export const get = (session: string) => send("GET", chaos.url, { ...base, "mcp-session-id": session });

interface Message {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** The last JSON-RPC message of an answer, event stream or not. */
export function messageOf({ body }: Answer): Message {
  const data = body.split("\n").findLast((line) => line.startsWith("data: ") && line.length > 6);
  const message: Message = JSON.parse(data?.slice(6) ?? body);
  return message;
}

export async function until(condition: (state: State) => boolean): Promise<State> {
  for (;;) {
    const now = await state();
    if (condition(now)) return now;
  }
}

/** Whoever calls it closes it. */
export async function start(options: ChaosOptions): Promise<void> {
  chaos = await startChaos(options);
}

/** Inside a `describe`: each of its tests has a server of its own. */
export function withServer(options: ChaosOptions = {}): void {
  beforeEach(() => start(options));
  afterEach(() => chaos.close());
}
