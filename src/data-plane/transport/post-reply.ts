// The reply to one POST on a virtual server: plain JSON where the answer is the first thing that comes, an event stream where something comes before it or it takes its time.
import { encodeSseEvent } from "../../protocol/index.ts";
import { PushBody, type PushBodyEvents, wholeReply } from "./push-body.ts";
import type { Reply } from "./reply.ts";

/** After this long the head of an event stream goes out, so that whoever waits has something to keep alive and to resume. */
const headAfterMs = 500;
const largeBytes = 64 * 1024;
const eventHead = Buffer.from("event: message\ndata: ");
const eventEnd = Buffer.from("\n\n");

export const streamHeaders = { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" };

export class PostReply {
  /** Takes nothing but its answers: a request of Holdfast's own, or an initialize. */
  readonly isPrivate: boolean;
  readonly #settle: (reply: Reply) => void;
  readonly #events: PushBodyEvents;
  #left: number;
  readonly #isBatch: boolean;
  #body: PushBody | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(requests: number, isPrivate: boolean, settle: (reply: Reply) => void, events: PushBodyEvents) {
    this.isPrivate = isPrivate;
    this.#settle = settle;
    this.#events = events;
    this.#left = requests;
    this.#isBatch = requests > 1;
    if (!isPrivate) this.#timer = setTimeout(() => this.#stream(), headAfterMs);
  }

  /** `status`: of an answer that is the first thing that comes; in a stream it has none of its own. */
  answer(text: Buffer, headers?: Readonly<Record<string, string>>, status = 200): void {
    if (this.#isOver) return;
    this.#left -= 1;
    if (this.#body === undefined && !this.#isBatch) {
      this.#end();
      this.#settle(wholeReply(status, "application/json", text, headers));
      return;
    }
    const body = this.#stream();
    pushEvent(body, text);
    if (this.#left > 0) return;
    this.#end();
    body.finish();
  }

  /** Something that comes before the answer. */
  event(text: Buffer): void {
    if (!this.#isOver) pushEvent(this.#stream(), text);
  }

  /** One of its requests was cancelled, and its answer will not come. */
  skip(): void {
    if (this.#isOver) return;
    this.#left -= 1;
    if (this.#left > 0) return;
    const body = this.#stream();
    this.#end();
    body.finish();
  }

  /** The message was not taken: what was said instead. */
  refuse(reply: Reply): void {
    if (this.#isOver || this.#body !== undefined) return this.lose(new Error("refused"));
    this.#end();
    this.#settle(reply);
  }

  /** No answer will come. */
  lose(cause: Error): void {
    if (this.#isOver) return;
    this.#end();
    if (this.#body === undefined) this.#settle({ kind: "lost", sent: "maybe", cause });
    else this.#body.cut(cause);
  }

  #stream(): PushBody {
    if (this.#body !== undefined) return this.#body;
    clearTimeout(this.#timer);
    this.#body = new PushBody(this.#events);
    this.#settle({ kind: "reply", status: 200, headers: streamHeaders, body: this.#body });
    return this.#body;
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}

/** A large message is not copied for its frame; one with line breaks must be. */
export function pushEvent(body: PushBody, text: Buffer): void {
  if (text.length < largeBytes || text.includes(0x0a) || text.includes(0x0d)) {
    body.push(encodeSseEvent({ type: "message", data: text }));
    return;
  }
  body.push(eventHead);
  body.push(text);
  body.push(eventEnd);
}

/** As servers say it that keep sessions (transports, "Session Management"): nothing of the request was looked at. */
export function notFound(): Reply {
  return wholeReply(
    404,
    "application/json",
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}',
  );
}
