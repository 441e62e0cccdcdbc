// The wire to an HTTP+SSE server (2024-11-05): one event stream down, a POST for each message up. The stream is the session: its end is the session's.
import { mediaType, type SseEvent, SseObserver } from "../../protocol/index.ts";
import type { OriginParts } from "./http1/connect.ts";
import { Pool } from "./http1/pool.ts";
import type { Reply, ReplyBody } from "./reply.ts";
import { exchange } from "./streamable-http.ts";
import { eachMessage, type Refused, type Tell, type Wire, type WireEvents, type WireOpener } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

/** A stream that names no endpoint within this time is none of this transport. */
const endpointTimeoutMs = 5_000;

/** `url`: where the event stream is. */
export interface HttpSseOptions extends OriginParts {
  readonly maxMessageBytes: number;
  readonly tell: Tell;
}

export function openHttpSse(options: HttpSseOptions): WireOpener {
  const { url } = options;
  const pool = new Pool(options);
  const path = `${url.pathname}${url.search}`;
  const asIs = (reply: Reply): Reply => reply;
  return {
    name: "HTTP+SSE",
    origin: url.origin,
    async open(headers, events, signal): Promise<Wire | Refused> {
      const asked = [...without(headers, "accept", "content-type"), "accept", "text/event-stream"];
      const reply = await exchange(pool, path, "GET", { method: "GET", headers: asked, signal }, asIs);
      if (reply.kind === "lost") return reply;
      const isStream = mediaType(reply.headers["content-type"]) === "text/event-stream";
      if (reply.status !== 200) return reply;
      if (!isStream) {
        reply.body.abort();
        return missing("It is no event stream.");
      }
      const wire = new SseWire(options, reply.body, events, (endpoint, given, body) =>
        exchange(pool, endpoint, "POST", { method: "POST", headers: [...given], body }, asIs),
      );
      const fault = await wire.named(signal);
      return fault === undefined ? wire : { kind: "lost", sent: "nothing", cause: fault };
    },
    probe: (signal) => exchange(pool, path, "OPTIONS", { method: "OPTIONS", headers: [], signal }, asIs),
    close: () => pool.close(),
  };
}

type Post = (endpoint: string, headers: readonly string[], body: Buffer) => Promise<Reply>;

class SseWire implements Wire {
  readonly #options: HttpSseOptions;
  readonly #body: ReplyBody;
  readonly #events: WireEvents;
  readonly #post: Post;
  #endpoint: string | undefined;
  #fault: WireFault | undefined;
  #isPaused = false;
  #isOver = false;
  #onNamed: (() => void) | undefined;

  constructor(options: HttpSseOptions, body: ReplyBody, events: WireEvents, post: Post) {
    this.#options = options;
    this.#body = body;
    this.#events = events;
    this.#post = post;
    const observer = new SseObserver((event) => this.#take(event), options.maxMessageBytes);
    body.pipe({
      data: (chunk) => {
        observer.push(chunk);
        return !this.#isPaused;
      },
      end: () => this.#lose("Its event stream ended."),
      cut: (cause) => this.#lose(`Its event stream broke (${cause.message}).`),
    });
  }

  /** Resolves when the server has named its message endpoint, or with the reason why it has not. */
  async named(signal: AbortSignal | undefined): Promise<WireFault | undefined> {
    if (this.#endpoint === undefined && this.#fault === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, endpointTimeoutMs);
        this.#onNamed = () => {
          clearTimeout(timer);
          resolve();
        };
        signal?.addEventListener("abort", () => this.#onNamed?.(), { once: true });
      });
    }
    if (this.#endpoint !== undefined) return undefined;
    await this.close();
    return this.#fault ?? new WireFault("SSE_ENDPOINT_MISSING", `It was given ${endpointTimeoutMs / 1_000} s.`, true);
  }

  async send(text: Buffer, headers: readonly string[]): Promise<Refused | undefined> {
    const given = [...without(headers, "content-type"), "content-type", "application/json"];
    const reply = await this.#post(this.#endpoint ?? "/", given, text);
    if (reply.kind === "lost" || reply.status >= 300) return reply;
    // The answer comes on the stream; what stands here ("Accepted") says nothing.
    reply.body.pipe({ data: () => true, end: () => {}, cut: () => {} });
    return undefined;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#body.resume();
  }

  close(): Promise<void> {
    this.#isOver = true;
    this.#body.abort();
    return Promise.resolve();
  }

  #take(event: SseEvent): void {
    if (this.#isOver) return;
    if (event.type === "endpoint") return this.#name(event.text() ?? "");
    const { scanned } = event;
    if (event.type !== "message" || scanned === undefined) return;
    if (scanned.shape !== "single" && scanned.shape !== "batch") {
      this.#options.tell("warn", "server's event is no MCP", { reason: scanned.reason });
      return;
    }
    const bytes = event.bytes();
    if (bytes !== undefined) return eachMessage(bytes, scanned, (text, each) => this.#events.message(text, each));
    if (scanned.shape === "single") this.#events.tooLarge(scanned.envelope);
  }

  /** Only on the stream's own origin: whoever could name another place would be sent the client's credential and messages. */
  #name(text: string): void {
    const { url } = this.#options;
    const endpoint = URL.parse(text, url.href);
    if (endpoint?.origin === url.origin) this.#endpoint ??= `${endpoint.pathname}${endpoint.search}`;
    else
      this.#fault = new WireFault(
        "SSE_ENDPOINT_REFUSED",
        endpoint === null ? "It is no address." : `It names ${endpoint.origin}.`,
        true,
      );
    this.#onNamed?.();
  }

  #lose(detail: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#fault ??= new WireFault("UPSTREAM_CLOSED", detail);
    this.#onNamed?.();
    this.#events.closed(this.#fault);
  }
}

function missing(detail: string): Refused {
  return { kind: "lost", sent: "nothing", cause: new WireFault("SSE_ENDPOINT_MISSING", detail, true) };
}

/** Flat names and values without some of them. */
function without(headers: readonly string[], ...names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    if (!names.includes(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
