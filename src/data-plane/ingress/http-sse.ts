// The HTTP+SSE transport of revision 2024-11-05 toward clients: one event stream per client, and a URL to post messages to. Finds the client; its messages are relayed elsewhere.
import type { IncomingMessage, ServerResponse } from "node:http";
import { ProxyError } from "../../errors/index.ts";
import {
  type ClientSessionId,
  isClientSessionId,
  lastEventIdHeader,
  mediaType,
  newClientSessionId,
} from "../../protocol/index.ts";
import { answerError, type RequestBody } from "../relay/index.ts";
import type { UpstreamSession } from "../session/index.ts";
import { HttpClientConnection } from "./client-connection.ts";
import { MessageClient, type MessageEndpoint, userIdOf } from "./message-client.ts";
import { plainExchange } from "./plain-exchange.ts";
import { readBody } from "./read-body.ts";
import { refuse } from "./refuse.ts";
import type { ExchangeNotes } from "./request-record.ts";
import { SseWire } from "./sse-wire.ts";

export interface SseEndpointOptions extends MessageEndpoint {
  readonly credential: (request: IncomingMessage) => string | undefined;
  /** How long the session of a client whose stream broke is kept. */
  readonly reconnectGraceMs: number;
  /** Most streams at a time. */
  readonly maxStreams: number;
  readonly keepAliveMs: number;
}

interface SseClient {
  readonly wire: SseWire;
  readonly client: MessageClient;
  readonly key: string;
  graceTimer: NodeJS.Timeout | undefined;
}

/** How long a message waits for the stream that its answer goes to. */
const arrivalMs = 5_000;

export class SseEndpoint {
  readonly #options: SseEndpointOptions;
  /** By principal and id: with another credential a stream's id is unknown. */
  readonly #clients = new Map<string, SseClient>();

  constructor(options: SseEndpointOptions) {
    this.#options = options;
  }

  /** Serves the path of the event stream. `messageUrl`: where its client posts to, without the session's id. Never rejects. */
  async open(
    messageUrl: string,
    request: IncomingMessage,
    response: ServerResponse,
    notes: ExchangeNotes,
  ): Promise<void> {
    if (request.method !== "GET") return refuse(request, response, notes, "METHOD_NOT_ALLOWED");
    try {
      const principal = this.#principal(request, notes);
      const last = readEventId(request.headers[lastEventIdHeader]);
      const known = last === undefined ? undefined : await this.#find(last.id, principal);
      const found = known ?? this.#add(newClientSessionId(), principal);
      clearTimeout(found.graceTimer);
      const after = known === undefined ? undefined : last?.number;
      found.wire.attach(response, `${messageUrl}?sessionId=${found.wire.id}`, after);
    } catch (error) {
      fail(response, notes, error);
    }
  }

  /** Serves the path that messages are posted to. Never rejects. */
  async post(request: IncomingMessage, response: ServerResponse, notes: ExchangeNotes): Promise<void> {
    if (request.method !== "POST") return refuse(request, response, notes, "METHOD_NOT_ALLOWED");
    try {
      if (mediaType(request.headers["content-type"]) !== "application/json")
        throw new ProxyError("CONTENT_TYPE_NOT_JSON");
      const principal = this.#principal(request, notes);
      const id = new URL(request.url ?? "/", "http://localhost").searchParams.get("sessionId");
      if (id === null) throw new ProxyError("MESSAGE_ENDPOINT_INCOMPLETE");
      const found = isClientSessionId(id) ? await this.#find(id, principal) : undefined;
      if (found === undefined) throw new ProxyError("UNKNOWN_SESSION");
      // Without its stream nobody would read the answer: a client that comes back does so at once, and another is better told.
      if (!(await found.wire.attached(arrivalMs))) throw new ProxyError("UNKNOWN_SESSION");
      const { body } = await readBody(request, this.#options.limits, notes);
      found.client.receive(await whole(body));
      notes.isLoggedElsewhere = true;
      response.writeHead(202, { "content-type": "text/plain", "content-length": "8" }).end("Accepted");
    } catch (error) {
      fail(response, notes, error);
    }
  }

  /** Ends each stream when what its client waits for has been answered. */
  finish(): void {
    for (const { client } of this.#clients.values()) client.finish();
  }

  /** Keeps all sessions for the next start. */
  close(): void {
    for (const { client, wire, graceTimer } of this.#clients.values()) {
      clearTimeout(graceTimer);
      wire.close();
      client.suspend();
    }
    this.#clients.clear();
  }

  #principal(request: IncomingMessage, notes: ExchangeNotes): string {
    const principal = this.#options.sessions.principal(this.#options.credential(request));
    if (notes.userId === "-") notes.userId = userIdOf(this.#options, principal);
    return principal;
  }

  /** The client of that id, also where only its session is left: after our own restart its stream is on its way back. */
  async #find(id: ClientSessionId, principal: string): Promise<SseClient | undefined> {
    const key = `${principal} ${id}`;
    const live = this.#clients.get(key);
    if (live !== undefined) return live;
    const session = await this.#options.sessions.find(id, principal);
    if (session === undefined || session.inUse > 0) return this.#clients.get(key);
    return this.#clients.get(key) ?? this.#add(id, principal, session);
  }

  #add(id: ClientSessionId, principal: string, session?: UpstreamSession): SseClient {
    const { maxStreams, keepAliveMs } = this.#options;
    if (this.#clients.size >= maxStreams)
      throw new ProxyError("TOO_MANY_SESSIONS", { note: `The limit is ${maxStreams}.` });
    const wire: SseWire = new SseWire(id, keepAliveMs, () => this.#away(added));
    const client = new MessageClient(this.#options, wire, principal, id);
    const added: SseClient = { wire, client, key: `${principal} ${id}`, graceTimer: undefined };
    this.#clients.set(added.key, added);
    if (session !== undefined) {
      client.resume(session);
      this.#away(added);
    }
    return added;
  }

  /** The stream is gone: its client has some time to come back, if it has anything to come back to. */
  #away(left: SseClient): void {
    if (!left.client.hasSession) return this.#forget(left);
    left.graceTimer = setTimeout(() => this.#forget(left), this.#options.reconnectGraceMs).unref();
  }

  #forget({ key, wire, client }: SseClient): void {
    this.#clients.delete(key);
    wire.close();
    void client.close();
  }
}

/** Ours are `ID.NUMBER`; whatever else a client presents belongs to another server. */
function readEventId(
  value: string | string[] | undefined,
): { readonly id: ClientSessionId; readonly number: number } | undefined {
  const [, id = "", number = ""] = /^([\w-]{32})\.(\d{1,15})$/.exec(String(value ?? "")) ?? [];
  return isClientSessionId(id) ? { id, number: Number(number) } : undefined;
}

async function whole({ kept, stream }: RequestBody): Promise<Buffer> {
  if (kept !== undefined) return kept;
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function fail(response: ServerResponse, notes: ExchangeNotes, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  answerError(plainExchange(new HttpClientConnection(response), notes), [], ProxyError.from(error));
}
