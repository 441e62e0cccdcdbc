// A client that writes the bytes a test gives it and keeps the bytes that come back. Interprets nothing but HTTP framing.
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

const answerTimeoutMs = 20_000;

type Headers = Readonly<Record<string, string>>;

export interface Ask {
  readonly method?: string;
  readonly headers?: Headers;
  readonly body?: string | Buffer | Readable;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

/** An answer whose body the test reads itself. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly stream: IncomingMessage;
  /** Everything read so far. */
  text(): string;
  /** Resolves as soon as what was read fits. */
  until(pattern: RegExp | string): Promise<string>;
  readonly ended: Promise<void>;
  leave(): void;
}

export const jsonHeaders = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
} as const;

function start(url: string, { method = "POST", headers = {}, body }: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      // Without it Node's client announces that it closes, and nothing would come the short way (client-short-way.test.ts holds both against each other).
      headers: { connection: "keep-alive", ...(method === "POST" ? jsonHeaders : {}), ...headers },
      agent: false,
    });
    sent.setTimeout(answerTimeoutMs, () =>
      sent.destroy(new Error(`no sign of life from ${method} for ${answerTimeoutMs} ms`)),
    );
    sent.once("response", resolve);
    sent.once("error", reject);
    if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) sent.end(body);
    else body.once("error", (error) => sent.destroy(error)).pipe(sent);
  });
}

/** Sends one request and reads the whole answer. */
export async function send(url: string, ask: Ask): Promise<Answer> {
  const message = await start(url, ask);
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return { status: message.statusCode ?? 0, headers: message.headers, body, text: body.toString() };
}

/** Sends one request and hands the answer over as soon as its head is there. */
export async function open(url: string, ask: Ask, { paused = false } = {}): Promise<OpenAnswer> {
  const stream = await start(url, ask);
  const decoder = new StringDecoder("utf8");
  let text = "";
  const watchers = new Set<() => void>();
  const ended = new Promise<void>((resolve) => stream.once("close", resolve));
  // The test ends the exchange by leaving it.
  stream.on("error", () => {});
  if (!paused) {
    stream.on("data", (chunk: Buffer) => {
      text += decoder.write(chunk);
      for (const look of watchers) look();
    });
  }
  return {
    status: stream.statusCode ?? 0,
    headers: stream.headers,
    stream,
    text: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const fits = () => (typeof pattern === "string" ? text.includes(pattern) : pattern.test(text));
        const timer = setTimeout(() => settle(`not seen in time: ${pattern}`), answerTimeoutMs);
        const settle = (failure?: string) => {
          clearTimeout(timer);
          watchers.delete(look);
          if (failure === undefined) resolve(text);
          else reject(new Error(`${failure}; read: ${text.slice(-500)}`));
        };
        const look = () => {
          if (fits()) settle();
        };
        watchers.add(look);
        void ended.then(() => (fits() ? settle() : settle(`ended without ${pattern}`)));
        look();
      }),
    ended,
    leave: () => void stream.destroy(),
  };
}

export interface RawSession {
  readonly id: string;
  readonly url: string;
  readonly headers: Headers;
  post(body: string | Buffer | Readable, headers?: Headers): Promise<Answer>;
  open(ask: Ask, options?: { readonly paused?: boolean }): Promise<OpenAnswer>;
  send(ask: Ask): Promise<Answer>;
}

export interface SessionOptions {
  readonly headers?: Headers;
  readonly version?: string;
  readonly capabilities?: object;
  /** Of the initialize request. */
  readonly firstId?: string | number;
}

export async function openSession(url: string, options: SessionOptions = {}): Promise<RawSession> {
  const { headers: own = {}, version = "2025-11-25", capabilities = {}, firstId = "open" } = options;
  const params = { protocolVersion: version, capabilities, clientInfo: { name: "raw-client", version: "1" } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: firstId, method: "initialize", params });
  const answer = await send(url, { headers: own, body });
  const id = answer.headers["mcp-session-id"];
  if (typeof id !== "string") throw new Error(`no session: ${answer.status} ${answer.text}`);
  const headers = { ...own, "mcp-session-id": id, "mcp-protocol-version": version };
  const withOwn = (ask: Ask): Ask => ({ ...ask, headers: { ...headers, ...ask.headers } });
  await send(url, { headers, body: '{"jsonrpc":"2.0","method":"notifications/initialized"}' });
  return {
    id,
    url,
    headers,
    post: (body, extra = {}) => send(url, withOwn({ body, headers: extra })),
    open: (ask, how) => open(url, withOwn(ask), how),
    send: (ask) => send(url, withOwn(ask)),
  };
}

/** Writes bytes on a connection of its own and returns everything that came until the other side closed it or `enough` fits. */
export function talk(port: number, bytes: string | Buffer, enough?: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    const timer = setTimeout(() => socket.destroy(new Error(`not in time; read: ${text}`)), answerTimeoutMs);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (enough?.test(text) === true) socket.end();
    });
    socket.once("error", (error) => {
      // A server may reset a connection whose request it refused half way; what it said before counts.
      if (text === "") reject(error);
    });
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
    socket.write(bytes);
  });
}

/** `data` of each event in a stream's text, with several data lines joined. */
export function eventData(text: string): string[] {
  return text
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((event) =>
      event
        .split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.replace(/^data: ?/, ""))
        .join("\n"),
    )
    .filter((data) => data !== "");
}
