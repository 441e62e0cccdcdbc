// One modern request on a wire that others use as well: its own names for id, progress token and subscription, what waits for its reader, and the status that an HTTP server would give.
import { findSpan, metaKey, type RawId, replaceSpans, rpcCode, type Span, spanText } from "../../protocol/index.ts";
import { PostReply } from "./post-reply.ts";
import type { Reply } from "./reply.ts";
import { WireFault } from "./wire-fault.ts";

/** What waits for one slow reader while the others go on. */
const heldBytes = 16 * 1024 * 1024;

const statuses: ReadonlyMap<string, number> = new Map([
  [String(rpcCode.methodNotFound), 404],
  [String(rpcCode.headerMismatch), 400],
  [String(rpcCode.missingCapability), 400],
  [String(rpcCode.unsupportedVersion), 400],
]);

const tokenPath = ["params", "_meta", "progressToken"];
const subscriptionOf = {
  params: ["params", "_meta", metaKey.subscriptionId],
  result: ["result", "_meta", metaKey.subscriptionId],
} as const;

export interface ModernCallParts {
  /** As the client wrote it. */
  readonly id: RawId;
  readonly method: string;
  /** On the wire it stands for the id, the progress token and the subscription. */
  readonly number: number;
  readonly settle: (reply: Reply) => void;
  /** The reader is gone. */
  readonly onLeft: (call: ModernCall) => void;
}

export class ModernCall {
  readonly number: number;
  readonly isListen: boolean;
  readonly #id: RawId;
  readonly #onLeft: (call: ModernCall) => void;
  readonly #reply: PostReply;
  #token: RawId | undefined;
  #isFull = false;
  #heldBytes = 0;

  constructor({ id, method, number, settle, onLeft }: ModernCallParts) {
    this.number = number;
    this.isListen = method === "subscriptions/listen";
    this.#id = id;
    this.#onLeft = onLeft;
    this.#reply = new PostReply(1, false, settle, {
      filled: () => {
        this.#isFull = true;
        this.#heldBytes = 0;
      },
      emptied: () => {
        this.#isFull = false;
      },
      aborted: () => onLeft(this),
    });
  }

  /** Its id on the wire: of the same type as the client's, for some servers know only one. */
  get wireId(): RawId {
    return named(this.#id, this.number);
  }

  /** The client's request under the names of the wire. */
  rename(text: Buffer): Buffer {
    const changes: (readonly [Span, string])[] = [];
    const id = findSpan(text, ["id"]);
    if (id !== undefined) changes.push([id, this.wireId]);
    const token = text.includes('"progressToken"') ? findSpan(text, tokenPath) : undefined;
    if (token !== undefined) {
      this.#token = spanText(text, token);
      changes.push([token, named(this.#token, this.number)]);
    }
    return replaceSpans(
      text,
      changes.toSorted(([a], [b]) => a.from - b.from),
    );
  }

  answer(text: Buffer, kind: "result" | "error"): void {
    const code = kind === "error" ? findSpan(text, ["error", "code"]) : undefined;
    const status = code === undefined ? 200 : statuses.get(spanText(text, code));
    this.#reply.answer(this.#restore(text, kind === "result" ? subscriptionOf.result : undefined, ["id"]), {}, status);
  }

  progress(text: Buffer, span: Span): void {
    if (this.#token !== undefined) this.#event(replaceSpans(text, [[span, this.#token]]));
  }

  /** A notification that belongs to it, perhaps as its subscription. */
  notify(text: Buffer): void {
    this.#event(this.#restore(text, subscriptionOf.params));
  }

  refuse(reply: Reply): void {
    this.#reply.refuse(reply);
  }

  lose(cause: Error): void {
    this.#reply.lose(cause);
  }

  #restore(text: Buffer, subscription: readonly string[] | undefined, id?: readonly string[]): Buffer {
    const spans: Span[] = [];
    for (const path of [id, subscription]) {
      // Looked for only where it may be: most messages have none.
      const isThere = path !== undefined && (path === id || text.includes(metaKey.subscriptionId));
      const span = isThere ? findSpan(text, path) : undefined;
      if (span !== undefined) spans.push(span);
    }
    return replaceSpans(
      text,
      spans.toSorted((a, b) => a.from - b.from).map((span) => [span, this.#id] as const),
    );
  }

  #event(text: Buffer): void {
    if (this.#isFull) this.#heldBytes += text.length;
    this.#reply.event(text);
    if (this.#heldBytes <= heldBytes) return;
    this.#onLeft(this);
    this.lose(new WireFault("UPSTREAM_CLOSED", "The client read too slowly for a server that others share."));
  }
}

function named(like: RawId, number: number): RawId {
  return like.startsWith('"') ? `"${number}"` : String(number);
}

/** Which call such a name means; a server may write a number in another way. */
export function numberOf(name: RawId): number {
  return Number(JSON.parse(name));
}
