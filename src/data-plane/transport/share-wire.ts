// Lets many sessions use one wire: ids and progress tokens are kept apart by replacing them in the text, and whatever the server says goes to the session that it belongs to alone.
import {
  type Envelope,
  findSpan,
  type RawId,
  replaceSpans,
  type Span,
  scanEnvelope,
  spanText,
} from "../../protocol/index.ts";
import { SharedCalls } from "./shared-calls.ts";
import { isWire, type Refused, type Tell, type Wire, type WireEvents, type WireOpener } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

/** How long a server is kept for the next session when the last one has left. */
const lingerMs = 10_000;
/** What waits for one slow session, while the others go on. */
const heldBytes = 16 * 1024 * 1024;

export function shareWire(opener: WireOpener, tell: Tell): WireOpener {
  let current: SharedWire | undefined;
  return {
    name: opener.name,
    origin: opener.origin,
    open(headers, events) {
      if (current === undefined || current.isOver) {
        const opened: SharedWire = new SharedWire(opener, headers, tell, () => opened !== current);
        current = opened;
      }
      return current.join(events);
    },
    openAlone: (headers, events, signal) => opener.open(headers, events, signal),
    openAside: (headers, events, signal) => (opener.openAside ?? opener.open)(headers, events, signal),
    probe: (signal) => opener.probe(signal),
    renew() {
      const before = current;
      current = undefined;
      before?.endIfUnused();
    },
    close: () => opener.close(),
  };
}

class SharedWire implements WireEvents {
  isOver = false;
  readonly #opened: Promise<Wire | Refused>;
  readonly #tell: Tell;
  /** Nobody will join any more. */
  readonly #isPast: () => boolean;
  readonly #members = new Set<Member>();
  readonly #calls = new SharedCalls<Member>();
  /** The server's open requests. */
  readonly #asked = new Map<RawId, Member>();
  readonly #subscribers = new Map<string, Set<Member>>();
  #wire: Wire | undefined;
  #initializing: "not-yet" | "asked" | { readonly result: string } = "not-yet";
  readonly #waiting: { readonly member: Member; readonly id: RawId }[] = [];
  #isInitialized = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(opener: WireOpener, headers: readonly string[], tell: Tell, isPast: () => boolean) {
    this.#tell = tell;
    this.#isPast = isPast;
    this.#opened = opener.open(headers, this, undefined).then((opened) => {
      if (isWire(opened)) this.#wire = opened;
      else this.isOver = true;
      return opened;
    });
  }

  async join(events: WireEvents): Promise<Wire | Refused> {
    clearTimeout(this.#linger);
    const member = new Member(this, events);
    this.#members.add(member);
    const opened = await this.#opened;
    return isWire(opened) ? member : opened;
  }

  get silence(): WireFault | undefined {
    return this.#wire?.silence;
  }

  get unsentBytes(): number | undefined {
    return this.#wire?.unsentBytes;
  }

  leave(member: Member): void {
    if (!this.#members.delete(member)) return;
    for (const id of this.#calls.leave(member))
      void this.#pass(Buffer.from(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`));
    for (const [id, asked] of this.#asked) {
      if (asked === member) this.#refuseQuestion(id);
    }
    for (const [uri, subscribers] of this.#subscribers)
      if (subscribers.delete(member) && subscribers.size === 0) this.#subscribers.delete(uri);
    this.endIfUnused();
  }

  endIfUnused(): void {
    if (this.#members.size > 0) return;
    clearTimeout(this.#linger);
    this.#linger = setTimeout(
      () => {
        this.isOver = true;
        void this.#wire?.close();
      },
      this.#isPast() ? 0 : lingerMs,
    ).unref();
  }

  /** One message of one session to the server. */
  take(member: Member, text: Buffer): Promise<Refused | undefined> | undefined {
    const scanned = scanEnvelope(text);
    if (scanned.shape !== "single") return undefined;
    const { kind, id, method } = scanned.envelope;
    if (kind === "request" && id !== undefined) return this.#request(member, text, id, method ?? "");
    if (kind === "notification") return this.#notification(member, text, method ?? "");
    // An answer to what this session was not asked goes nowhere.
    if (id === undefined || this.#asked.get(id) !== member) return undefined;
    this.#asked.delete(id);
    return this.#pass(text);
  }

  message(text: Buffer, envelope: Envelope): void {
    const { kind, id, method } = envelope;
    if (kind === "request" && id !== undefined) return this.#question(text, envelope, id);
    if (kind === "notification") return this.#news(text, envelope, method ?? "");
    const call = id === undefined ? undefined : this.#calls.take(id);
    if (call === undefined) return;
    if (call.isInitialize) return this.#initialized(text, envelope);
    const span = findSpan(text, ["id"]);
    if (span !== undefined) call.member.message(replaceSpans(text, [[span, call.id]]), { ...envelope, id: call.id });
  }

  tooLarge(envelope: Envelope): void {
    const call = envelope.id === undefined ? undefined : this.#calls.take(envelope.id);
    if (call !== undefined) call.member.tooLarge({ ...envelope, id: call.id });
    else this.#tell("warn", "message too large", { method: envelope.method ?? "-" });
  }

  closed(fault: WireFault): void {
    this.isOver = true;
    clearTimeout(this.#linger);
    for (const member of this.#members) member.closed(fault);
    this.#members.clear();
  }

  #request(member: Member, text: Buffer, id: RawId, method: string): Promise<Refused | undefined> | undefined {
    if (method === "initialize") return this.#initialize(member, text, id);
    if (method.startsWith("resources/") && this.#subscription(member, text, id, method)) return undefined;
    return this.#pass(this.#renamed(member, text, id, false));
  }

  /** The message under an id, and a progress token, that no other session uses. */
  #renamed(member: Member, text: Buffer, id: RawId, isInitialize: boolean): Buffer {
    const idSpan = findSpan(text, ["id"]);
    const tokenSpan = text.includes('"progressToken"')
      ? findSpan(text, ["params", "_meta", "progressToken"])
      : undefined;
    const token = tokenSpan === undefined ? undefined : spanText(text, tokenSpan);
    const own = this.#calls.add({ member, id, token, isInitialize });
    const changes: (readonly [Span, string])[] = [];
    if (idSpan !== undefined) changes.push([idSpan, own]);
    if (tokenSpan !== undefined) changes.push([tokenSpan, own]);
    return replaceSpans(
      text,
      changes.toSorted(([a], [b]) => a.from - b.from),
    );
  }

  /** The server is initialized once; who comes later gets the same answer. */
  #initialize(member: Member, text: Buffer, id: RawId): Promise<Refused | undefined> | undefined {
    if (typeof this.#initializing === "object") {
      member.message(...initializeAnswer(id, this.#initializing.result));
      return undefined;
    }
    this.#waiting.push({ member, id });
    if (this.#initializing === "asked") return undefined;
    this.#initializing = "asked";
    return this.#pass(this.#renamed(member, text, id, true));
  }

  #initialized(text: Buffer, envelope: Envelope): void {
    const span = envelope.kind === "result" ? findSpan(text, ["result"]) : undefined;
    if (span !== undefined) this.#initializing = { result: spanText(text, span) };
    else this.isOver = true;
    const idSpan = findSpan(text, ["id"]);
    for (const { member, id } of this.#waiting.splice(0)) {
      if (!this.#members.has(member)) continue;
      if (span !== undefined) member.message(...initializeAnswer(id, spanText(text, span)));
      else if (idSpan !== undefined) member.message(replaceSpans(text, [[idSpan, id]]), { ...envelope, id });
    }
  }

  /** True where the server need not hear of it: others still want that resource's news. */
  #subscription(member: Member, text: Buffer, id: RawId, method: string): boolean {
    const span = findSpan(text, ["params", "uri"]);
    if (span === undefined) return false;
    const uri = uriOf(text, span);
    const subscribers = this.#subscribers.get(uri) ?? new Set();
    if (method === "resources/subscribe") this.#subscribers.set(uri, subscribers.add(member));
    if (method !== "resources/unsubscribe") return false;
    subscribers.delete(member);
    if (subscribers.size === 0) {
      this.#subscribers.delete(uri);
      return false;
    }
    member.message(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{}}`), { kind: "result", id, method: undefined });
    return true;
  }

  #notification(member: Member, text: Buffer, method: string): Promise<Refused | undefined> | undefined {
    if (method === "notifications/initialized") {
      if (this.#isInitialized) return undefined;
      this.#isInitialized = true;
    }
    if (method !== "notifications/cancelled") return this.#pass(text);
    const span = findSpan(text, ["params", "requestId"]);
    const own = span === undefined ? undefined : this.#calls.find(member, spanText(text, span));
    // What it cancels is over, or another's.
    if (span === undefined || own === undefined) return undefined;
    this.#calls.cancel(own);
    return this.#pass(replaceSpans(text, [[span, own]]));
  }

  #question(text: Buffer, envelope: Envelope, id: RawId): void {
    if (envelope.method === "ping") {
      void this.#pass(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{}}`));
      return;
    }
    const member = this.#owner;
    if (member === undefined) return this.#refuseQuestion(id);
    this.#asked.set(id, member);
    member.message(text, envelope);
  }

  /** Of a message that names no call: whose it must be, because nobody else has a call open, or nobody else is there. */
  get #owner(): Member | undefined {
    const { callers } = this.#calls;
    const [first] = callers.size > 0 ? callers : this.#members;
    return (callers.size > 0 ? callers : this.#members).size === 1 ? first : undefined;
  }

  #refuseQuestion(id: RawId): void {
    this.#asked.delete(id);
    this.#tell("warn", "server's request refused: it may belong to any of several sessions");
    void this.#pass(
      Buffer.from(
        `{"jsonrpc":"2.0","id":${id},"error":{"code":-32603,"message":"Several clients share this server, and it is not known which of them this is for."}}`,
      ),
    );
  }

  #news(text: Buffer, envelope: Envelope, method: string): void {
    if (method === "notifications/progress") {
      const span = findSpan(text, ["params", "progressToken"]);
      const call = span === undefined ? undefined : this.#calls.get(spanText(text, span));
      if (span !== undefined && call?.token !== undefined)
        call.member.message(replaceSpans(text, [[span, call.token]]), envelope);
      return;
    }
    for (const member of this.#audience(text, method)) member.message(text, envelope);
  }

  #audience(text: Buffer, method: string): Iterable<Member> {
    if (method.endsWith("/list_changed")) return this.#members;
    if (method === "notifications/resources/updated") {
      const span = findSpan(text, ["params", "uri"]);
      return span === undefined ? [] : (this.#subscribers.get(uriOf(text, span)) ?? []);
    }
    if (method === "notifications/cancelled") {
      const span = findSpan(text, ["params", "requestId"]);
      const member = span === undefined ? undefined : this.#asked.get(spanText(text, span));
      return member === undefined ? [] : [member];
    }
    // It may hold what concerns one session alone, so it goes to nobody where that one is not known.
    return this.#owner === undefined ? [] : [this.#owner];
  }

  #pass(text: Buffer): Promise<Refused | undefined> | undefined {
    return this.#wire?.send(text, []);
  }
}

/** One session's end of a shared wire. Its slowness is its own: what waits for it is held here, up to a limit. */
class Member implements Wire {
  readonly #shared: SharedWire;
  readonly #events: WireEvents;
  #held: (readonly [Buffer, Envelope])[] = [];
  #heldBytes = 0;
  #isPaused = false;
  #isOver = false;

  constructor(shared: SharedWire, events: WireEvents) {
    this.#shared = shared;
    this.#events = events;
  }

  get silence(): WireFault | undefined {
    return this.#shared.silence;
  }

  get unsentBytes(): number | undefined {
    return this.#shared.unsentBytes;
  }

  send(text: Buffer): Promise<Refused | undefined> | undefined {
    return this.#isOver ? undefined : this.#shared.take(this, text);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    while (this.#held.length > 0 && !this.#isPaused) {
      const [text, envelope] = this.#held.shift() as readonly [Buffer, Envelope];
      this.#heldBytes -= text.length;
      this.#events.message(text, envelope);
    }
  }

  close(): Promise<void> {
    this.#isOver = true;
    this.#shared.leave(this);
    return Promise.resolve();
  }

  message(text: Buffer, envelope: Envelope): void {
    if (this.#isOver) return;
    if (!this.#isPaused && this.#held.length === 0) return this.#events.message(text, envelope);
    this.#held.push([text, envelope]);
    this.#heldBytes += text.length;
    if (this.#heldBytes <= heldBytes) return;
    this.closed(new WireFault("UPSTREAM_CLOSED", "The client read too slowly for a server that others share."));
    this.#shared.leave(this);
  }

  tooLarge(envelope: Envelope): void {
    if (!this.#isOver) this.#events.tooLarge(envelope);
  }

  closed(fault: WireFault): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held = [];
    this.#events.closed(fault);
  }
}

function initializeAnswer(id: RawId, result: string): readonly [Buffer, Envelope] {
  const text = Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
  return [text, { kind: "result", id, method: undefined }];
}

/** By value: one URI can be written in several ways. */
function uriOf(text: Buffer, span: Span): string {
  return String(JSON.parse(spanText(text, span)));
}
