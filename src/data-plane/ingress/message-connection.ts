// Takes the answer of one exchange, whatever its HTTP form, and hands its messages to a wire that knows only messages. Never changes a message's text.
import { type ErrorCode, ProxyError, toJsonRpcError } from "../../errors/index.ts";
import {
  findSpan,
  isMessage,
  mediaType,
  type RawId,
  type Scanned,
  type SseEvent,
  SseObserver,
  scanEnvelope,
  sessionIdHeader,
} from "../../protocol/index.ts";
import { askedAs, type ClientConnection, type ExchangeOutcome } from "../relay/index.ts";
import type { MessageWire } from "./message-wire.ts";

export interface MessageConnectionParts {
  readonly wire: MessageWire;
  /** The requests that wait for an answer on this exchange. */
  readonly open: Set<RawId>;
  /** Largest message that is carried. */
  readonly maxBytes: number;
  readonly connector: string;
  readonly requestId: string;
  readonly outcome: ExchangeOutcome;
  /** Sees each message that goes to the client. */
  readonly seen?: ((json: Buffer) => void) | undefined;
  /** Called once, when the answer is over. */
  readonly onOver: (connection: MessageConnection) => void;
}

export class MessageConnection implements ClientConnection {
  readonly parts: MessageConnectionParts;
  /** Of the head; 0 before there is one. */
  status = 0;
  /** The id of the session that an initialize has opened. */
  sessionId: string | undefined;
  /** From where the server will go on, if it ended a stream before it had answered. */
  lastEventId: string | undefined;
  retryMs: number | undefined;
  #contentType = "";
  #events: SseObserver | undefined;
  #document: Uint8Array[] = [];
  #documentBytes = 0;
  #flowing = true;
  #over = false;
  #left = false;
  #leftListeners: (() => void)[] = [];

  constructor(parts: MessageConnectionParts) {
    this.parts = parts;
  }

  get gone(): boolean {
    return this.#left || this.parts.wire.gone;
  }

  /** The answer came as a stream. */
  get isStream(): boolean {
    return this.#events !== undefined;
  }

  onGone(listener: () => void): void {
    this.#leftListeners.push(listener);
  }

  /** The client left, or needs this exchange no longer. */
  leave(): void {
    this.#left = true;
    this.#finish();
    for (const listener of this.#leftListeners.splice(0)) listener();
  }

  answer(status: number, headers: readonly string[], body: Uint8Array): void {
    this.head(status, headers);
    this.end(body);
  }

  head(status: number, headers: readonly string[]): void {
    this.status = status;
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index]?.toLowerCase();
      if (name === "content-type") this.#contentType = mediaType(headers[index + 1]);
      else if (name === sessionIdHeader) this.sessionId = headers[index + 1];
    }
    if (status < 300 && this.#contentType === "text/event-stream")
      this.#events = new SseObserver((event) => this.#event(event), this.parts.maxBytes);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return true;
    if (this.#events === undefined) {
      this.#documentBytes += chunk.length;
      if (this.#documentBytes <= this.parts.maxBytes) this.#document.push(chunk);
      else this.#document = [];
      return true;
    }
    this.#flowing = true;
    this.#events.push(chunk);
    return this.#flowing;
  }

  onDrain(listener: () => void): void {
    this.parts.wire.onDrain(listener);
  }

  end(chunk?: Uint8Array): void {
    if (this.#over) return;
    if (chunk !== undefined) this.write(chunk);
    if (this.#events === undefined) this.#deliver();
    else this.#events.end();
    // The server may end what its client has cancelled without a word.
    if (this.parts.outcome.recovery === "cancelled") this.parts.open.clear();
    // A stream that can be continued is not at its end yet; the rest of an answer that cannot is lost.
    if (this.isStream && this.lastEventId === undefined) this.fail("OUTCOME_UNKNOWN");
    this.#finish();
  }

  /** On a connection of its own the client would see it break; here it gets a word for each answer that is missing. */
  destroy(): void {
    if (this.#over) return;
    this.fail("OUTCOME_UNKNOWN");
    this.#finish();
  }

  /** One error for each request that still waits. */
  fail(code: ErrorCode, details: ConstructorParameters<typeof ProxyError>[1] = {}): void {
    const { open, wire, connector, requestId, outcome, seen } = this.parts;
    if (open.size === 0) return;
    outcome.errorCode = code;
    const error = new ProxyError(code, { connector, requestId, ...details });
    for (const id of open) {
      const json = Buffer.from(toJsonRpcError(error, id));
      seen?.(json);
      wire.send(json);
    }
    open.clear();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.parts.onOver(this);
  }

  #event(event: SseEvent): void {
    if (event.id !== undefined) this.lastEventId = event.id;
    if (event.retryMs !== undefined) this.retryMs = event.retryMs;
    const { scanned } = event;
    if (event.type !== "message" || !isMessage(scanned)) return;
    const json = event.bytes();
    if (json !== undefined) this.#forward(json, scanned);
    else if (this.#answers(scanned)) this.fail("ANSWER_TOO_LARGE");
  }

  #forward(json: Buffer, scanned: Scanned): void {
    const envelopes =
      scanned.shape === "batch" ? scanned.envelopes : scanned.shape === "single" ? [scanned.envelope] : [];
    const { open, seen, wire } = this.parts;
    seen?.(json);
    for (const { kind, id } of envelopes)
      if (kind === "result" || kind === "error") open.delete(askedAs(open, id) ?? "");
    this.#flowing = wire.send(json) && this.#flowing;
  }

  #answers(scanned: Scanned): boolean {
    if (scanned.shape !== "single") return scanned.shape === "batch";
    const asked = askedAs(this.parts.open, scanned.envelope.id);
    return asked !== undefined && this.parts.open.has(asked);
  }

  /** A whole document: the answer, a refusal, or nothing at all. */
  #deliver(): void {
    const { open, maxBytes } = this.parts;
    // A notification or an answer of the client's: nobody waits for a word.
    if (open.size === 0) return;
    if (this.#documentBytes > maxBytes) return this.fail("ANSWER_TOO_LARGE");
    const body = Buffer.concat(this.#document);
    this.#document = [];
    const scanned = scanEnvelope(body);
    const named = this.#answers(scanned) ? undefined : namedError(body, scanned, open);
    if (named !== undefined) return this.#forward(named, scanEnvelope(named));
    if (isMessage(scanned) && (this.status < 300 || this.#answers(scanned))) {
      this.#forward(body, scanned);
      // It was about something else, and nothing follows.
      return this.fail("OUTCOME_UNKNOWN");
    }
    // Its answer may come on the session's own stream, as some servers give it.
    if (this.status < 300 && body.length === 0) return;
    const upstream = { status: this.status, contentType: this.#contentType, body: body.toString() };
    this.fail("REFUSED_BY_SERVER", { upstream });
  }
}

/** A refusal whose error names no request, as HTTP lets it: on a shared wire it must name the one that it refuses, or nobody would know. */
function namedError(body: Buffer, scanned: Scanned, open: ReadonlySet<RawId>): Buffer | undefined {
  const [id, ...others] = open;
  if (scanned.shape !== "single" || scanned.envelope.kind !== "error" || id === undefined || others.length > 0)
    return undefined;
  const error = findSpan(body, ["error"]);
  if (error === undefined) return undefined;
  const before = Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":`);
  return Buffer.concat([before, body.subarray(error.from, error.to), Buffer.from("}")]);
}
