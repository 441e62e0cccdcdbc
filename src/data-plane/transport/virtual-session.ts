// One session of a virtual Streamable HTTP server: a wire, the calls that wait on it, and the stream of what belongs to no call. Messages pass as they came.
import { ProxyError, toJsonRpcError } from "../../errors/index.ts";
import {
  type Envelope,
  elementSpans,
  findSpan,
  isPrivateId,
  type RawId,
  scanEnvelope,
  sessionIdHeader,
  spanText,
} from "../../protocol/index.ts";
import { OpenCalls } from "./open-calls.ts";
import { notFound, PostReply, pushEvent, streamHeaders } from "./post-reply.ts";
import { PushBody, wholeReply } from "./push-body.ts";
import type { Reply } from "./reply.ts";
import { UnheardMessages } from "./unheard-messages.ts";
import { isWire, type Refused, type Tell, type Wire, type WireEvents, type WireOpener } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

/** A session that was moved may still get what was on its way under its old id. */
const retireAfterMs = 100;

/** What waits for a server that does not read; beyond it calls are refused, and what needs no answer waits at its client. */
const mostUnsentBytes = 64 * 1024 * 1024;

/** An answer that was on its way when its request was cancelled still passes. */
const cancelGraceMs = 500;

export interface VirtualSessionParts {
  readonly id: string;
  readonly opener: WireOpener;
  readonly startTimeoutMs: number;
  readonly onClosed: (session: VirtualSession) => void;
  readonly tell: Tell;
}

export class VirtualSession implements WireEvents {
  readonly id: string;
  readonly #parts: VirtualSessionParts;
  readonly #calls = new OpenCalls();
  readonly #unheard: UnheardMessages;
  /** The server's open requests, and the call on whose stream each went out. */
  readonly #asked = new Map<RawId, PostReply | undefined>();
  #wire: Wire | undefined;
  #stream: PushBody | undefined;
  #full = 0;
  #over: WireFault | undefined;
  #closing: Promise<void> | undefined;
  /** Where this session was before it was moved, while calls of its are open there. */
  #before: VirtualSession | undefined;
  #isRetired = false;

  constructor(parts: VirtualSessionParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#unheard = new UnheardMessages((what) => parts.tell("warn", what));
  }

  /** Opens the wire and initializes. The reply carries the session's id if the server accepted. */
  async open(text: Buffer, id: RawId, headers: readonly string[], signal: AbortSignal | undefined): Promise<Reply> {
    const opened = await this.#parts.opener.open(headers, this, signal);
    if (!isWire(opened)) {
      this.closed(new WireFault("UPSTREAM_CUT", "It was not opened."));
      return opened;
    }
    this.#wire = opened;
    // It ended, or was ended, while it was being opened.
    if (this.#over !== undefined) {
      this.#closing = opened.close();
      return { kind: "lost", sent: "maybe", cause: this.#over };
    }
    return new Promise((resolve) => {
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", giveUp);
        resolve(reply);
      };
      const giveUp = (): void => void this.close(new WireFault("UPSTREAM_CUT", "It was given up."));
      const timer = setTimeout(() => void this.close(this.#silent()), this.#parts.startTimeoutMs);
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#send(text, headers, [{ kind: "request", id, method: "initialize" }], true, settle);
    });
  }

  post(body: Buffer, headers: readonly string[], signal: AbortSignal | undefined): Promise<Reply> {
    const scanned = scanEnvelope(body);
    if (scanned.shape === "single") return this.#post(body, [scanned.envelope], headers, signal);
    // Ingress lets nothing else through.
    if (scanned.shape !== "batch") return Promise.resolve(wholeReply(400, "text/plain", scanned.reason));
    return this.#post(body, scanned.envelopes, headers, signal);
  }

  /** The stream of what belongs to no call. A second one takes the place of the first. */
  listen(signal: AbortSignal | undefined): Reply {
    this.#stream?.finish();
    const body = this.#newBody(() => {
      if (this.#stream === body) this.#stream = undefined;
    });
    this.#stream = body;
    signal?.addEventListener("abort", () => body.abort(), { once: true });
    for (const text of this.#unheard.take()) pushEvent(body, text);
    return { kind: "reply", status: 200, headers: streamHeaders, body };
  }

  /** Resolves when nothing of the wire is left. */
  close(fault: WireFault = new WireFault("UPSTREAM_CUT", "It was ended.")): Promise<void> {
    this.#closing ??= this.#wire?.close() ?? Promise.resolve();
    this.closed(fault);
    return this.#closing;
  }

  /** `successor` took this session's place: ends as soon as its own calls are answered. */
  retire(successor: VirtualSession): void {
    this.#isRetired = true;
    successor.#before = this;
    this.#stream?.finish();
    this.#stream = undefined;
    setTimeout(() => this.#endIfIdle(), retireAfterMs).unref();
  }

  message(text: Buffer, envelope: Envelope): void {
    if (envelope.kind === "result" || envelope.kind === "error") return this.#answered(text, envelope);
    if (envelope.kind === "request" && envelope.id !== undefined) return this.#question(text, envelope);
    this.#deliver(text, this.#callOf(text, envelope), prefersStream(envelope.method));
  }

  tooLarge({ kind, id, method }: Envelope): void {
    this.#parts.tell("warn", "message too large", { method: method ?? "-" });
    const error = new ProxyError("SERVER_MESSAGE_TOO_LARGE");
    if (kind === "request") {
      void this.#tell(Buffer.from(toJsonRpcError(error, id)));
      return;
    }
    if (kind === "notification" || id === undefined) return;
    this.#answered(Buffer.from(toJsonRpcError(error, id)), { kind: "error", id, method: undefined });
  }

  closed(fault: WireFault): void {
    if (this.#over !== undefined) return;
    this.#over = fault;
    this.#parts.onClosed(this);
    for (const reply of this.#calls.takeAll()) reply.lose(fault);
    this.#stream?.cut(fault);
    this.#stream = undefined;
    this.#asked.clear();
  }

  #silent(): WireFault {
    const seconds = Math.round(this.#parts.startTimeoutMs / 1_000);
    return this.#wire?.silence ?? new WireFault("SERVER_SILENT", `It was given ${seconds} s.`, true);
  }

  #post(
    body: Buffer,
    envelopes: readonly Envelope[],
    headers: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    if (!envelopes.some(({ kind }) => kind === "request")) return this.#hand(body, envelopes, headers);
    if ((this.#wire?.unsentBytes ?? 0) > mostUnsentBytes) return Promise.resolve(refusedUnread(envelopes));
    return new Promise((settle) => {
      const reply = this.#send(body, headers, envelopes, false, settle);
      signal?.addEventListener("abort", () => {
        this.#calls.drop(reply);
        reply.lose(new Error("ended by the proxy"));
      });
    });
  }

  /** Notifications and answers: taken, with nothing to wait for. */
  async #hand(body: Buffer, envelopes: readonly Envelope[], headers: readonly string[]): Promise<Reply> {
    const parts = partsOf(body, envelopes);
    for (const [index, text] of parts.entries()) {
      const envelope = envelopes[index] as Envelope;
      const isOld = this.#belongsBefore(text, envelope);
      const session = isOld ? (this.#before as VirtualSession) : this;
      if (envelope.kind !== "notification" && envelope.id !== undefined) session.#asked.delete(envelope.id);
      const refused = await session.#tell(text, headers);
      if (refused !== undefined) return refused;
      if (envelope.method === "notifications/cancelled") session.#cancel(text);
    }
    return wholeReply(202, "", "");
  }

  /** Few servers answer what was cancelled: whoever still waits for it is let go. */
  #cancel(text: Buffer): void {
    const span = findSpan(text, ["params", "requestId"]);
    const id = span === undefined ? undefined : spanText(text, span);
    if (id === undefined || !this.#calls.has(id)) return;
    setTimeout(() => {
      this.#calls.take(id)?.reply.skip();
      if (this.#isRetired) this.#endIfIdle();
    }, cancelGraceMs).unref();
  }

  /** Its question was asked, or its call runs, where this session was before it was moved. */
  #belongsBefore(text: Buffer, { kind, id, method }: Envelope): boolean {
    const before = this.#before;
    if (before === undefined) return false;
    if (kind !== "notification") return id !== undefined && before.#asked.has(id);
    if (method !== "notifications/cancelled") return false;
    const span = findSpan(text, ["params", "requestId"]);
    return span !== undefined && before.#calls.has(spanText(text, span)) && !this.#calls.has(spanText(text, span));
  }

  #send(
    body: Buffer,
    headers: readonly string[],
    envelopes: readonly Envelope[],
    isInitialize: boolean,
    settle: (reply: Reply) => void,
  ): PostReply {
    const requests = envelopes.filter(({ kind, id }) => kind === "request" && id !== undefined);
    const isPrivate = isInitialize || requests.every(({ id }) => isPrivateId(id as RawId));
    const reply: PostReply = new PostReply(requests.length, isPrivate, settle, {
      filled: () => this.#fill(),
      emptied: () => this.#empty(),
      aborted: () => this.#calls.drop(reply),
    });
    for (const [index, text] of partsOf(body, envelopes).entries()) {
      const { kind, id } = envelopes[index] as Envelope;
      if (kind === "request" && id !== undefined) this.#calls.add(id, tokenOf(text), reply, isInitialize);
      const sent = this.#wire?.send(text, headers);
      void sent?.then((refused) => {
        if (refused === undefined) return;
        this.#calls.drop(reply);
        // Its program has ended: what it held is gone, and the message was read by nobody.
        reply.refuse(refused.kind === "lost" && isExit(refused.cause) ? notFound() : refused);
        if (isInitialize) void this.close();
      });
    }
    if (!isPrivate) for (const text of this.#unheard.take()) reply.event(text);
    return reply;
  }

  #answered(text: Buffer, { kind, id }: Envelope): void {
    const call = id === undefined ? undefined : this.#calls.take(id);
    // Nobody waits any longer, or it answers what was never asked.
    if (call === undefined) return;
    if (call.isInitialize && kind === "result") call.reply.answer(text, { [sessionIdHeader]: this.id });
    else call.reply.answer(text);
    if (call.isInitialize && kind !== "result") void this.close();
    if (this.#isRetired) this.#endIfIdle();
  }

  #question(text: Buffer, envelope: Envelope): void {
    const id = envelope.id as RawId;
    const call = this.#callOf(text, envelope);
    const isHeard = call !== undefined || this.#stream !== undefined || this.#calls.newest !== undefined;
    // Nobody is there to be asked whether anybody is there: the wire itself is.
    if (envelope.method === "ping" && !isHeard) {
      void this.#tell(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{}}`));
      return;
    }
    this.#asked.set(id, call);
    if (this.#deliver(text, call, false)) return;
    this.#asked.delete(id);
    void this.#tell(
      Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32603,"message":"No client is listening."}}`),
    );
  }

  /** The call that a message is tied to: by its progress token, by the question that it withdraws, or as the only open one. */
  #callOf(text: Buffer, { method }: Envelope): PostReply | undefined {
    if (method === "notifications/progress") {
      const span = findSpan(text, ["params", "progressToken"]);
      const call = span === undefined ? undefined : this.#calls.byToken(spanText(text, span));
      if (call !== undefined) return call;
    }
    if (method === "notifications/cancelled") {
      const span = findSpan(text, ["params", "requestId"]);
      const id = span === undefined ? "" : spanText(text, span);
      const call = this.#asked.get(id);
      this.#asked.delete(id);
      if (call !== undefined && this.#calls.holds(call)) return call;
    }
    return prefersStream(method) ? undefined : this.#calls.only;
  }

  /** To its call, else to the standing stream, else to any open call, else it waits for one of them. False: no room is left to wait. */
  #deliver(text: Buffer, call: PostReply | undefined, streamOnly: boolean): boolean {
    if (call !== undefined) call.event(text);
    else if (this.#stream !== undefined) pushEvent(this.#stream, text);
    else if (!streamOnly && this.#calls.newest !== undefined) this.#calls.newest.event(text);
    else return this.#unheard.add(text);
    return true;
  }

  #tell(text: Buffer, headers: readonly string[] = []): Promise<Refused | undefined> {
    return Promise.resolve(this.#wire?.send(text, headers));
  }

  #newBody(aborted: () => void): PushBody {
    return new PushBody({ filled: () => this.#fill(), emptied: () => this.#empty(), aborted });
  }

  /** One reader that is slow slows its server down. */
  #fill(): void {
    this.#full += 1;
    if (this.#full === 1) this.#wire?.pause();
  }

  #empty(): void {
    this.#full -= 1;
    if (this.#full === 0) this.#wire?.resume();
  }

  #endIfIdle(): void {
    if (this.#calls.size === 0) void this.close();
  }
}

/** Each message of a batch by itself: few servers take one as a whole, and its answers come one by one either way. */
function partsOf(body: Buffer, envelopes: readonly Envelope[]): readonly Buffer[] {
  if (envelopes.length === 1 && body.find((byte) => byte > 0x20) !== 0x5b) return [body];
  return elementSpans(body).map(({ from, to }) => body.subarray(from, to));
}

function tokenOf(text: Buffer): RawId | undefined {
  if (!text.includes('"progressToken"')) return undefined;
  const span = findSpan(text, ["params", "_meta", "progressToken"]);
  return span === undefined ? undefined : spanText(text, span);
}

/** News of the server as a whole: no call is what it is about. */
function prefersStream(method: string | undefined): boolean {
  return method !== undefined && (method.endsWith("/list_changed") || method === "notifications/resources/updated");
}

function refusedUnread(envelopes: readonly Envelope[]): Reply {
  const error = new ProxyError("SERVER_DOES_NOT_READ");
  const errors = envelopes.flatMap(({ kind, id }) => (kind === "request" ? [toJsonRpcError(error, id)] : []));
  return wholeReply(200, "application/json", errors.length === 1 ? (errors[0] ?? "") : `[${errors.join()}]`);
}

function isExit(cause: Error): boolean {
  return cause instanceof WireFault && cause.code === "SERVER_PROCESS_EXITED";
}
