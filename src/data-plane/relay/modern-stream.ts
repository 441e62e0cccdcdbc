// The event-stream form of a modern answer: whole events pass as they came, over as many replies as it takes, under the one id that the client knows.
import {
  editMembers,
  editUnder,
  memberText,
  metaKey,
  type RawId,
  type SseEvent,
  SseObserver,
} from "../../protocol/index.ts";
import type { ReplyBody } from "../transport/index.ts";
import { writeEvent } from "./answer-error.ts";
import type { ClientConnection } from "./client-exchange.ts";
import { tornEnd } from "./event-out.ts";

/** An unfinished event is held back up to this size, so that a cut leaves the client no half event; larger ones flow. */
const eventHoldBytes = 64 * 1024;
const acknowledged = "notifications/subscriptions/acknowledged";
const subscriptionKey = metaKey.subscriptionId;

/** The id under which the request went out again, and the client's own. */
export interface Renamed {
  readonly sent: RawId;
  readonly asked: RawId;
}

/** `answered`: the stream's one response was passed on. `ended`: a subscription whose server closed it politely; its last words are held. */
export type StreamEnd =
  | { readonly kind: "answered" }
  | { readonly kind: "cut" }
  | { readonly kind: "ended"; readonly lastWords: string };

export class ModernStream {
  readonly #connection: ClientConnection;
  readonly #isListen: boolean;
  /** What the subscription was granted, as the last acknowledgement says; only of a listen. */
  #granted = false;

  constructor(connection: ClientConnection, status: number, headers: string[], isListen: boolean) {
    this.#connection = connection;
    this.#isListen = isListen;
    connection.head(status, [...headers, "x-accel-buffering", "no"]);
  }

  /** The server has acknowledged the subscription, so reopening it is no second try of the same request. */
  get granted(): boolean {
    return this.#granted;
  }

  /** Passes one reply on to its end. */
  pipe(body: ReplyBody, renamed: Renamed | undefined): Promise<StreamEnd> {
    return renamed === undefined && !this.#isListen ? this.#pass(body) : this.#rewrite(body, renamed);
  }

  /** Byte for byte, held back only to the end of an event. */
  #pass(body: ReplyBody): Promise<StreamEnd> {
    const connection = this.#connection;
    return new Promise((resolve) => {
      let isAnswered = false;
      let pending: Buffer[] = [];
      let pendingBytes = 0;
      let written = 0;
      const observer = new SseObserver((event) => {
        isAnswered ||= isResponse(event);
      });
      const over = (): void => {
        // A client would wait in vain for the end of an event that broke off.
        if (written > observer.boundary) connection.write(tornEnd);
        resolve({ kind: isAnswered ? "answered" : "cut" });
      };
      body.pipe({
        data(chunk) {
          observer.push(chunk);
          pending.push(chunk);
          pendingBytes += chunk.length;
          const whole = Math.max(observer.boundary - written, 0);
          const length = pendingBytes - whole > eventHoldBytes ? pendingBytes : whole;
          if (length === 0) return true;
          const bytes = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending);
          pending = length < bytes.length ? [bytes.subarray(length)] : [];
          pendingBytes -= length;
          written += length;
          if (connection.write(bytes.subarray(0, length))) return true;
          connection.onDrain(() => body.resume());
          return false;
        },
        end: over,
        cut: over,
      });
    });
  }

  /** Event by event: the server's id becomes the client's again, and a subscription that was reopened goes on as if it had never closed. */
  #rewrite(body: ReplyBody, renamed: Renamed | undefined): Promise<StreamEnd> {
    const connection = this.#connection;
    return new Promise((resolve) => {
      let isAnswered = false;
      let lastWords: string | undefined;
      let isFull = false;
      const observer = new SseObserver((event) => {
        const text = event.text();
        if (text === undefined) return;
        const named = renamed === undefined ? text : rename(text, renamed);
        if (isResponse(event)) {
          if (this.#isListen && this.#granted && isResult(event)) lastWords = named;
          else {
            isAnswered = true;
            writeEvent(connection, named);
          }
        } else isFull = !this.#write(event, named) || isFull;
      }, Number.POSITIVE_INFINITY);
      const over = (): void => {
        if (isAnswered) resolve({ kind: "answered" });
        else resolve(lastWords === undefined ? { kind: "cut" } : { kind: "ended", lastWords });
      };
      body.pipe({
        data(chunk) {
          isFull = false;
          observer.push(chunk);
          // What a server writes between events keeps the connection alive here as well.
          if (observer.boundary > 0 && chunk[0] === 0x3a) connection.write(Buffer.from(": keepalive\n\n"));
          if (!isFull) return true;
          connection.onDrain(() => body.resume());
          return false;
        },
        end: over,
        cut: over,
      });
    });
  }

  #write(event: SseEvent, text: string): boolean {
    const connection = this.#connection;
    const envelope = event.scanned?.shape === "single" ? event.scanned.envelope : undefined;
    if (!this.#isListen || envelope?.method !== acknowledged) return writeEvent(connection, text);
    if (!this.#granted) {
      this.#granted = true;
      return writeEvent(connection, text);
    }
    // Reopened: the client knows that it is subscribed, but not what it missed meanwhile. Rather one notice too many than one too few.
    let flowing = true;
    for (const notice of missedNotices(text)) flowing = writeEvent(connection, notice) && flowing;
    return flowing;
  }
}

/** One notice for everything that the acknowledgement grants. */
function missedNotices(acknowledgement: string): readonly string[] {
  const granted = memberText(acknowledgement, "params", "notifications");
  const id = memberText(acknowledgement, "params", "_meta", subscriptionKey);
  const meta = id === undefined ? "" : `"_meta":{"${subscriptionKey}":${id}}`;
  const notice = (method: string, rest: string): string => {
    const params = [rest, meta].filter((part) => part !== "").join(",");
    return `{"jsonrpc":"2.0","method":"notifications/${method}","params":{${params}}}`;
  };
  const value: unknown = granted === undefined ? {} : JSON.parse(granted);
  const filter = (value ?? {}) as Readonly<Record<string, unknown>>;
  const uris = Array.isArray(filter["resourceSubscriptions"]) ? (filter["resourceSubscriptions"] as unknown[]) : [];
  return [
    ...(["tools", "prompts", "resources"] as const)
      .filter((kind) => filter[`${kind}ListChanged`] === true)
      .map((kind) => notice(`${kind}/list_changed`, "")),
    ...uris.map((uri) => notice("resources/updated", `"uri":${JSON.stringify(uri)}`)),
  ];
}

/** The message as if it answered the client's own request. */
export function rename(text: string, { sent, asked }: Renamed): string {
  if (memberText(text, "method") === undefined) {
    const own = memberText(text, "id") === sent ? editMembers(text, { id: asked }) : text;
    return renameSubscription(own, "result", sent, asked);
  }
  return renameSubscription(text, "params", sent, asked);
}

function renameSubscription(text: string, member: "params" | "result", sent: RawId, asked: RawId): string {
  if (memberText(text, member, "_meta", subscriptionKey) !== sent) return text;
  return editUnder(text, [member, "_meta"], { [subscriptionKey]: asked });
}

function isResponse({ scanned }: SseEvent): boolean {
  return scanned?.shape === "single" && (scanned.envelope.kind === "result" || scanned.envelope.kind === "error");
}

function isResult({ scanned }: SseEvent): boolean {
  return scanned?.shape === "single" && scanned.envelope.kind === "result";
}
