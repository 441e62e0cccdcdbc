// The event stream of one HTTP+SSE client as a wire: numbers its events, keeps the last of them, and goes on over a new connection of the same client.
import type { ServerResponse } from "node:http";
import { type ClientSessionId, encodeSseEvent, sseComment } from "../../protocol/index.ts";
import { Drains, type MessageWire } from "./message-wire.ts";

/** Sent events that are kept, because a broken connection may have swallowed them. */
const keptEvents = 256;
const keptBytes = 1024 * 1024;
/** What waits for a client that is away; beyond it the server is asked to pause. */
const waitingBytes = 1024 * 1024;
/** After how long a client is asked to come back; browsers' own default is several seconds. */
const reconnectMs = 500;

interface NumberedEvent {
  readonly number: number;
  readonly bytes: Buffer;
}

export class SseWire implements MessageWire {
  readonly name = "POST";
  readonly id: ClientSessionId;
  gone = false;
  #response: ServerResponse | undefined;
  /** Of the newest event. Begins with the time, so that it also rises over a restart. */
  #number = Date.now();
  #sent: NumberedEvent[] = [];
  #sentBytes = 0;
  #waiting: NumberedEvent[] = [];
  #waitingBytes = 0;
  readonly #drains = new Drains();
  readonly #arrivals = new Drains();
  #keepAlive: NodeJS.Timeout | undefined;
  readonly #onDetached: () => void;

  /** Proxies cut a connection that stays silent for a minute or less. */
  readonly #keepAliveMs: number;

  constructor(id: ClientSessionId, keepAliveMs: number, onDetached: () => void) {
    this.id = id;
    this.#keepAliveMs = keepAliveMs;
    this.#onDetached = onDetached;
  }

  /** Waits for a client that is on its way back; false if it does not come in time. */
  async attached(timeoutMs: number): Promise<boolean> {
    if (this.#response !== undefined) return true;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
      this.#arrivals.add(resolve);
    });
    clearTimeout(timer);
    return this.#response !== undefined;
  }

  /** Takes a connection; an older one of the same client ends. `after`: the number of the last event that the client has had, if it had any. */
  attach(response: ServerResponse, endpointUrl: string, after = this.#number): void {
    const before = this.#response;
    this.#response = response;
    before?.end();
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    response.write(`retry: ${reconnectMs}\n`);
    // The id stays the client's Last-Event-ID: by it the session is found again when the connection breaks.
    response.write(encodeSseEvent({ type: "endpoint", id: this.#eventId(after), data: endpointUrl }));
    for (const { bytes } of this.#sent.filter(({ number }) => number > after)) response.write(bytes);
    for (const event of this.#waiting.splice(0)) this.#write(event);
    this.#waitingBytes = 0;
    response.on("drain", () => this.#drains.release());
    response.on("close", () => this.#detach(response));
    clearInterval(this.#keepAlive);
    this.#keepAlive = setInterval(() => this.#response?.write(sseComment("keep-alive")), this.#keepAliveMs).unref();
    this.#drains.release();
    this.#arrivals.release();
  }

  send(json: Buffer): boolean {
    if (this.gone) return true;
    this.#number += 1;
    const event = {
      number: this.#number,
      bytes: encodeSseEvent({ id: this.#eventId(this.#number), type: "message", data: json }),
    };
    if (this.#response !== undefined) return this.#write(event);
    this.#waiting.push(event);
    this.#waitingBytes += event.bytes.length;
    return this.#waitingBytes <= waitingBytes;
  }

  onDrain(listener: () => void): void {
    if (this.gone) listener();
    else this.#drains.add(listener);
  }

  /** Ends the connection; the client may come back with another. */
  end(): void {
    this.#response?.end();
  }

  /** Nobody will come back. */
  close(): void {
    this.gone = true;
    clearInterval(this.#keepAlive);
    this.#response?.end();
    this.#response = undefined;
    this.#waiting = [];
    this.#sent = [];
    this.#drains.release();
    this.#arrivals.release();
  }

  #eventId(number: number): string {
    return `${this.id}.${number}`;
  }

  #write(event: NumberedEvent): boolean {
    this.#sent.push(event);
    this.#sentBytes += event.bytes.length;
    while (this.#sent.length > keptEvents || this.#sentBytes > keptBytes)
      this.#sentBytes -= this.#sent.shift()?.bytes.length ?? 0;
    return this.#response?.write(event.bytes) ?? true;
  }

  #detach(response: ServerResponse): void {
    if (this.#response !== response) return;
    this.#response = undefined;
    clearInterval(this.#keepAlive);
    if (!this.gone) this.#onDetached();
  }
}
