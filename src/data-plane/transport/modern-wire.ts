// All modern exchanges with one server over one wire that carries message texts both ways. Its messages need no session; what HTTP says by statuses and closed connections is said here in messages.
import { ProxyError, toJsonRpcError } from "../../errors/index.ts";
import {
  type Envelope,
  findSpan,
  metaKey,
  privateId,
  type RawId,
  rpcCode,
  type Span,
  spanText,
  writeDiscover,
} from "../../protocol/index.ts";
import { ModernCall, numberOf } from "./modern-call.ts";
import { wholeBody, wholeReply } from "./push-body.ts";
import type { Reply } from "./reply.ts";
import { isWire, type Refused, type Tell, type Wire, type WireEvents, type WireOpener } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

/** A wire that nobody has used for so long is closed. */
const idleMs = 600_000;

const cancelled = "notifications/cancelled";
const modernCodes: ReadonlySet<string> = new Set([
  String(rpcCode.headerMismatch),
  String(rpcCode.missingCapability),
  String(rpcCode.unsupportedVersion),
]);

export interface ModernWireParts {
  readonly open: WireOpener["open"];
  readonly headers: readonly string[];
  /** How long a server may take to say what it is. */
  readonly startTimeoutMs: number;
  readonly tell: Tell;
  /** What a server says that does not speak this era, or not any longer. */
  readonly foreign: () => Reply;
}

export class ModernWire implements WireEvents {
  readonly #parts: ModernWireParts;
  readonly #calls = new Map<number, ModernCall>();
  /** Resolves with why nothing can be sent, if so. */
  readonly #ready: Promise<(() => Reply) | undefined>;
  readonly #discovered = Promise.withResolvers<(() => Reply) | undefined>();
  readonly #discoverId: RawId = JSON.stringify(privateId());
  #wire: Wire | undefined;
  #waiting = 0;
  #last = 0;
  #isOver = false;
  #isPast = false;
  #isForeign = false;
  /** JSON text; "[]" where the server did not say. */
  #revisions = "[]";
  #idle: NodeJS.Timeout | undefined;

  constructor(parts: ModernWireParts) {
    this.#parts = parts;
    this.#ready = this.#open();
  }

  /** Takes no more requests. */
  get isOver(): boolean {
    return this.#isOver || this.#isPast;
  }

  /** `foreign`: what is there answers, and does not speak this era. */
  async opened(): Promise<"serves" | "foreign" | "failed"> {
    const refusal = await this.#ready;
    if (refusal === undefined && !this.#isOver) return "serves";
    return this.#isForeign ? "foreign" : "failed";
  }

  async post(text: Buffer, { kind, id, method = "" }: Envelope, signal: AbortSignal | undefined): Promise<Reply> {
    clearTimeout(this.#idle);
    this.#waiting += 1;
    const refusal = await this.#ready;
    this.#waiting -= 1;
    if (refusal !== undefined) return refusal();
    // It ended, or its client left, before anything was sent.
    if (this.#isOver || signal?.aborted === true) return unsent(new Error("ended before it was sent"));
    if (kind === "request" && id !== undefined) return this.#request(text, id, method, signal);
    // Closing the exchange is what cancels, and the ids of notifications name requests of others here.
    if (kind === "notification" && method !== cancelled) void this.#wire?.send(text, []);
    this.#endIfIdle();
    return wholeReply(202, "", "");
  }

  /** Whoever comes now gets another wire; this one ends with its last call. Subscriptions break, and are taken up there. */
  retire(): void {
    this.#isPast = true;
    for (const call of this.#calls.values()) {
      if (!call.isListen) continue;
      this.#drop(call);
      call.lose(new Error("the server was started anew"));
    }
    this.#endIfIdle();
  }

  message(text: Buffer, envelope: Envelope): void {
    const { kind, id } = envelope;
    if (kind === "notification") return this.#notified(text, envelope.method ?? "");
    if (kind === "request") return this.#refuseRequest(id);
    if (id === undefined) return;
    if (id === this.#discoverId) return this.#discovered.resolve(this.#refusalIn(text, kind));
    const call = this.#calls.get(numberOf(id));
    if (call === undefined) return;
    this.#calls.delete(call.number);
    call.answer(text, kind === "result" ? "result" : "error");
    this.#endIfIdle();
  }

  tooLarge({ kind, id, method }: Envelope): void {
    this.#parts.tell("warn", "message too large", { method: method ?? "-" });
    if (id === undefined || kind === "notification" || kind === "request") return;
    const error = toJsonRpcError(new ProxyError("SERVER_MESSAGE_TOO_LARGE"), id);
    this.message(Buffer.from(error), { kind: "error", id, method: undefined });
  }

  closed(fault: WireFault): void {
    this.#isOver = true;
    clearTimeout(this.#idle);
    // Servers of the legacy era may end when the first thing they hear is no `initialize`.
    this.#discovered.resolve(fault.final ? () => unsent(fault) : this.#parts.foreign);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.lose(fault);
  }

  async #open(): Promise<(() => Reply) | undefined> {
    const { open, headers, startTimeoutMs } = this.#parts;
    const opened = await open(headers, this, undefined);
    if (!isWire(opened)) {
      this.#isOver = true;
      return repeatable(opened);
    }
    this.#wire = opened;
    // The process is new and serves nobody yet: what it is now counts, not what it was.
    void opened.send(Buffer.from(writeDiscover(this.#discoverId)), headers);
    const silent = (): Reply =>
      unsent(opened.silence ?? new WireFault("SERVER_SILENT", `It was given ${Math.round(startTimeoutMs / 1_000)} s.`));
    const timer = setTimeout(() => this.#discovered.resolve(silent), startTimeoutMs);
    const refusal = await this.#discovered.promise;
    clearTimeout(timer);
    if (refusal !== undefined) {
      this.#isOver = true;
      void opened.close();
    } else this.#endIfIdle();
    return refusal;
  }

  #refusalIn(text: Buffer, kind: Envelope["kind"]): (() => Reply) | undefined {
    if (kind === "result") {
      const span = findSpan(text, ["result", "supportedVersions"]);
      this.#isForeign = span === undefined;
      this.#revisions = span === undefined ? "[]" : spanText(text, span);
    } else {
      const code = findSpan(text, ["error", "code"]);
      this.#isForeign = code === undefined || !modernCodes.has(spanText(text, code));
    }
    return this.#isForeign ? this.#parts.foreign : undefined;
  }

  /** Servers of such wires may look at the revision of the first message alone. */
  #refusesRevision(text: Buffer, id: RawId): Reply | undefined {
    const span = findSpan(text, ["params", "_meta", metaKey.protocolVersion]);
    const requested = span === undefined ? undefined : spanText(text, span);
    if (requested === undefined || this.#revisions === "[]" || this.#revisions.includes(requested)) return undefined;
    const data = `{"supported":${this.#revisions},"requested":${requested}}`;
    const error = `{"code":${rpcCode.unsupportedVersion},"message":"The server does not serve this revision.","data":${data}}`;
    return wholeReply(400, "application/json", `{"jsonrpc":"2.0","id":${id},"error":${error}}`);
  }

  #request(text: Buffer, id: RawId, method: string, signal: AbortSignal | undefined): Promise<Reply> {
    const refused = this.#refusesRevision(text, id);
    if (refused !== undefined) {
      this.#endIfIdle();
      return Promise.resolve(refused);
    }
    return new Promise((settle) => {
      this.#last += 1;
      const call = new ModernCall({ id, method, number: this.#last, settle, onLeft: (left) => this.#drop(left) });
      this.#calls.set(call.number, call);
      signal?.addEventListener("abort", () => {
        this.#drop(call);
        call.lose(new Error("ended by the proxy"));
      });
      void this.#wire?.send(call.rename(text), [])?.then((refused) => {
        if (refused === undefined) return;
        // Its program has ended, and what it said last is still on its way: whoever comes next gets another one.
        if (refused.kind === "lost") this.#isPast = true;
        this.#calls.delete(call.number);
        call.refuse(refused);
      });
    });
  }

  /** Nobody waits for the answer: on HTTP the closed connection says so. */
  #drop(call: ModernCall): void {
    if (!this.#calls.delete(call.number)) return;
    const params = `{"requestId":${call.wireId}}`;
    void this.#wire?.send(Buffer.from(`{"jsonrpc":"2.0","method":"${cancelled}","params":${params}}`), []);
    this.#endIfIdle();
  }

  #notified(text: Buffer, method: string): void {
    const [call, span] = this.#named(text, [
      "params",
      ...(method === "notifications/progress" ? ["progressToken"] : ["_meta", metaKey.subscriptionId]),
    ]);
    if (span !== undefined && method === "notifications/progress") return call?.progress(text, span);
    if (span !== undefined) return call?.notify(text);
    // A request that the server gives up by itself.
    if (method === cancelled) return this.#withdrawn(this.#named(text, ["params", "requestId"])[0]);
    // It may hold what concerns one client alone, so it goes to nobody where that one is not known.
    const [only, ...others] = [...this.#calls.values()].filter(({ isListen }) => !isListen);
    if (others.length === 0) only?.notify(text);
  }

  #named(text: Buffer, path: readonly string[]): readonly [ModernCall | undefined, Span | undefined] {
    const span = findSpan(text, path);
    return [span === undefined ? undefined : this.#calls.get(numberOf(spanText(text, span))), span];
  }

  #withdrawn(call: ModernCall | undefined): void {
    if (call === undefined) return;
    this.#calls.delete(call.number);
    call.lose(new Error("the server withdrew it"));
    this.#endIfIdle();
  }

  /** A server of this era asks by its answers alone. */
  #refuseRequest(id: RawId | undefined): void {
    if (id === undefined) return;
    const error = { code: rpcCode.methodNotFound, message: "This revision has no requests of servers." };
    void this.#wire?.send(Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`), []);
  }

  #endIfIdle(): void {
    if (this.#calls.size > 0 || this.#waiting > 0 || this.#isOver) return;
    clearTimeout(this.#idle);
    const end = (): void => {
      this.#isOver = true;
      void this.#wire?.close();
    };
    if (this.#isPast) end();
    else this.#idle = setTimeout(end, idleMs).unref();
  }
}

/** The same refusal for each of those who wait. */
function repeatable(refused: Refused): () => Reply {
  if (refused.kind === "lost") return () => refused;
  const bytes = Buffer.concat(refused.body.arrived);
  return () => ({ ...refused, body: wholeBody(bytes) });
}

function unsent(cause: Error): Reply {
  return { kind: "lost", sent: "nothing", cause };
}
