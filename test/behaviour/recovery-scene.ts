// The stage of the recovery tests: a faulty server, the built program in front of it, and a client that shows every byte. Judges nothing.
import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { type Chaos, type ChaosOptions, startChaos } from "../../src/chaos/index.ts";
import { type Holdfast, type HoldfastOptions, startHoldfast } from "../support/holdfast.ts";

export type Message = Readonly<Record<string, unknown>>;

/** What the faulty server tells of itself, as far as the tests read it. */
export interface ChaosState {
  readonly executions: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly received: { readonly initialize: number; readonly methods: Readonly<Record<string, number>> };
  readonly sessions: {
    readonly count: number;
    readonly list: readonly {
      readonly id: string;
      readonly protocolVersion: string;
      readonly initialized: boolean;
      readonly logLevel: string | null;
      readonly subscriptions: readonly string[];
      readonly getOpen: boolean;
    }[];
  };
  readonly faults: readonly object[];
  readonly requests: readonly {
    readonly http: string;
    readonly method: string | null;
    readonly id: string | number | null;
    readonly session: string | null;
    readonly lastEventId: string | null;
    readonly status: number | null;
  }[];
}

export interface Scene extends AsyncDisposable {
  readonly chaos: Chaos;
  readonly holdfast: Holdfast;
  order(order: Message): Promise<void>;
  state(): Promise<ChaosState>;
  /** The state as soon as it fits. */
  stateWhen(fits: (state: ChaosState) => boolean, what: string, timeoutMs?: number): Promise<ChaosState>;
}

export interface SceneOptions extends HoldfastOptions {
  readonly chaos?: ChaosOptions;
}

export async function openScene(options: SceneOptions = {}): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const chaos = await startChaos(options.chaos);
  resources.defer(() => chaos.close());
  const holdfast = resources.use(await startHoldfast(chaos.url, options));
  const owned = resources.move();
  const state = async () => {
    const response = await fetch(chaos.controlUrl, { signal: AbortSignal.timeout(10_000) });
    return (await response.json()) as ChaosState;
  };
  return {
    chaos,
    holdfast,
    state,
    order: async (order) => {
      const body = JSON.stringify(order);
      const response = await fetch(chaos.controlUrl, { method: "POST", body, signal: AbortSignal.timeout(10_000) });
      assert.equal(response.status, 200, await response.text());
    },
    stateWhen: (fits, what, timeoutMs) =>
      eventually(
        async () => {
          const now = await state();
          return fits(now) ? now : undefined;
        },
        what,
        timeoutMs,
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Asks until there is an answer. */
export async function eventually<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  what: string,
  timeoutMs = 8_000,
): Promise<T> {
  for (const endMs = Date.now() + timeoutMs; ; ) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await wait(15);
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Every message of the body, the answer included. */
  readonly messages: readonly Message[];
  readonly result: Message | undefined;
  readonly error: { readonly code: number; readonly message: string; readonly data?: Message } | undefined;
  readonly elapsedMs: number;
}

/** The stable code of an error of Holdfast's own; of a server's error, its number. */
export function errorCode({ error }: Answer): unknown {
  return error?.data?.["code"] ?? error?.code;
}

/** What an error of Holdfast's own tells of the server's last answer. */
export function upstreamAnswer({ error, text }: Answer): Message {
  const upstream = error?.data?.["upstream"];
  assert.ok(typeof upstream === "object" && upstream !== null, `no answer of the server in: ${text}`);
  return upstream as Message;
}

/** The text of a tool's result. */
export function toolText({ result, text }: Answer): string {
  const content = result?.["content"];
  assert.ok(Array.isArray(content), `no tool result: ${text}`);
  return content.map((part: { readonly text: string }) => part.text).join("");
}

/** The client's end of a GET stream. */
export interface Listener {
  readonly status: number;
  /** The body of a GET that was refused. */
  readonly text: string;
  readonly messages: readonly Message[];
  /** The first message so far, or the next one to come, that matches. */
  next(matches: (message: Message) => boolean, timeoutMs?: number): Promise<Message>;
  readonly ended: Promise<void>;
  close(): void;
}

export interface ClientOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly capabilities?: Message;
  readonly protocolVersion?: string;
  /** What the client calls itself a version of. */
  readonly clientVersion?: string;
}

const requestTimeoutMs = 30_000;

export class RawClient {
  readonly url: string;
  readonly headers: Record<string, string>;
  #lastId = 0;

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.url = url;
    this.headers = { ...headers, "content-type": "application/json", accept: "application/json, text/event-stream" };
  }

  get sessionId(): string {
    return this.headers["mcp-session-id"] ?? "";
  }

  async post(message: Message | readonly Message[] | string, signal?: AbortSignal): Promise<Answer> {
    const body = typeof message === "string" ? message : JSON.stringify(message);
    const limit = AbortSignal.timeout(requestTimeoutMs);
    const startedMs = performance.now();
    const response = await fetch(this.url, {
      method: "POST",
      headers: this.headers,
      body,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    const text = await response.text();
    const messages = readMessages(response.headers.get("content-type") ?? "", text);
    const answer = messages.findLast((one) => "result" in one || "error" in one);
    return {
      status: response.status,
      headers: response.headers,
      text,
      messages,
      result: answer?.["result"] as Answer["result"],
      error: answer?.["error"] as Answer["error"],
      elapsedMs: performance.now() - startedMs,
    };
  }

  request(method: string, params?: Message, id: number = this.nextId(), signal?: AbortSignal): Promise<Answer> {
    return this.post({ jsonrpc: "2.0", id, method, ...(params !== undefined && { params }) }, signal);
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  call(name: string, args: Message = {}, id?: number): Promise<Answer> {
    return this.request("tools/call", { name, arguments: args }, id);
  }

  notify(method: string, params?: Message): Promise<Answer> {
    return this.post({ jsonrpc: "2.0", method, ...(params !== undefined && { params }) });
  }

  async initialize(options: ClientOptions = {}): Promise<Answer> {
    const { capabilities = {}, protocolVersion = "2025-11-25", clientVersion = "1" } = options;
    delete this.headers["mcp-session-id"];
    delete this.headers["mcp-protocol-version"];
    const clientInfo = { name: "recovery-tests", version: clientVersion };
    const answer = await this.request("initialize", { protocolVersion, capabilities, clientInfo });
    const sessionId = answer.headers.get("mcp-session-id");
    if (sessionId === null) return answer;
    this.headers["mcp-session-id"] = sessionId;
    this.headers["mcp-protocol-version"] = String(answer.result?.["protocolVersion"]);
    await this.notify("notifications/initialized");
    return answer;
  }

  async listen(headers: Readonly<Record<string, string>> = {}): Promise<Listener> {
    const end = new AbortController();
    const response = await fetch(this.url, {
      headers: { ...this.headers, accept: "text/event-stream", ...headers },
      signal: end.signal,
    });
    const streamed = response.headers.get("content-type") === "text/event-stream";
    const text = streamed ? "" : await response.text();
    const messages: Message[] = [];
    const ended = streamed ? readStream(response, messages) : Promise.resolve();
    return {
      status: response.status,
      text,
      messages,
      next: (matches, timeoutMs) => eventually(() => messages.find(matches), "a message on the GET stream", timeoutMs),
      ended,
      close: () => end.abort(),
    };
  }
}

/** A client whose session is open. */
export async function connect(url: string, options: ClientOptions = {}): Promise<RawClient> {
  const client = new RawClient(url, options.headers);
  const { status, text } = await client.initialize(options);
  assert.equal(status, 200, text);
  return client;
}

function readMessages(contentType: string, text: string): readonly Message[] {
  if (contentType.startsWith("text/event-stream")) return text.split("\n\n").flatMap(readEvent);
  if (!contentType.startsWith("application/json") || text === "") return [];
  const value: unknown = JSON.parse(text);
  return (Array.isArray(value) ? value : [value]) as readonly Message[];
}

function readEvent(event: string): readonly Message[] {
  const data = /^data: ?(.*)$/m.exec(event)?.[1] ?? "";
  // A priming event has an id and no message.
  return data === "" ? [] : [JSON.parse(data) as Message];
}

async function readStream(response: Response, messages: Message[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of response.body ?? []) {
      const events = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = events.pop() ?? "";
      messages.push(...events.flatMap(readEvent));
    }
  } catch {
    // Ended by the test, or broken off: either way nothing more comes.
  }
}

export const isMethod = (method: string) => (message: Message) => message["method"] === method;
const methodsOf = ({ messages }: Listener) => messages.map(({ method }) => method);
export const newest = ({ sessions }: ChaosState) => sessions.list.at(-1);
export const forget = (scene: Scene) => scene.order({ do: "forget", as: "404-json" });

/** What the client's stream brings up to an event that the server sends now. */
export async function upToNow(scene: Scene, listener: Listener): Promise<readonly unknown[]> {
  await scene.stateWhen((state) => newest(state)?.getOpen === true, "the stream of the new session");
  await scene.order({ do: "notify", what: "message", level: "emergency", data: "now" });
  await listener.next(isMethod("notifications/message"));
  return methodsOf(listener).filter((method) => method !== "notifications/message");
}
