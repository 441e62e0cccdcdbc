// Knows whether the server can be reached, and lets requests wait until it can. One prober per server, however many wait.
import type { ErrorCode } from "../../errors/index.ts";
import { acceptBoth, privateId } from "../../protocol/index.ts";
import { type Reply, type Transport, WireFault, type WireRequest } from "../transport/index.ts";

const firstDelayMs = 40;
const longestDelayMs = 400;
/** Who was told "up" and then met the same trouble is held back for longer: each of its tries is a real request, and the window is long. */
const longestPauseMs = 4_000;
const probeTimeoutMs = 5_000;
/** So often OPTIONS alone is tried. */
const optionsFirst = 4;

/** Why the server cannot be reached, as last seen. */
export interface Away {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly status?: number | undefined;
  readonly sinceMs: number;
}

export class Availability {
  #away: Away | undefined;
  #probing = false;
  #stopped = false;
  /** How to let each of those go on who wait, in the order in which they came. */
  readonly #waiting = new Set<() => void>();
  /** The same for those who wait although the server can be reached. */
  readonly #pausing = new Set<() => void>();
  readonly #transport: Transport;
  readonly #nowMs: () => number;

  readonly #tell: (news: Away | "up", awayMs: number) => void;
  readonly #headers: readonly string[];

  /** `tell` hears of each change, once. `headers`: the connector's own, by which a gateway may find the server. */
  constructor(
    transport: Transport,
    nowMs: () => number,
    tell: (news: Away | "up", awayMs: number) => void = () => {},
    headers: readonly string[] = [],
  ) {
    this.#transport = transport;
    this.#nowMs = nowMs;
    this.#tell = tell;
    this.#headers = headers;
  }

  get away(): Away | undefined {
    return this.#away;
  }

  /** The server answered something of its own. */
  answered(): void {
    if (this.#away === undefined) return;
    const awayMs = this.#nowMs() - this.#away.sinceMs;
    this.#away = undefined;
    void this.#release();
    this.#tell("up", awayMs);
  }

  failed(code: ErrorCode, detail: string, status?: number): void {
    const before = this.#away;
    this.#away = { code, detail, status, sinceMs: before?.sinceMs ?? this.#nowMs() };
    if (before?.code !== code) this.#tell(this.#away, this.#nowMs() - this.#away.sinceMs);
  }

  /**
   * Resolves with "up" as soon as the server can be reached, or with what stands in the way when `deadlineMs` (of the same clock) has passed.
   * `inVain`: how often the caller has been told "up" and met trouble all the same. A gateway may answer OPTIONS for a server that is away, so
   * each time there is a longer pause first.
   */
  async up(deadlineMs: number, inVain = 0): Promise<"up" | Away> {
    if (inVain > 0) {
      const met = this.#away;
      await this.#pause(Math.min(firstDelayMs * 2 ** (inVain - 1), longestPauseMs), deadlineMs);
      // Others may have been answered meanwhile; that says nothing to one whose time is over.
      if (this.#stopped || this.#nowMs() >= deadlineMs) return this.#away ?? met ?? this.#silent();
    }
    return this.#untilUp(deadlineMs);
  }

  /** Of a server that nobody calls away, and that still leaves somebody without an answer. */
  #silent(): Away {
    return { code: "UPSTREAM_UNAVAILABLE", detail: "It can be reached, and gives no answer.", sinceMs: this.#nowMs() };
  }

  #untilUp(deadlineMs: number): Promise<"up" | Away> {
    if (this.#away === undefined) return Promise.resolve("up");
    const leftMs = deadlineMs - this.#nowMs();
    if (this.#stopped) return Promise.resolve(this.#away);
    if (!this.#probing) void this.#probe();
    // The probe is for those who come later.
    if (leftMs <= 0) return Promise.resolve(this.#away);
    return new Promise((resolve) => {
      const leave = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(leave);
        resolve(this.#away ?? "up");
      };
      // A deadline of its own: a probe may hang for longer.
      const timer = setTimeout(leave, leftMs);
      this.#waiting.add(leave);
    });
  }

  /** Holdfast ends: nobody waits any longer, and each is told what it waited for. */
  stop(): void {
    this.#stopped = true;
    for (const leave of this.#waiting) leave();
    for (const end of this.#pausing) end();
  }

  #pause(forMs: number, deadlineMs: number): Promise<void> {
    const leftMs = Math.min(jittered(forMs), deadlineMs - this.#nowMs());
    if (this.#stopped || leftMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#pausing.delete(end);
        resolve();
      };
      const timer = setTimeout(end, leftMs);
      this.#pausing.add(end);
    });
  }

  /** Each has given its request to the wire before the next one hears. Those who have not heard when the server is away again wait on. */
  async #release(): Promise<void> {
    for (const leave of this.#waiting) {
      if (this.#away !== undefined) break;
      leave();
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (this.#away !== undefined && this.#waiting.size > 0 && !this.#probing) void this.#probe();
  }

  /** Asks for as long as anybody waits, at least once; any answer that no gateway gives for a dead server means "up". */
  async #probe(): Promise<void> {
    this.#probing = true;
    let delayMs = firstDelayMs;
    for (let asked = 0; this.#away !== undefined; asked += 1) {
      const signal = AbortSignal.timeout(probeTimeoutMs);
      const reply = await this.#transport.send({ ...this.#question(asked), signal });
      if (reply.kind === "reply") reply.body.abort();
      const fault = awayFault(reply, signal.aborted);
      if (fault === undefined) this.answered();
      else this.failed(fault.code, fault.detail, fault.status);
      if (fault === undefined || this.#waiting.size === 0) break;
      await new Promise((resolve) => setTimeout(resolve, jittered(delayMs)));
      delayMs = Math.min(delayMs * 2, longestDelayMs);
    }
    this.#probing = false;
  }

  /**
   * OPTIONS changes nothing and names no session. Some that stand in front of a server answer it for themselves or drop it, whether the server is there or not, so that a ping outside any
   * session is tried as well.
   */
  #question(asked: number): WireRequest {
    if (asked < optionsFirst || asked % 2 === 0 || this.#transport.wire !== "Streamable HTTP")
      return { method: "OPTIONS", headers: [...this.#headers] };
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: privateId(), method: "ping" }));
    const headers = [...this.#headers, "accept", acceptBoth, "content-type", "application/json"];
    return { method: "POST", headers, body };
  }
}

function jittered(ms: number): number {
  return ms * (0.8 + Math.random() * 0.4);
}

/** Statuses that gateways give for a server that is not there (502, 503; Cloudflare's 520 to 527 and 530). 504 is not among them: the server may be at work. */
export function isGatewayAway(status: number): boolean {
  return status === 502 || status === 503 || (status >= 520 && status <= 527 && status !== 524) || status === 530;
}

/** A gateway that has given up waiting. What takes a server no time, such as opening a session, was then answered by nobody. */
export function isGatewayTimeout(status: number): boolean {
  return status === 504 || status === 524;
}

function awayFault(reply: Reply, timedOut: boolean): { code: ErrorCode; detail: string; status?: number } | undefined {
  // Something listens and thinks: the real request will tell.
  if (reply.kind === "lost" && reply.sent === "maybe" && timedOut) return undefined;
  // A connection that is taken and dropped at once belongs to a forwarder without a server behind it.
  if (reply.kind === "lost") return connectFault(reply.cause);
  if (!isGatewayAway(reply.status)) return undefined;
  return { code: "UPSTREAM_UNAVAILABLE", detail: `It answers ${reply.status}.`, status: reply.status };
}

const notSendable = "REQUEST_MALFORMED";

/** It never came to the connection, which says nothing of the server, and no waiting mends it. */
export function isNotSendable(cause: Error): boolean {
  return errorCode(cause) === notSendable;
}

const droppedCodes: ReadonlySet<string> = new Set(["CONNECTION_CLOSED", "ECONNRESET", "EPIPE"]);
const nameCodes: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_NODATA", "EAI_NONAME"]);
const timeoutCodes: ReadonlySet<string> = new Set(["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"]);

/** Which cause of the catalogue a failed connection has. */
export function connectFault(cause: Error): { code: ErrorCode; detail: string } {
  // A wire that knows its own troubles.
  if (cause instanceof WireFault) return { code: cause.code, detail: cause.message };
  const code = errorCode(cause);
  if (code === notSendable) return { code: "REQUEST_NOT_SENDABLE", detail: cause.message };
  if (code === "ERR_ADDRESS_REFUSED") return { code: "UPSTREAM_ADDRESS_REFUSED", detail: "It was not connected to." };
  if (nameCodes.has(code)) return { code: "UPSTREAM_NAME_UNKNOWN", detail: `The lookup says ${code}.` };
  if (timeoutCodes.has(code))
    return { code: "UPSTREAM_CONNECT_TIMEOUT", detail: `The connection attempt says ${code}.` };
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code)) {
    return { code: "UPSTREAM_TLS_FAILED", detail: `The handshake says ${code}.` };
  }
  if (code.startsWith("ANSWER_")) return { code: "UPSTREAM_NOT_HTTP", detail: cause.message };
  if (droppedCodes.has(code))
    return { code: "UPSTREAM_DROPS_CONNECTION", detail: `The connection ended with ${code}.` };
  return {
    code: "UPSTREAM_REFUSED_CONNECTION",
    detail: `The connection attempt says ${code === "" ? "failed" : code}.`,
  };
}

function errorCode(cause: Error): string {
  const direct = (cause as NodeJS.ErrnoException).code;
  if (typeof direct === "string") return direct;
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
  return inner instanceof Error ? errorCode(inner) : "";
}
