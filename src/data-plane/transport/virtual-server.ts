// Makes a Streamable HTTP server of wires that carry message texts both ways, so that everything above sees one kind of server. Relays; recovers nothing.
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { methodHeader, type RawId, rpcCode, scanEnvelope, sessionIdHeader } from "../../protocol/index.ts";
import { askAside, noSuchMethod } from "./ask-aside.ts";
import { ModernWire } from "./modern-wire.ts";
import { notFound } from "./post-reply.ts";
import { wholeReply } from "./push-body.ts";
import type { Reply } from "./reply.ts";
import type { Transport, WireRequest } from "./streamable-http.ts";
import { VirtualSession } from "./virtual-session.ts";
import type { Tell, WireOpener } from "./wire.ts";

export interface VirtualServerOptions {
  /** How long a server may take to answer initialize. */
  readonly startTimeoutMs: number;
  /** Largest request body that is collected. */
  readonly maxMessageBytes: number;
  readonly tell: Tell;
  /** The wire is one of the legacy era alone. */
  readonly isLegacy?: boolean;
}

export function openVirtualServer(opener: WireOpener, options: VirtualServerOptions): Transport {
  return new VirtualServer(opener, options);
}

class VirtualServer implements Transport {
  readonly origin: string;
  readonly wire: string;
  readonly messagesOnly = true;
  readonly #opener: WireOpener;
  readonly #options: VirtualServerOptions;
  readonly #sessions = new Map<string, VirtualSession>();
  /** What serves modern requests, by the headers under which it was opened. */
  readonly #modern = new Map<string, ModernWire>();
  readonly #ending = new Set<Promise<void>>();
  #isClosed = false;

  constructor(opener: WireOpener, options: VirtualServerOptions) {
    this.#opener = opener;
    this.#options = options;
    this.origin = opener.origin;
    this.wire = opener.name;
  }

  get sessionsOnly(): boolean {
    return this.#options.isLegacy === true;
  }

  async send(request: WireRequest): Promise<Reply> {
    if (this.#isClosed) return unsent(new Error("the proxy ends"));
    if (request.method === "OPTIONS") return this.#opener.probe(request.signal);
    if (request.method === "POST") return this.#post(request).catch(unsent);
    const session = this.#sessions.get(headerOf(request.headers, sessionIdHeader) ?? "");
    if (session === undefined) return notFound();
    if (request.method === "GET") return session.listen(request.signal);
    this.#end(session);
    return wholeReply(200, "", "");
  }

  async askAside(request: WireRequest): Promise<Reply> {
    const { body, headers, signal } = request;
    if (this.#isClosed || !(body instanceof Uint8Array)) return unsent(new Error("the proxy ends"));
    const { openAside } = this.#opener;
    if (openAside === undefined || this.sessionsOnly) return noSuchMethod();
    return askAside(openAside, asBuffer(body), forwarded(headers), signal, (end) => this.#track(end));
  }

  sendTo(): Promise<Reply> {
    return Promise.resolve(unsent(new Error("this wire has no other path")));
  }

  /** Modern requests go on to the old wire until the new one serves them; where it does not, the old one stays. */
  async renew(): Promise<void> {
    this.#opener.renew?.();
    const moves = [...this.#modern].map(async ([key, before]) => {
      if (before.isOver) return;
      const fresh = this.#newModernWire(JSON.parse(key));
      const end = await fresh.opened();
      if (end === "failed") return this.#options.tell("warn", "modern clients not moved");
      // Of another era now: whoever comes next finds out by a wire of its own.
      if (end === "foreign") this.#modern.delete(key);
      else if (this.#modern.get(key) === before) this.#modern.set(key, fresh);
      before.retire();
    });
    await Promise.all(moves);
  }

  retire(oldId: string, newId: string): void {
    const successor = this.#sessions.get(newId);
    if (successor !== undefined) this.#sessions.get(oldId)?.retire(successor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const session of this.#sessions.values()) this.#end(session);
    await Promise.all(this.#ending);
    await this.#opener.close();
  }

  async #post(request: WireRequest): Promise<Reply> {
    const { body } = request;
    const text = body instanceof Uint8Array ? asBuffer(body) : await collect(body, this.#options.maxMessageBytes);
    if (text === undefined) return wholeReply(413, "text/plain", "The message is larger than this wire carries.");
    const given = headerOf(request.headers, sessionIdHeader);
    if (given !== undefined) {
      // Looked up after the body was read: a session that ended meanwhile took nothing of it.
      const session = this.#sessions.get(given);
      return session?.post(text, forwarded(request.headers), request.signal) ?? notFound();
    }
    const scanned = scanEnvelope(text);
    const envelope = scanned.shape === "single" ? scanned.envelope : undefined;
    const isModern = headerOf(request.headers, methodHeader) !== undefined;
    if (isModern && envelope === undefined) return noSingleMessage();
    if (isModern && envelope !== undefined)
      return this.#modernWire(request.headers).post(text, envelope, request.signal);
    if (envelope?.id === undefined || envelope.method !== "initialize") return notFound();
    return this.#initialize(request, text, envelope.id);
  }

  /** The one for all whose requests the server cannot tell apart by what a wire is opened with. */
  #modernWire(given: readonly string[]): ModernWire {
    const headers = ofTheWire(given);
    const key = JSON.stringify(headers);
    const current = this.#modern.get(key);
    if (current !== undefined && !current.isOver) return current;
    for (const [past, wire] of this.#modern) if (wire.isOver) this.#modern.delete(past);
    const wire = this.#newModernWire(headers);
    this.#modern.set(key, wire);
    return wire;
  }

  #newModernWire(headers: readonly string[]): ModernWire {
    const { openAlone, open } = this.#opener;
    const { startTimeoutMs, tell } = this.#options;
    return new ModernWire({ open: openAlone ?? open, headers, startTimeoutMs, tell, foreign: notFound });
  }

  #initialize(request: WireRequest, body: Buffer, id: RawId): Promise<Reply> {
    const session = new VirtualSession({
      id: randomBytes(16).toString("base64url"),
      opener: this.#opener,
      startTimeoutMs: this.#options.startTimeoutMs,
      tell: this.#options.tell,
      onClosed: (closed) => {
        this.#sessions.delete(closed.id);
        this.#end(closed);
      },
    });
    this.#sessions.set(session.id, session);
    return session.open(body, id, forwarded(request.headers), request.signal);
  }

  #end(session: VirtualSession): void {
    this.#track(session.close());
  }

  #track(end: Promise<void>): void {
    const ended = end.finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}

/** The client's own body broke off. */
function unsent(cause: unknown): Reply {
  return { kind: "lost", sent: "nothing", cause: cause instanceof Error ? cause : new Error(String(cause)) };
}

/** The modern era has no batches. */
function noSingleMessage(): Reply {
  const error = { code: rpcCode.invalidRequest, message: "A body is one JSON-RPC message." };
  return wholeReply(400, "application/json", JSON.stringify({ jsonrpc: "2.0", id: null, error }));
}

export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index]?.toLowerCase() === name) return headers[index + 1];
  }
  return undefined;
}

/** The session's id here is ours and means nothing to the server. */
function forwarded(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    const lower = name.toLowerCase();
    if (lower !== sessionIdHeader) kept.push(name, value);
  }
  return kept;
}

/** What a wire is opened with: nothing that is about one message. */
function ofTheWire(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    const lower = name.toLowerCase();
    if (!lower.startsWith("mcp-") && lower !== "accept" && !lower.startsWith("content-")) kept.push(lower, value);
  }
  return kept;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function collect(body: Readable | undefined, mostBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > mostBytes) return undefined;
  }
  return Buffer.concat(chunks);
}
