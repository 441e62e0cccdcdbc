// Clients of the message wires that show every text as it came: a WebSocket, and an HTTP+SSE stream with its message endpoint. Know nothing of MCP.
import assert from "node:assert/strict";
import { once } from "node:events";
import { WebSocket } from "ws";

/** What came in, oldest first, and a way to wait for more. */
export class Inbox {
  readonly texts: string[] = [];
  #look = new Set<() => void>();
  #over = false;

  add(text: string): void {
    this.texts.push(text);
    for (const look of this.#look) look();
  }

  end(): void {
    this.#over = true;
    for (const look of this.#look) look();
  }

  /** The first text, from the beginning, that fits. */
  when(fits: (text: string) => boolean, timeoutMs = 20_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#look.delete(look);
      };
      const fail = (why: string) => {
        settle();
        reject(new Error(`${why}; so far: ${this.texts.map((text) => text.slice(0, 200)).join("\n")}`));
      };
      const timer = setTimeout(() => fail(`nothing that fits came within ${timeoutMs} ms`), timeoutMs);
      const look = () => {
        const found = this.texts.find(fits);
        if (found === undefined) return void (this.#over && fail("the wire ended"));
        settle();
        resolve(found);
      };
      this.#look.add(look);
      look();
    });
  }
}

export interface WireClient extends AsyncDisposable {
  readonly texts: readonly string[];
  when(fits: (text: string) => boolean, timeoutMs?: number): Promise<string>;
  /** Sends a message; an object becomes JSON. */
  send(message: string | object): Promise<void>;
  /** Sends a request and gives back the text of its answer. */
  ask(id: number | string, method: string, params?: object): Promise<string>;
  /** Opens a session as a client does. */
  initialize(): Promise<string>;
}

export const initializeParams = {
  protocolVersion: "2025-06-18",
  capabilities: { elicitation: {}, sampling: {} },
  clientInfo: { name: "wire", version: "1" },
};

const textOf = (message: string | object): string => (typeof message === "string" ? message : JSON.stringify(message));

export function conversation(inbox: Inbox, send: (text: string) => Promise<void>) {
  const ask = async (id: number | string, method: string, params: object = {}): Promise<string> => {
    await send(textOf({ jsonrpc: "2.0", id, method, params }));
    return inbox.when((text) => answers(text, id));
  };
  return {
    texts: inbox.texts,
    when: inbox.when.bind(inbox),
    send: (message: string | object) => send(textOf(message)),
    ask,
    initialize: async () => {
      const answer = await ask("init", "initialize", initializeParams);
      await send(textOf({ jsonrpc: "2.0", method: "notifications/initialized" }));
      return answer;
    },
  };
}

export function answers(text: string, id: unknown): boolean {
  const message = JSON.parse(text) as { id?: unknown; method?: unknown };
  return message.method === undefined && message.id === id;
}

export interface WebSocketClient extends WireClient {
  readonly protocol: string;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
}

export async function connectWebSocket(
  url: string,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly protocols?: readonly string[] } = {},
): Promise<WebSocketClient> {
  const socket = new WebSocket(url, options.protocols?.slice() ?? ["mcp"], { headers: options.headers ?? {} });
  const inbox = new Inbox();
  socket.on("message", (data: Buffer) => inbox.add(data.toString()));
  const closed = new Promise<number>((resolve) => {
    socket.on("close", (code) => {
      inbox.end();
      resolve(code);
    });
  });
  await once(socket, "open");
  return {
    ...conversation(
      inbox,
      (text) =>
        new Promise((resolve, reject) => {
          socket.send(text, (error) => (error ? reject(error) : resolve()));
        }),
    ),
    protocol: socket.protocol,
    closed,
    socket,
    [Symbol.asyncDispose]: async () => socket.terminate(),
  };
}

/** The status with which an upgrade is refused, and the body. */
export function refusedUpgrade(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<readonly [number, string]> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, ["mcp"], { headers });
    socket.on("open", () => reject(new Error("the upgrade was not refused")));
    socket.on("error", () => undefined);
    socket.on("unexpected-response", (_request, response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve([response.statusCode ?? 0, body]));
    });
  });
}

export interface SseClient extends WireClient {
  /** As the endpoint event gave it. */
  readonly endpoint: string;
  lastEventId(): string;
  /** Posts a message and gives back the response to the POST. */
  post(body: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Breaks the stream. */
  drop(): void;
  readonly ended: Promise<void>;
}

export async function openSse(
  url: string,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly lastEventId?: string } = {},
): Promise<SseClient> {
  const left = new AbortController();
  const last = options.lastEventId === undefined ? {} : { "last-event-id": options.lastEventId };
  const headers = { accept: "text/event-stream", ...options.headers, ...last };
  const response = await fetch(url, { headers, signal: left.signal });
  assert.equal(response.status, 200, response.status === 200 ? "" : await response.text());
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const inbox = new Inbox();
  let endpoint = "";
  let lastEventId = "";
  let opened = () => {};
  const ready = new Promise<void>((resolve) => (opened = resolve));
  const ended = readEvents(response, ({ type, id, data }) => {
    if (id !== undefined) lastEventId = id;
    if (type === "endpoint") {
      endpoint = data;
      opened();
    } else if (data !== "") inbox.add(data);
  })
    .catch(() => undefined)
    .finally(() => inbox.end());
  await ready;
  const post: SseClient["post"] = (body, others = {}) =>
    fetch(new URL(endpoint, url), {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...options.headers, ...others },
    });
  return {
    ...conversation(inbox, async (text) => {
      const answer = await post(text);
      assert.equal(answer.status, 202, await answer.text());
    }),
    endpoint,
    lastEventId: () => lastEventId,
    post,
    drop: () => left.abort(),
    ended,
    [Symbol.asyncDispose]: async () => {
      left.abort();
      await ended;
    },
  };
}

interface Event {
  readonly type: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** A plain reading of the event stream format: whole blocks only. */
async function readEvents(response: Response, onEvent: (event: Event) => void): Promise<void> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of response.body ?? []) {
    const text = decoder.decode(chunk as Uint8Array, { stream: true });
    parts.push(text);
    if (!text.includes("\n\n")) continue;
    const blocks = parts.join("").split("\n\n");
    parts = [blocks.pop() ?? ""];
    for (const block of blocks) {
      const lines = block.split("\n").map((line) => /^([^:]*):? ?(.*)$/s.exec(line) ?? ["", "", ""]);
      const of = (name: string) => lines.filter(([, key]) => key === name).map(([, , value]) => value ?? "");
      if (of("data").length > 0)
        onEvent({ type: of("event").at(-1) ?? "message", id: of("id").at(-1), data: of("data").join("\n") });
    }
  }
}
