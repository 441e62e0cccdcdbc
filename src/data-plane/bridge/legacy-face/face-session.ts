// One session of a legacy client as the bridge holds it, since a modern server knows of none: who the client is, what it asked for, what is open.
import { randomBytes } from "node:crypto";
import { faceIdPrefix, type RawId } from "../../../protocol/index.ts";
import type { Reply, Transport } from "../../transport/index.ts";
import type { ClientFacts } from "../translate/client-facts.ts";
import { headersToModern, type ParamHeader } from "../translate/modern-headers.ts";
import { requestToModern, type ToModernOptions } from "../translate/requests.ts";
import { type ModernOutcome, readModernReply } from "./modern-reply.ts";
import { ToolSchemas } from "./tool-schemas.ts";

/** One warning for the log. */
export type FaceTell = (what: string, fields: Readonly<Record<string, string | number>>) => void;

export interface FaceParts {
  /** Straight to the modern server. */
  readonly upstream: Transport;
  readonly tell: FaceTell;
  /** The longest answer of the server that is read, for each has to be read whole. */
  readonly maxMessageBytes: number;
}

export interface CallOfFace {
  /** The client no longer wants the answer. */
  cancel(): void;
  /** The session is over. */
  lose(cause: Error): void;
}

export class FaceSession {
  readonly id = `${faceIdPrefix}${randomBytes(24).toString("base64url")}`;
  readonly parts: FaceParts;
  readonly client: ClientFacts;
  /** The server's capabilities, JSON text. */
  readonly capabilities: string;
  readonly tools = new ToolSchemas();
  /** By the client's id of the request. */
  readonly calls = new Map<RawId, CallOfFace>();
  /** What the server asked and the client has not answered, by the id that it was asked under. */
  readonly asks = new Map<RawId, (answer: string) => void>();
  readonly uris = new Set<string>();
  logLevel: string | undefined;

  constructor(parts: FaceParts, client: ClientFacts, capabilities: string) {
    this.parts = parts;
    this.client = client;
    this.capabilities = capabilities;
  }

  /** Sends one message of the client's as a modern one. `headers` are those of the exchange that it belongs to. */
  send(
    message: string,
    headers: readonly string[],
    options: ToModernOptions & { readonly params?: readonly ParamHeader[]; readonly signal?: AbortSignal },
  ): Promise<Reply> {
    const text = requestToModern(message, this.client, { logLevel: this.logLevel, ...options });
    return this.parts.upstream.send({
      method: "POST",
      headers: headersToModern(headers, text, options.params),
      body: Buffer.from(text),
      signal: options.signal,
    });
  }

  /** A question of the bridge's own. Undefined unless the server gave a result. */
  async ask(method: string, params: string, headers: readonly string[]): Promise<string | undefined> {
    const id = newUpstreamId();
    const message = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
    const reply = await this.send(message, headers, {});
    if (reply.kind === "lost") return undefined;
    const outcome = await readModernReply(reply, id, this.parts.maxMessageBytes);
    return outcome.kind === "result" ? outcome.result : undefined;
  }

  completeTools(headers: readonly string[]): Promise<void> {
    return this.tools.complete((params) => this.ask("tools/list", params, headers));
  }
}

/** An id of the bridge's own, for the requests of a client: a retry must have another one than the request that it repeats. */
export function newCallId(): RawId {
  return `"call-${randomBytes(12).toString("base64url")}"`;
}

/** An id under which the bridge asks for itself; nothing but its answer is for it. */
export function newUpstreamId(): RawId {
  return `"holdfast-${randomBytes(12).toString("base64url")}"`;
}

export type Discovered = Extract<Reply, { kind: "lost" }> | ModernOutcome;

/** Asks a server what it is, with the client's own credentials and capabilities. */
export async function discover(
  { upstream, maxMessageBytes }: FaceParts,
  client: ClientFacts,
  headers: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Discovered> {
  const id = newUpstreamId();
  const text = requestToModern(`{"jsonrpc":"2.0","id":${id},"method":"server/discover","params":{}}`, client);
  const reply = await upstream.send({
    method: "POST",
    headers: headersToModern(headers, text),
    body: Buffer.from(text),
    signal,
  });
  if (reply.kind === "lost") return reply;
  return readModernReply(reply, id, maxMessageBytes);
}
