// Takes a request body in: whole while it is small enough to be sent again, flowing beyond that, never more than the limit.
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { ProxyError } from "../../errors/index.ts";
import { EnvelopeScanner, type Scanned, scanEnvelope } from "../../protocol/index.ts";
import type { RequestBody } from "../relay/index.ts";
import type { KeptBytes } from "./kept-bytes.ts";
import { type ExchangeNotes, whenOver } from "./request-record.ts";

export interface BodyLimits {
  /** Largest request body. */
  readonly maxBodyBytes: number;
  /** Largest body that is kept for a replay. */
  readonly keepBytes: number;
  /** What all requests in flight keep together. */
  readonly keptOfAll: KeptBytes;
  /** Longest pause between two pieces of a body. */
  readonly bodyIdleMs: number;
}

export interface TakenBody {
  readonly body: RequestBody;
  /** What the body is: final for a kept one, of a flowing one as far as it has been read. */
  readonly scanned: () => Scanned;
  /** Bytes so far. */
  readonly length: () => number;
}

/** @throws ProxyError BODY_TOO_LARGE, BODY_TIMEOUT */
export function readBody(request: IncomingMessage, limits: BodyLimits, notes: ExchangeNotes): Promise<TakenBody> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limits.maxBodyBytes) return Promise.reject(tooLarge(limits));
  return new Promise((resolve, reject) => new Intake(request, limits, notes, resolve, reject).start());
}

/**
 * As `readBody`, of a body that is there already.
 * @throws ProxyError BODY_TOO_LARGE
 */
export function takeWhole(whole: Buffer, limits: BodyLimits, notes: ExchangeNotes): TakenBody {
  if (whole.length > limits.maxBodyBytes) throw tooLarge(limits);
  let read: Scanned | undefined;
  const scanned = (): Scanned => (read ??= scanEnvelope(whole));
  const length = (): number => whole.length;
  const counted = whole.length > limits.keepBytes ? undefined : limits.keptOfAll.grow(0, whole.length);
  if (counted === undefined) {
    const stream = new PassThrough();
    stream.end(whole);
    return { body: { stream, contentLength: String(whole.length) }, scanned, length };
  }
  if (counted > 0) whenOver(notes, () => limits.keptOfAll.release(counted));
  return { body: { kept: whole }, scanned, length };
}

class Intake {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #resolve: (taken: TakenBody) => void;
  readonly #reject: (error: ProxyError) => void;
  readonly #notes: ExchangeNotes;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #counted = 0;
  /** Of a body that flows; a kept one is read once, when it is whole. */
  #scanner: EnvelopeScanner | undefined;
  #stream: PassThrough | undefined;
  #scanned: Scanned | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(
    request: IncomingMessage,
    limits: BodyLimits,
    notes: ExchangeNotes,
    resolve: (taken: TakenBody) => void,
    reject: (error: ProxyError) => void,
  ) {
    this.#request = request;
    this.#limits = limits;
    this.#notes = notes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    this.#request.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#request.on("end", () => this.#complete());
    this.#request.on("error", () => this.#fail(new ProxyError("BODY_TIMEOUT", { note: "The connection broke." })));
    // Most bodies come together with their head and need no timer. What came is handed out before this tick, for it was asked for before.
    process.nextTick(() => {
      if (this.#size === 0 && !this.#request.complete) this.#watch();
    });
  }

  #take(chunk: Buffer): void {
    clearTimeout(this.#idle);
    this.#size += chunk.length;
    if (this.#size > this.#limits.maxBodyBytes) return this.#fail(tooLarge(this.#limits));
    if (this.#scanner !== undefined && this.#stream !== undefined) {
      this.#scanner.push(chunk);
      const { failure } = this.#scanner;
      if (failure !== undefined) this.#fail(new ProxyError("MALFORMED_JSON", { note: failure }));
      // Answered already: what is still to come is read and dropped, and a client that stops sending it is watched as before.
      else if (this.#stream.destroyed || this.#stream.write(chunk)) this.#watch();
      else this.#request.pause();
      return;
    }
    this.#chunks.push(chunk);
    if (!this.#mayKeep()) this.#flow();
    else if (!this.#request.complete && this.#size !== Number(this.#request.headers["content-length"])) this.#watch();
  }

  #mayKeep(): boolean {
    const { keepBytes, keptOfAll } = this.#limits;
    const counted = this.#size > keepBytes ? undefined : keptOfAll.grow(this.#counted, this.#size);
    if (counted === undefined) return false;
    const isFirst = this.#counted === 0 && counted > 0;
    this.#counted = counted;
    if (isFirst) whenOver(this.#notes, () => this.#giveBack());
    return true;
  }

  #giveBack(): void {
    this.#limits.keptOfAll.release(this.#counted);
    this.#counted = 0;
  }

  /** Too large to keep, or too much is kept already: what came so far and everything after it goes straight on. */
  #flow(): void {
    this.#giveBack();
    const scanner = new EnvelopeScanner();
    for (const chunk of this.#chunks) scanner.push(chunk);
    const { failure } = scanner;
    if (failure !== undefined) return this.#fail(new ProxyError("MALFORMED_JSON", { note: failure }));
    this.#scanner = scanner;
    const stream = new PassThrough({ highWaterMark: 256 * 1024 });
    this.#stream = stream;
    stream.on("drain", () => {
      this.#request.resume();
      this.#watch();
    });
    // The server may answer before it has read everything; the rest is then read and dropped.
    stream.on("close", () => this.#request.resume());
    stream.on("error", () => this.#request.resume());
    for (const chunk of this.#chunks.splice(0)) stream.write(chunk);
    if (stream.writableNeedDrain) this.#request.pause();
    else this.#watch();
    const contentLength = this.#request.headers["content-length"];
    const soFar = (): Scanned => this.#scanned ?? { shape: "single", envelope: scanner.peek() };
    this.#resolve({ body: { stream, contentLength }, scanned: soFar, length: () => this.#size });
  }

  #complete(): void {
    clearTimeout(this.#idle);
    if (this.#stream !== undefined) {
      this.#scanned = this.#scanner?.end();
      this.#stream.end();
      return;
    }
    const kept = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    // A modern body is routed and logged by its headers, and read only when there is trouble.
    const scanned = (): Scanned => (this.#scanned ??= scanEnvelope(kept));
    this.#resolve({ body: { kept }, scanned, length: () => kept.length });
  }

  /** While the client is not the one who is waited for, nothing is watched. */
  #watch(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.#fail(new ProxyError("BODY_TIMEOUT", { note: `Nothing came for ${this.#limits.bodyIdleMs} ms.` }));
    }, this.#limits.bodyIdleMs);
  }

  #fail(error: ProxyError): void {
    clearTimeout(this.#idle);
    this.#request.removeAllListeners("data");
    this.#request.resume();
    this.#stream?.destroy(error);
    this.#reject(error);
  }
}

function tooLarge(limits: BodyLimits): ProxyError {
  return new ProxyError("BODY_TOO_LARGE", { note: `The limit is ${limits.maxBodyBytes} bytes.` });
}
