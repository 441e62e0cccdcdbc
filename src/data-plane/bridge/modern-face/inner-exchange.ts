// An exchange of the bridge's own with the relay, in memory: what a client of the server's era would send, and its answer message by message.
import { isMessage, mediaType, type RawId, SseObserver, scanEnvelope } from "../../../protocol/index.ts";
import type { ClientConnection, ClientExchange, ExchangeOutcome } from "../../relay/index.ts";

/** Where the answer goes. */
export interface InnerSink {
  /** The head: a stream's comes before its messages, any other together with its body. */
  head?(status: number, headers: Readonly<Record<string, string>>): void;
  /** One JSON-RPC message, whole. False asks for a pause until `onDrain`. */
  message(text: string): boolean;
  /** The answer was longer than what is read, and was dropped. */
  tooLarge?(): void;
  onDrain?(listener: () => void): void;
  /** The answer is over. `broken`: it was torn off. */
  end(broken: boolean): void;
}

/** The client's end of such an exchange. */
export class InnerConnection implements ClientConnection {
  gone = false;
  readonly #sink: InnerSink;
  #leaving: (() => void)[] = [];
  #observer: SseObserver | undefined;
  #flowing = true;
  readonly #mostBytes: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #isOver = false;
  #isTorn = false;

  /** `mostBytes`: of an answer, or of one event. */
  constructor(sink: InnerSink, mostBytes = Number.POSITIVE_INFINITY) {
    this.#sink = sink;
    this.#mostBytes = mostBytes;
  }

  onGone(listener: () => void): void {
    this.#leaving.push(listener);
  }

  /** The bridge no longer wants the answer. */
  leave(): void {
    if (this.gone || this.#isOver) return;
    this.gone = true;
    for (const listener of this.#leaving.splice(0)) listener();
  }

  answer(status: number, headers: readonly string[], body: Uint8Array): void {
    this.head(status, headers);
    this.end(body);
  }

  head(status: number, headers: readonly string[]): void {
    const named: Record<string, string> = {};
    for (let index = 0; index < headers.length; index += 2)
      named[(headers[index] as string).toLowerCase()] = headers[index + 1] as string;
    if (mediaType(named["content-type"]) === "text/event-stream") {
      this.#observer = new SseObserver((event) => {
        // The half of an event that was torn is no message, and nobody could read it.
        if (event.type !== "message" || !isMessage(event.scanned)) return;
        const text = event.text();
        if (text !== undefined) this.#flowing = this.#give(text) && this.#flowing;
        const kind = event.scanned.shape === "single" ? event.scanned.envelope.kind : undefined;
        if (text === undefined && (kind === "result" || kind === "error")) this.#sink.tooLarge?.();
      }, this.#mostBytes);
    }
    this.#sink.head?.(status, named);
  }

  write(chunk: Uint8Array): boolean {
    if (this.gone || this.#isOver) return true;
    if (this.#observer === undefined) {
      this.#size += chunk.length;
      if (this.#size <= this.#mostBytes) this.#chunks.push(chunk);
      else this.#chunks = [];
      return true;
    }
    this.#flowing = true;
    // The observer keeps references, and the writer may use its buffer again.
    this.#observer.push(Buffer.from(chunk));
    return this.#flowing;
  }

  onDrain(listener: () => void): void {
    if (this.#sink.onDrain === undefined) listener();
    else this.#sink.onDrain(listener);
  }

  end(chunk?: Uint8Array): void {
    if (this.#isOver) return;
    if (chunk !== undefined) this.write(chunk);
    this.#isOver = true;
    if (this.gone) return;
    this.#observer?.end();
    const whole = Buffer.concat(this.#chunks);
    const isJson = whole.length > 0 && isMessage(scanEnvelope(whole));
    if (this.#size > this.#mostBytes) this.#sink.tooLarge?.();
    else if (isJson) this.#give(whole.toString());
    if (!this.#isTorn) this.#sink.end(false);
  }

  /** What cannot be worked with (long texts are only scanned, and depth has its limits) is as good as torn off, and must trouble nobody that it came through. */
  #give(text: string): boolean {
    if (this.#isTorn) return true;
    try {
      return this.#sink.message(text);
    } catch {
      this.#isTorn = true;
      this.leave();
      this.#isOver = true;
      this.#sink.end(true);
      return true;
    }
  }

  destroy(): void {
    if (this.#isOver || this.gone) return;
    this.#isOver = true;
    this.#sink.end(true);
  }
}

/** On whose behalf an inner exchange is, and under which line of the log. */
export interface OnBehalf {
  readonly headers: readonly string[];
  readonly requestId: string;
  readonly outcome: ExchangeOutcome;
}

/** A POST of one message. `version`: what goes into Mcp-Protocol-Version; none for `initialize`. */
export function innerPost(
  text: string,
  version: string | undefined,
  { headers, requestId, outcome }: OnBehalf,
  connection: ClientConnection,
): ClientExchange {
  const kept = Buffer.from(text);
  const scanned = scanEnvelope(kept);
  return {
    httpMethod: "POST",
    connection,
    scanned: scanned.shape === "single" ? scanned : undefined,
    body: { kept },
    contentType: "application/json",
    protocolVersion: version,
    lastEventId: undefined,
    headers,
    requestId,
    outcome,
  };
}

export function innerGet(version: string | undefined, on: OnBehalf, connection: ClientConnection): ClientExchange {
  const { headers, requestId, outcome } = on;
  return {
    httpMethod: "GET",
    connection,
    scanned: undefined,
    body: undefined,
    contentType: "",
    protocolVersion: version,
    lastEventId: undefined,
    headers,
    requestId,
    outcome,
  };
}

/** What came of an exchange whose answer is one message. */
export interface InnerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The last message: the answer, unless the exchange was torn off. */
  readonly text: string | undefined;
}

/** Runs an exchange and collects its answer; messages before it are dropped. */
export async function innerAnswer(run: (connection: ClientConnection) => Promise<void>): Promise<InnerAnswer> {
  let status = 0;
  let headers: Readonly<Record<string, string>> = {};
  let last: string | undefined;
  const over = Promise.withResolvers<void>();
  const connection = new InnerConnection({
    head(code, named) {
      status = code;
      headers = named;
    },
    message(text) {
      last = text;
      return true;
    },
    end: () => over.resolve(),
  });
  await run(connection);
  await over.promise;
  return { status, headers, text: last };
}

/** Ids of one kind of the bridge's own: no client of the session has them, for the bridge is its only client. */
let count = 0;

export function innerId(): RawId {
  count += 1;
  return `"m${count.toString(36)}"`;
}
