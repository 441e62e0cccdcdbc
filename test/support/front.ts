// Holdfast --front before an OAuth-protected server, and single exchanges with it where a whole client would hide too much.
import { type Holdfast, startHoldfast } from "./holdfast.ts";
import { type OAuthServer, type OAuthServerOptions, oauthServer } from "./oauth-server.ts";
import { lastingPort } from "./process.ts";

export interface Front extends AsyncDisposable {
  readonly server: OAuthServer;
  readonly holdfast: Holdfast;
  /** The MCP URL that clients use. */
  readonly url: string;
}

export async function startFront(args: readonly string[] = [], options: OAuthServerOptions = {}): Promise<Front> {
  const port = await lastingPort();
  await using resources = new AsyncDisposableStack();
  const server = resources.use(await oauthServer(`http://127.0.0.1:${port}`, options));
  const holdfast = resources.use(await startHoldfast(server.url, { port, args: ["--front", ...args] }));
  const owned = resources.move();
  return { server, holdfast, url: holdfast.url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What one exchange presents; everything absent is not sent. */
export interface Presented {
  readonly token?: string | undefined;
  readonly session?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const limitMs = 30_000;

function headersOf({ token, session, headers = {} }: Presented): Record<string, string> {
  return {
    accept: "application/json, text/event-stream",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(session === undefined ? {} : { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" }),
    ...headers,
  };
}

export async function post(url: string, presented: Presented, message: object): Promise<Answered> {
  const headers = { ...headersOf(presented), "content-type": "application/json" };
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(limitMs) });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** An exchange without a body. A stream is given back unread. */
export function send(method: "GET" | "DELETE" | "OPTIONS", url: string, presented: Presented): Promise<Response> {
  return fetch(url, { method, headers: headersOf(presented), signal: AbortSignal.timeout(limitMs) });
}

export const initialize = {
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "holdfast-tests", version: "1.0.0" },
  },
} as const;

export const callTool = (name: string, id = 2) => ({ id, method: "tools/call", params: { name, arguments: {} } });

/** Opens a session and says that it is open; gives its id. */
export async function openSession(url: string, presented: Presented): Promise<string> {
  const { status, headers, text } = await post(url, presented, initialize);
  const session = headers.get("mcp-session-id");
  if (session === null) throw new Error(`initialize was answered ${status}: ${text}`);
  await post(url, { ...presented, session }, { method: "notifications/initialized" });
  return session;
}
