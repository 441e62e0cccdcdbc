// Carries one answer of the server to the client, byte for byte, and notices when it is none: a refusal, a doubtful error, a torn body.
import { mediaType, type RawId } from "../../protocol/index.ts";
import { mentionsError, type ReplyFacts } from "../recovery/index.ts";
import { firstMessage, type UpstreamSession } from "../session/index.ts";
import type { Reply, ReplyBody } from "../transport/index.ts";
import { type ClientExchange, requestIds } from "./client-exchange.ts";
import { type Delivery, delivered } from "./delivery.ts";
import { clientHeaders } from "./headers.ts";
import { markRestored } from "./mark-restored.ts";
import { readHead } from "./read-refusal.ts";
import { StreamRelay } from "./relay-stream.ts";

/** A plain answer is held back up to this size, so that a torn small one can still become a proper error. */
export const plainHoldBytes = 16 * 1024;
/** No refusal in disguise is larger than this. */
const refusalBytes = 64 * 1024;
const captureBytes = 8 * 1024 * 1024;

/** The answer of one exchange, over as many replies as it takes. */
export class AnswerRelay {
  readonly exchange: ClientExchange;
  readonly session: UpstreamSession;
  /** Requests whose answer the client has not been given; known from the first reply on, when a flowing body has been read as well. */
  open: Set<RawId> = new Set();
  #expecting = false;
  /** Text of the answer, for the few methods that change what a session holds. */
  captured = "";
  readonly #capture: boolean;
  #stream: StreamRelay | undefined;

  constructor(exchange: ClientExchange, session: UpstreamSession, capture: boolean) {
    this.exchange = exchange;
    this.session = session;
    this.#capture = capture;
  }

  /** The client has been sent the head of an event stream. */
  get streaming(): boolean {
    return this.#stream !== undefined;
  }

  get generation(): number {
    return this.#stream?.generation ?? 0;
  }

  /** At once where the whole answer came with its head, which is the common case. */
  deliver(reply: Extract<Reply, { kind: "reply" }>, generation: number): Delivery | Promise<Delivery> {
    const contentType = mediaType(reply.headers["content-type"]);
    if (!this.#expecting) this.expect(requestIds(this.exchange));
    if (reply.status >= 300) return this.#hold(reply, contentType);
    if (contentType === "text/event-stream") return this.#toStream(reply, generation);
    if (this.#stream !== undefined) return this.#stream.frame(reply.body);
    return this.#plain(reply, contentType);
  }

  expect(ids: readonly RawId[]): void {
    this.#expecting = true;
    this.open = new Set(ids);
  }

  #toStream(reply: Extract<Reply, { kind: "reply" }>, generation: number): Promise<Delivery> {
    if (this.#stream === undefined) {
      const headers = clientHeaders(reply.headers, this.session.connector.settings.front);
      this.#stream = new StreamRelay(this, reply.status, headers, this.#capture);
    }
    return this.#stream.pipe(reply.body, generation);
  }

  /** A refusal: read as much as classification needs, and keep it ready to be passed on as it is. */
  async #hold(reply: Extract<Reply, { kind: "reply" }>, contentType: string): Promise<Delivery> {
    const { held, ended } = await readHead(reply.body);
    const head = Buffer.concat(held);
    const text = head.toString();
    const message = contentType === "text/event-stream" ? firstMessage(`${text}\n\n`, contentType) : undefined;
    const facts: ReplyFacts = {
      status: reply.status,
      contentType,
      challenged: reply.headers["www-authenticate"] !== undefined,
      body: message === undefined ? text : JSON.stringify(message),
    };
    const pass = (): Promise<Delivery> => {
      if (this.#stream !== undefined)
        return this.#stream.frameText(message === undefined ? text : JSON.stringify(message));
      const headers = clientHeaders(reply.headers, this.session.connector.settings.front);
      if (ended) return Promise.resolve(this.#end(reply.status, headers, head));
      this.exchange.connection.head(reply.status, headers);
      this.exchange.connection.write(head);
      return this.#flow(reply.body);
    };
    return { kind: "held", facts, pass };
  }

  /** JSON, an empty 202, or anything else that is no stream. */
  #plain(reply: Extract<Reply, { kind: "reply" }>, contentType: string): Promise<Delivery> | Delivery {
    const { status, body } = reply;
    const headers = clientHeaders(reply.headers, this.session.connector.settings.front);
    // The common case: the whole answer came with its head.
    if (body.complete) return this.#whole(status, headers, contentType, joined(body.arrived));
    const announced = reply.headers["content-length"];
    return new Promise((resolve) => {
      const held: Buffer[] = [];
      let size = 0;
      const holdBytes = this.session.markNext === undefined ? plainHoldBytes : captureBytes;
      body.pipe({
        data: (chunk) => {
          held.push(chunk);
          size += chunk.length;
          if (size <= holdBytes) return true;
          // Too large to be a disguised refusal: from here on it flows.
          if (typeof announced === "string") headers.push("content-length", announced);
          this.exchange.connection.head(status, headers);
          for (const each of held) this.exchange.connection.write(each);
          resolve(this.#flow(body));
          return true;
        },
        end: () => resolve(this.#whole(status, headers, contentType, joined(held))),
        cut: () => resolve({ kind: "cut", lastEventId: undefined, begun: false }),
      });
    });
  }

  #whole(status: number, headers: string[], contentType: string, whole: Buffer): Delivery {
    const readable = status === 200 && contentType === "application/json" && !headers.includes("content-encoding");
    // However cleanly it ended (session-loss research, 2.4): a proxy makes a whole answer of whatever reached it.
    if (readable && this.open.size > 0 && isTorn(whole)) return { kind: "cut", lastEventId: undefined, begun: false };
    const suspicious = status === 200 && this.open.size === 1 && whole.length <= refusalBytes && mentionsError(whole);
    if (!suspicious) return this.#end(status, headers, whole);
    const facts: ReplyFacts = { status, contentType, challenged: false, body: whole.toString() };
    return { kind: "held", facts, pass: () => Promise.resolve(this.#end(status, headers, whole)) };
  }

  #end(status: number, headers: string[], whole: Buffer): Delivery {
    const { connection } = this.exchange;
    const body =
      this.session.markNext === undefined || this.open.size === 0 ? whole : markRestored(this.session, whole);
    this.open.clear();
    if (this.#capture) this.captured = body.toString();
    if (status !== 204) headers.push("content-length", String(body.length));
    connection.answer(status, headers, body);
    return delivered;
  }

  /** The rest of a body whose head and beginning have been sent. */
  #flow(body: ReplyBody): Promise<Delivery> {
    const { connection } = this.exchange;
    const chunks: Buffer[] = [];
    this.open.clear();
    return new Promise((resolve) => {
      body.pipe({
        data: (chunk) => {
          if (this.#capture) chunks.push(chunk);
          if (connection.write(chunk)) return true;
          connection.onDrain(() => body.resume());
          return false;
        },
        end: () => {
          if (this.#capture) this.captured = Buffer.concat(chunks).toString();
          connection.end();
          resolve(delivered);
        },
        // The client already has a part: only a broken connection tells it that the rest is missing.
        cut: () => {
          connection.destroy();
          resolve(delivered);
        },
      });
    });
  }
}

/** A JSON-RPC answer ends with a bracket; what does not is only the beginning of one, or nothing. */
export function isTorn(json: Buffer): boolean {
  let at = json.length - 1;
  while (at >= 0 && (json[at] as number) <= 32) at -= 1;
  return json[at] !== 125 && json[at] !== 93;
}

export function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
