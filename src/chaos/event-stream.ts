// One SSE stream to the client, with what it sent kept for a resume where the server offers that. Knows no session and no method.
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { isBig, type Outgoing, textOf } from "./json-rpc.ts";

const maxKeptEvents = 1_000;
const maxKeptBytes = 1_048_576;

interface KeptEvent {
  readonly number: number;
  readonly text: string;
}

/** Resolves when the pieces were taken by the socket, or when the client is gone. */
export async function writePieces(response: ServerResponse, pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces) {
    if (response.destroyed) return;
    if (!response.write(piece)) await drained(response);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed || !response.writableNeedDrain) return resolve();
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

export class EventStream {
  readonly name = randomBytes(6).toString("hex");
  readonly resumable: boolean;
  #kept: KeptEvent[] = [];
  #sent = 0;
  #response: ServerResponse | undefined;
  #finished = false;
  #tail: Promise<void> = Promise.resolve();

  constructor(resumable: boolean) {
    this.resumable = resumable;
  }

  get attached(): boolean {
    return this.#response !== undefined;
  }

  /** Whether what is sent now can ever reach the client. */
  get open(): boolean {
    return !this.#finished && (this.attached || this.resumable);
  }

  attach(response: ServerResponse, headers: Readonly<Record<string, string>> = {}): void {
    this.#response = response;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", ...headers });
    response.flushHeaders();
    response.once("close", () => {
      if (this.#response === response) this.#response = undefined;
    });
  }

  /** Gives the client an event id to resume from before there is anything to say (2025-11-25, transports). */
  prime(retryMs?: number): void {
    const retry = retryMs === undefined ? "" : `retry: ${retryMs}\n`;
    void this.#enqueue(function* (id) {
      yield `${id}${retry}data: \n\n`;
    }, true);
  }

  send(outgoing: Outgoing): Promise<void> {
    return this.#enqueue(function* (id) {
      yield `event: message\n${id}data: `;
      yield* textOf(outgoing);
      yield "\n\n";
    }, !isBig(outgoing));
  }

  /** Sends again what came after that event, then goes on; false where that event is not known. */
  resume(response: ServerResponse, afterEvent: number): boolean {
    if (afterEvent > this.#sent || afterEvent < 1) return false;
    // The client came back, so its earlier connection is dead however alive it looks; a write still waiting on it gives up.
    this.detach()?.destroy();
    this.#tail = this.#tail.then(() => {
      this.attach(response);
      const missed = this.#kept.filter((event) => event.number > afterEvent).map((event) => event.text);
      return writePieces(response, missed);
    });
    if (this.#finished) this.#endAfterTail();
    return true;
  }

  /** Nothing more will come. */
  finish(): void {
    this.#finished = true;
    this.#endAfterTail();
  }

  /** Lets go of the client; what is sent from now on is only kept for a resume. */
  detach(): ServerResponse | undefined {
    const response = this.#response;
    this.#response = undefined;
    return response;
  }

  /** Resolves when everything sent so far was taken by the socket. */
  flushed(): Promise<void> {
    return this.#tail;
  }

  #endAfterTail(): void {
    void this.#tail.then(() => this.#response?.end());
  }

  #enqueue(pieces: (idLine: string) => Iterable<string>, keep: boolean): Promise<void> {
    const number = ++this.#sent;
    const write = async () => {
      const made = pieces(this.resumable ? `id: ${this.name}_${number}\n` : "");
      if (!this.resumable || !keep) {
        if (this.#response !== undefined) await writePieces(this.#response, made);
        return;
      }
      const text = [...made].join("");
      if (text.length <= maxKeptBytes) this.#kept.push({ number, text });
      if (this.#kept.length > maxKeptEvents) this.#kept.shift();
      if (this.#response !== undefined) await writePieces(this.#response, [text]);
    };
    this.#tail = this.#tail.then(write);
    return this.#tail;
  }
}

/** The stream and the event that a Last-Event-ID header names. */
export function readEventId(value: string): { readonly stream: string; readonly event: number } | undefined {
  const match = /^([0-9a-f]{12})_([1-9]\d{0,8})$/.exec(value);
  return match?.[1] === undefined ? undefined : { stream: match[1], event: Number(match[2]) };
}
