// Carries one answer of a modern server to the client as it came, under the id that the client knows, and keeps a refusal back until it is understood.
import { mediaType } from "../../protocol/index.ts";
import type { ReplyFacts } from "../recovery/index.ts";
import type { Reply } from "../transport/index.ts";
import { writeEvent } from "./answer-error.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { clientHeaders } from "./headers.ts";
import { ModernStream, type Renamed, rename, type StreamEnd } from "./modern-stream.ts";
import { readHead } from "./read-refusal.ts";
import { isTorn, joined, plainHoldBytes } from "./relay-answer.ts";

type Whole = Extract<Reply, { kind: "reply" }>;

export type ModernDelivery =
  | { readonly kind: "answered" }
  /** The body ended before the answer did. */
  | { readonly kind: "cut" }
  | Extract<StreamEnd, { kind: "ended" }>
  /** Not given to the client yet; `pass` gives it after all. */
  | { readonly kind: "held"; readonly facts: ReplyFacts; pass(): Promise<void> };

const answered: ModernDelivery = { kind: "answered" };
const cut: ModernDelivery = { kind: "cut" };

/** The answer of one exchange, over as many replies as it takes. */
export class ModernAnswer {
  /** Set once the request went out under another id. */
  renamed: Renamed | undefined;
  readonly #exchange: ClientExchange;
  readonly #front: boolean;
  readonly #isListen: boolean;
  #stream: ModernStream | undefined;

  constructor(exchange: ClientExchange, front: boolean, isListen: boolean) {
    this.#exchange = exchange;
    this.#front = front;
    this.#isListen = isListen;
  }

  /** The client has been sent the head of an event stream. */
  get streaming(): boolean {
    return this.#stream !== undefined;
  }

  /** A subscription that the server has acknowledged. */
  get granted(): boolean {
    return this.#stream?.granted === true;
  }

  /** At once where the whole answer came with its head, which is the common case. */
  deliver(reply: Whole): ModernDelivery | Promise<ModernDelivery> {
    if (reply.status >= 300) return this.#hold(reply);
    const contentType = mediaType(reply.headers["content-type"]);
    return contentType === "text/event-stream" ? this.#toStream(reply) : this.#plain(reply, contentType);
  }

  endWith(json: string): void {
    writeEvent(this.#exchange.connection, json);
    this.#exchange.connection.end();
  }

  async #toStream(reply: Whole): Promise<ModernDelivery> {
    const { connection } = this.#exchange;
    const headers = clientHeaders(reply.headers, this.#front);
    this.#stream ??= new ModernStream(connection, reply.status, headers, this.#isListen);
    const end = await this.#stream.pipe(reply.body, this.renamed);
    if (end.kind === "answered") connection.end();
    return end;
  }

  #plain(reply: Whole, contentType: string): ModernDelivery | Promise<ModernDelivery> {
    const { body, status } = reply;
    const headers = clientHeaders(reply.headers, this.#front);
    // The common case: the whole answer came with its head.
    if (body.complete) return this.#whole(reply, headers, contentType, joined(body.arrived));
    const { connection } = this.#exchange;
    const mustHold = this.renamed !== undefined || this.#stream !== undefined;
    return new Promise((resolve) => {
      const held: Buffer[] = [];
      let size = 0;
      let isFlowing = false;
      body.pipe({
        data(chunk) {
          if (!isFlowing) {
            held.push(chunk);
            size += chunk.length;
            if (size <= plainHoldBytes || mustHold) return true;
            isFlowing = true;
            const length = reply.headers["content-length"];
            connection.head(status, typeof length === "string" ? [...headers, "content-length", length] : headers);
            for (const each of held.splice(0, held.length - 1)) connection.write(each);
          }
          if (connection.write(chunk)) return true;
          connection.onDrain(() => body.resume());
          return false;
        },
        end: () => {
          if (!isFlowing) return resolve(this.#whole(reply, headers, contentType, joined(held)));
          connection.end();
          resolve(answered);
        },
        // The client already has a part: only a broken connection tells it that the rest is missing.
        cut: () => {
          if (!isFlowing) return resolve(cut);
          connection.destroy();
          resolve(answered);
        },
      });
    });
  }

  #whole(reply: Whole, headers: string[], contentType: string, whole: Buffer): ModernDelivery {
    const { connection } = this.#exchange;
    const isPlainJson =
      reply.status === 200 && contentType === "application/json" && reply.headers["content-encoding"] === undefined;
    // However cleanly it ended: a proxy in between makes a whole answer of whatever reached it.
    if (isPlainJson && isTorn(whole)) return cut;
    const named = isPlainJson && this.renamed !== undefined ? renamed(whole, this.renamed) : whole;
    if (named === undefined) return cut;
    if (this.#stream !== undefined) {
      this.endWith(named.toString());
      return answered;
    }
    if (reply.status !== 204) headers.push("content-length", String(named.length));
    connection.answer(reply.status, headers, named);
    return answered;
  }

  /** A refusal: read as much as classification needs, and keep it ready to be passed on as it is. */
  async #hold(reply: Whole): Promise<ModernDelivery> {
    const { held, ended } = await readHead(reply.body);
    const head = Buffer.concat(held);
    const facts: ReplyFacts = {
      status: reply.status,
      contentType: mediaType(reply.headers["content-type"]),
      challenged: reply.headers["www-authenticate"] !== undefined,
      body: head.toString(),
    };
    const pass = (): Promise<void> => this.#passRefusal(reply, head, ended);
    return { kind: "held", facts, pass };
  }

  async #passRefusal(reply: Whole, head: Buffer, ended: boolean): Promise<void> {
    const { connection } = this.#exchange;
    const named =
      ended && this.renamed !== undefined && looksLikeObject(head) ? (renamed(head, this.renamed) ?? head) : head;
    if (this.#stream !== undefined) return this.endWith(named.toString());
    const headers = clientHeaders(reply.headers, this.#front);
    if (ended) {
      connection.answer(reply.status, [...headers, "content-length", String(named.length)], named);
      return;
    }
    connection.head(reply.status, headers);
    connection.write(head);
    reply.body.pipe({
      data(chunk) {
        if (connection.write(chunk)) return true;
        connection.onDrain(() => reply.body.resume());
        return false;
      },
      end: () => connection.end(),
      cut: () => connection.destroy(),
    });
  }
}

function looksLikeObject(bytes: Buffer): boolean {
  return bytes.length > 1 && bytes[0] === 0x7b && !isTorn(bytes);
}

/** Undefined for what is no JSON. */
function renamed(text: Buffer, names: Renamed): Buffer | undefined {
  try {
    return Buffer.from(rename(text.toString(), names));
  } catch {
    return undefined;
  }
}
