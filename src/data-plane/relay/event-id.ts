// The ids that events carry on their way to a client: which stream, which event, and what the stream answers. Pure.
import type { RawId } from "../../protocol/index.ts";

/** A session's standing stream, or the answer to a POST. */
export type StreamKind = "standing" | "answer";

export interface EventId {
  readonly kind: StreamKind;
  /** Names the stream within its session. */
  readonly token: string;
  /** Rises with each event of the stream; 0 stands before the first. */
  readonly seq: number;
  /** The one request that the stream answers, as the client wrote its id. */
  readonly asked: RawId | undefined;
  /** The last word of a stream that is not kept: nothing follows. */
  readonly final: boolean;
}

const letters: Readonly<Record<StreamKind, string>> = { standing: "s", answer: "a" };
const pattern = /^([sa])([\w-]{8,40})\.(\d{1,15})(?:\.([\w-]*))?(\.end)?$/;
/** A longer request id is not repeated in every event. */
const askedBytes = 64;

/** What stands before and behind the number in each id of one stream. */
export function idParts(kind: StreamKind, token: string, asked: RawId | undefined): readonly [string, string] {
  const isShort = asked !== undefined && asked.length <= askedBytes;
  return [`${letters[kind]}${token}.`, isShort ? `.${Buffer.from(asked).toString("base64url")}` : ""];
}

/** Undefined for what is no id of ours. A client can write what it likes into one, so `asked` is only ever repeated to that client. */
export function parseEventId(text: string): EventId | undefined {
  const [, letter, token, seq, asked, end] = pattern.exec(text) ?? [];
  if (letter === undefined || token === undefined || seq === undefined) return undefined;
  const kind = letter === letters.standing ? "standing" : "answer";
  return { kind, token, seq: Number(seq), asked: readAsked(asked), final: end !== undefined };
}

export function finalId({ kind, token, seq, asked }: EventId): string {
  const [before, behind] = idParts(kind, token, asked);
  return `${before}${seq}${behind === "" ? "." : behind}.end`;
}

/** JSON text of a string or a number: anything else names no request. */
function readAsked(encoded: string | undefined): RawId | undefined {
  if (encoded === undefined || encoded === "") return undefined;
  const text = Buffer.from(encoded, "base64url").toString();
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" || typeof value === "number" ? text : undefined;
  } catch {
    return undefined;
  }
}
