// What a legacy client hears on its GET stream, from a modern server's `subscriptions/listen`. One listen per session; when it breaks, the client's stream breaks with it and is opened again.

import { mediaType, memberText, metaKey, type RawId, type SseEvent, SseObserver } from "../../../protocol/index.ts";
import { PushBody, type Reply, type ReplyBody } from "../../transport/index.ts";
import { stringOf } from "../translate/client-facts.ts";
import {
  isEmptyFilter,
  type ListenFilter,
  listenFilterFor,
  missedChanges,
  notificationToLegacy,
  readFilter,
  writeListen,
} from "../translate/notifications.ts";
import { passedRefusal, pushMessage, sessionNotFound, streamHeaders } from "./face-replies.ts";
import { type FaceSession, newUpstreamId } from "./face-session.ts";
import { isForeign, type ModernOutcome, readModernReply } from "./modern-reply.ts";

/** Different changes that wait for a stream; beyond that the client is told of all it may have missed. */
const mostWaiting = 256;
/** A server that ends each listen at once is not asked again at once. */
const shortestListenMs = 1_000;

export type ListenOutcome =
  | { readonly kind: "open"; readonly granted: ListenFilter }
  /** The server offers no such thing. */
  | { readonly kind: "not-offered" }
  /** It was not reached, or refuses who asks. */
  | { readonly kind: "not-open"; readonly reply: Reply };

interface OpenListen {
  readonly id: RawId;
  readonly stop: AbortController;
  readonly headers: readonly string[];
  readonly filter: ListenFilter;
  readonly granted: ListenFilter;
  readonly sinceMs: number;
}

export class FaceListen {
  readonly #session: FaceSession;
  readonly #onForeign: () => void;
  #open: OpenListen | undefined;
  #stream: PushBody | undefined;
  /** Changes nobody could be told of, each once. */
  readonly #waiting = new Set<string>();
  /** There was a time without a listen since the client last heard anything. */
  #gap = false;
  /** Listens that the server has not acknowledged. */
  readonly #pending = new Map<RawId, (granted: ListenFilter) => void>();
  #last: Promise<unknown> = Promise.resolve();
  #isOver = false;

  /** `onForeign`: the server is of the other era now. */
  constructor(session: FaceSession, onForeign: () => void) {
    this.#session = session;
    this.#onForeign = onForeign;
  }

  /** The client's GET. */
  async attach(headers: readonly string[], signal: AbortSignal | undefined): Promise<Reply> {
    const outcome = await this.update(headers);
    if (outcome.kind === "not-open") return outcome.reply;
    // A server that announces nothing leaves a quiet stream, on which what Holdfast itself finds out is announced.
    this.#stream?.finish();
    const body = new PushBody({
      filled: () => {},
      emptied: () => {},
      aborted: () => {
        if (this.#stream === body) this.#stream = undefined;
      },
    });
    signal?.addEventListener("abort", () => body.abort(), { once: true });
    this.#stream = body;
    if (this.#gap && this.#open !== undefined)
      for (const text of missedChanges(this.#open.granted)) this.#waiting.add(text);
    this.#gap = false;
    for (const text of this.#waiting) pushMessage(body, text);
    this.#waiting.clear();
    return { kind: "reply", status: 200, headers: streamHeaders, body };
  }

  /** Listens for what the session asks for now: the new listen is acknowledged before the old one is closed. */
  update(headers: readonly string[]): Promise<ListenOutcome> {
    const turn = this.#last.then(() => this.#update(headers));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  end(): void {
    this.#isOver = true;
    this.#stop(this.#open);
    this.#open = undefined;
    this.#stream?.finish();
    this.#stream = undefined;
  }

  /** The server is gone as this one: whoever listens finds out. */
  cut(cause: Error): void {
    this.#stream?.cut(cause);
    this.#stream = undefined;
    this.end();
  }

  async #update(headers: readonly string[]): Promise<ListenOutcome> {
    const filter = listenFilterFor(this.#session.capabilities, [...this.#session.uris]);
    const before = this.#open;
    if (before !== undefined && isSameFilter(before.filter, filter)) return { kind: "open", granted: before.granted };
    if (isEmptyFilter(filter)) {
      this.#open = undefined;
      this.#stop(before);
      return { kind: "open", granted: filter };
    }
    const outcome = await this.#listen(filter, headers);
    if (outcome.kind === "open") this.#stop(before);
    return outcome;
  }

  /** Resolves when the server has said what it grants, wherever it says so; from then on everything is delivered. */
  #listen(filter: ListenFilter, headers: readonly string[]): Promise<ListenOutcome> {
    const id = newUpstreamId();
    const stop = new AbortController();
    return new Promise((resolve) => {
      const end = (outcome: ListenOutcome): void => {
        this.#pending.delete(id);
        resolve(outcome);
        this.#ended(id);
      };
      this.#pending.set(id, (granted) => {
        const open: OpenListen = { id, stop, headers, filter, granted, sinceMs: Date.now() };
        if (this.#isOver) this.#stop(open);
        else this.#open = open;
        resolve({ kind: "open", granted });
      });
      const listening = this.#session.send(writeListen(id, filter), headers, { signal: stop.signal });
      void listening.then((reply) => this.#answered(reply, id, end));
    });
  }

  async #answered(reply: Reply, id: RawId, end: (outcome: ListenOutcome) => void): Promise<void> {
    if (reply.kind === "lost") return end({ kind: "not-open", reply });
    const isStream = reply.status === 200 && mediaType(reply.headers["content-type"]) === "text/event-stream";
    if (isStream)
      return pump(
        reply.body,
        (text) => this.#take(text),
        () => end({ kind: "not-offered" }),
      );
    end(this.#refused(await readModernReply(reply, id, this.#session.parts.maxMessageBytes)));
  }

  #stop(open: OpenListen | undefined): void {
    open?.stop.abort();
  }

  #refused(outcome: ModernOutcome): ListenOutcome {
    if (outcome.kind === "cut")
      return { kind: "not-open", reply: { kind: "lost", sent: "maybe", cause: outcome.cause } };
    if (isForeign(outcome)) {
      this.#onForeign();
      return { kind: "not-open", reply: sessionNotFound() };
    }
    const passed = outcome.kind === "refused" ? passedRefusal(outcome) : undefined;
    return passed === undefined ? { kind: "not-offered" } : { kind: "not-open", reply: passed };
  }

  #take(text: string): void {
    const method = stringOf(memberText(text, "method")) ?? "";
    if (method === "notifications/subscriptions/acknowledged") {
      const id = memberText(text, "params", "_meta", metaKey.subscriptionId) ?? "";
      const filter = readFilter(text);
      const settle = this.#pending.get(id);
      this.#pending.delete(id);
      if (filter !== undefined) settle?.(filter);
    } else this.#deliver(text, method);
  }

  #deliver(text: string, method: string): void {
    if (method === "notifications/tools/list_changed") this.#session.tools.changed();
    const uri = method === "notifications/resources/updated" ? stringOf(memberText(text, "params", "uri")) : undefined;
    if (uri !== undefined && !this.#session.uris.has(uri)) return;
    const told = notificationToLegacy(text);
    if (this.#stream !== undefined) pushMessage(this.#stream, told);
    else if (this.#waiting.size < mostWaiting) this.#waiting.add(told);
    else this.#gap = true;
  }

  /** The server's end broke or was closed. The client's stream goes with it, so that whoever holds it opens both anew. */
  #ended(id: RawId): void {
    const open = this.#open;
    if (open?.id !== id) return;
    this.#open = undefined;
    this.#gap = true;
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    const cut = (): void => stream.cut(new Error("the server's subscription ended"));
    const livedMs = Date.now() - open.sinceMs;
    if (livedMs >= shortestListenMs) cut();
    else setTimeout(cut, shortestListenMs - livedMs).unref();
  }
}

function isSameFilter(a: ListenFilter, b: ListenFilter): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Reads the notifications of an event stream. */
function pump(body: ReplyBody, take: (text: string) => void, over: () => void): void {
  const observer = new SseObserver((event: SseEvent) => {
    const text = event.scanned?.shape === "single" ? event.text() : undefined;
    if (event.scanned?.shape !== "single" || event.scanned.envelope.kind !== "notification" || text === undefined)
      return;
    try {
      take(text);
    } catch {
      // Long texts are only scanned before: it is no JSON after all, and news of nothing.
    }
  }, Number.MAX_SAFE_INTEGER);
  const end = (): void => {
    observer.end();
    over();
  };
  body.pipe({
    data: (chunk) => {
      observer.push(chunk);
      return true;
    },
    end,
    cut: end,
  });
}
