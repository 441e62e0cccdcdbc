// The bodies of a connector's exchanges, for somebody who looks for a fault: only while they are asked for, only their beginnings, only in memory.
import { isUtf8 } from "node:buffer";
import type { BodyTap } from "../observability/index.ts";
import { redact } from "./redact.ts";

export interface Body {
  /** What may be shown of it; empty where it is no text. */
  readonly text: string;
  /** Of the whole, as it passed. */
  readonly bytes: number;
  readonly isCut: boolean;
}

export interface Bodies {
  readonly request: Body | undefined;
  readonly answer: Body | undefined;
}

/** Of one body, its beginning. */
export const keptOfOne = 16 * 1024;
/** Exchanges at a time whose bodies are gathered; those beyond pass without. */
const mostOpen = 256;
/** The longest UTF-8 character. */
const characterBytes = 4;

interface Head {
  readonly chunks: Uint8Array[];
  kept: number;
  bytes: number;
}

interface Draft {
  readonly asked: Head;
  readonly answered: Head;
  readonly concealed: string[];
}

export class GatheredBodies implements BodyTap {
  readonly #open = new Map<string, Draft>();
  #isOn = false;

  get isOn(): boolean {
    return this.#isOn;
  }

  set isOn(isOn: boolean) {
    this.#isOn = isOn;
    if (!isOn) this.#open.clear();
  }

  asked(requestId: string, bytes: Uint8Array): void {
    add(this.#draft(requestId)?.asked, bytes);
  }

  answered(requestId: string, bytes: Uint8Array): void {
    add(this.#draft(requestId)?.answered, bytes);
  }

  conceal(requestId: string, words: readonly string[]): void {
    this.#draft(requestId)?.concealed.push(...words);
  }

  drop(requestId: string): void {
    this.#open.delete(requestId);
  }

  /** What there is of an exchange that is over, without `secrets`. */
  take(requestId: string, secrets: () => readonly string[]): Bodies | undefined {
    const draft = this.#open.get(requestId);
    if (draft === undefined) return undefined;
    this.#open.delete(requestId);
    const words = [...secrets(), ...draft.concealed];
    return { request: bodyOf(draft.asked, words), answer: bodyOf(draft.answered, words) };
  }

  #draft(requestId: string): Draft | undefined {
    const known = this.#open.get(requestId);
    if (known !== undefined || !this.#isOn || this.#open.size >= mostOpen) return known;
    const head = (): Head => ({ chunks: [], kept: 0, bytes: 0 });
    const draft = { asked: head(), answered: head(), concealed: [] };
    this.#open.set(requestId, draft);
    return draft;
  }
}

/** A copy: what passes may be a part of something large, or be written over. */
function add(head: Head | undefined, bytes: Uint8Array): void {
  if (head === undefined) return;
  head.bytes += bytes.length;
  const room = keptOfOne - head.kept;
  if (room <= 0 || bytes.length === 0) return;
  const copy = Uint8Array.from(bytes.subarray(0, room));
  head.chunks.push(copy);
  head.kept += copy.length;
}

function bodyOf({ chunks, kept, bytes }: Head, secrets: readonly string[]): Body | undefined {
  if (bytes === 0) return undefined;
  const whole = Buffer.concat(chunks);
  const isCut = bytes > kept;
  const isText = Array.from({ length: characterBytes }, (_, cut) => cut).some(
    (cut) => isUtf8(whole.subarray(0, whole.length - cut)) && (isCut || cut === 0),
  );
  const text = new TextDecoder().decode(whole, { stream: isCut });
  return { text: isText ? redact(text, isCut, secrets) : "", bytes, isCut };
}
