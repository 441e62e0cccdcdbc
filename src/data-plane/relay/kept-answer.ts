// What is left of an answer that went to its client in one piece: its bytes and its name, so small that each call can leave one. For a client that
// comes back it is made a stream again.
import { SseObserver } from "../../protocol/index.ts";
import type { StoredEvent, StoredStream } from "../../store/index.ts";
import { idParts } from "./event-id.ts";
import type { EventOwner, Kept } from "./kept-events.ts";
import type { OfSession } from "./of-session.ts";
import type { WholeAnswer } from "./whole-answer.ts";

export interface AnswerOwner {
  /** The answer is given up. */
  gone(answer: KeptAnswer): void;
}

export class KeptAnswer implements Kept, OfSession, EventOwner {
  before: OfSession | undefined;
  behind: OfSession | undefined;
  inLine = false;
  older: Kept | undefined;
  newer: Kept | undefined;
  readonly token: string;
  readonly atMs: number;
  /** All events as they went out, with our ids. */
  readonly events: Buffer;
  readonly isAnswering = false;
  readonly #owner: AnswerOwner;

  constructor(owner: AnswerOwner, token: string, atMs: number, events: Buffer) {
    this.#owner = owner;
    this.token = token;
    this.atMs = atMs;
    this.events = events;
  }

  get owner(): EventOwner {
    return this;
  }

  get bytes(): number {
    return this.events.length;
  }

  /** As what a stream is opened again from. */
  get stored(): StoredStream {
    const events: StoredEvent[] = [];
    let from = 0;
    const observer = new SseObserver(({ endOffset }) => {
      const bytes = this.events.subarray(from, endOffset);
      const idBytes = bytes.indexOf("\n") + 1;
      events.push({ seq: events.length + 1, generation: 0, upstreamEventId: undefined, idBytes, bytes });
      from = endOffset;
    });
    observer.push(this.events);
    observer.end();
    return { streamKind: "answer", asked: "[]", over: true, droppedSeq: 0, events };
  }

  /** The limit on the age of all events is what ends it. */
  tick(): void {}

  expire(): void {
    this.#owner.gone(this);
  }

  forget(): void {
    this.#owner.gone(this);
  }

  dropOldest(): void {
    this.#owner.gone(this);
  }
}

/** The events with ids of ours in the place of the server's. */
export function numbered({ bytes, offsets }: WholeAnswer, token: string, asked: string): Buffer {
  const [before, behind] = idParts("answer", token, asked);
  const lines: string[] = [];
  let size = bytes.length;
  for (let at = 0; at < offsets.length; at += 4) {
    const line = `id: ${before}${lines.length + 1}${behind}\n`;
    size += line.length - ((offsets[at + 2] as number) - (offsets[at + 1] as number));
    lines.push(line);
  }
  const out = Buffer.allocUnsafe(size);
  let to = 0;
  for (let at = 0; at < offsets.length; at += 4) {
    to += out.write(lines[at / 4] as string, to, "latin1");
    to += bytes.copy(out, to, offsets[at], offsets[at + 1]);
    to += bytes.copy(out, to, offsets[at + 2], offsets[at + 3]);
  }
  return out;
}
