// Takes a request body in: whole while it is small enough to be sent again, flowing beyond that, never more than the limit.
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { ProxyError } from "../../errors/index.ts";
import { EnvelopeScanner, type Scanned } from "../../protocol/index.ts";
import type { RequestBody } from "../relay/index.ts";

export interface BodyLimits {
  /** Largest request body. */
  readonly maxBodyBytes: number;
  /** Largest body that is kept for a replay. */
  readonly keepBytes: number;
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
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<TakenBody> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limits.maxBodyBytes) return Promise.reject(tooLarge(limits));
  return new Promise((resolve, reject) => new Intake(request, limits, resolve, reject).start());
}

class Intake {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #resolve: (taken: TakenBody) => void;
  readonly #reject: (error: ProxyError) => void;
  readonly #scanner = new EnvelopeScanner();
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #stream: PassThrough | undefined;
  #scanned: Scanned | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(
    request: IncomingMessage,
    limits: BodyLimits,
    resolve: (taken: TakenBody) => void,
    reject: (error: ProxyError) => void,
  ) {
    this.#request = request;
    this.#limits = limits;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    this.#request.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#request.on("end", () => this.#complete());
    this.#request.on("error", () => this.#fail(new ProxyError("BODY_TIMEOUT", { note: "The connection broke." })));
    this.#watch();
  }

  #take(chunk: Buffer): void {
    clearTimeout(this.#idle);
    this.#size += chunk.length;
    if (this.#size > this.#limits.maxBodyBytes) return this.#fail(tooLarge(this.#limits));
    this.#scanner.push(chunk);
    if (this.#stream !== undefined) {
      const { failure } = this.#scanner;
      if (failure !== undefined) this.#fail(new ProxyError("MALFORMED_JSON", { note: failure }));
      else if (this.#stream.write(chunk)) this.#watch();
      else this.#request.pause();
      return;
    }
    this.#chunks.push(chunk);
    if (this.#size > this.#limits.keepBytes) this.#flow();
    else if (this.#size !== Number(this.#request.headers["content-length"])) this.#watch();
  }

  /** Too large to keep: what came so far and everything after it goes straight on. */
  #flow(): void {
    const { failure } = this.#scanner;
    if (failure !== undefined) return this.#fail(new ProxyError("MALFORMED_JSON", { note: failure }));
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
    this.#resolve({ body: { stream, contentLength }, scanned: () => this.#soFar(), length: () => this.#size });
  }

  #complete(): void {
    clearTimeout(this.#idle);
    this.#scanned = this.#scanner.end();
    if (this.#stream !== undefined) {
      this.#stream.end();
      return;
    }
    const kept = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const scanned = this.#scanned;
    this.#resolve({ body: { kept }, scanned: () => scanned, length: () => kept.length });
  }

  #soFar(): Scanned {
    return this.#scanned ?? { shape: "single", envelope: this.#scanner.peek() };
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
