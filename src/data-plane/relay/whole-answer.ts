// Reads an event stream that came whole and is of the common form: an event for each message, and the answer among them. Pure; what is of any
// other form is left to `relay-stream.ts`, which understands everything.
import { type RawId, scanEnvelope } from "../../protocol/index.ts";

export interface WholeAnswer {
  readonly bytes: Buffer;
  /** For each event: its begin, begin and end of its `id` line (the same without one), its end. Nothing lies between two events. */
  readonly offsets: readonly number[];
}

/** A larger one is not worth a copy. */
export const wholeBytes = 8 * 1024;
const mostEvents = 32;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const colon = 0x3a;
const space = 0x20;
const [letterA, letterD, letterE, letterI, letterN, letterT, letterV] = Buffer.from("adeintv") as unknown as number[];

/** Where the parts of the event lie that was read last. */
const event = { idFrom: 0, idTo: 0, dataFrom: 0, dataTo: 0, end: 0 };

/** Undefined unless each event is one message in one line, none asks or refuses anything, and the request is answered with a result. */
export function readWholeAnswer(bytes: Buffer, asked: RawId): WholeAnswer | undefined {
  if (bytes.length > wholeBytes) return undefined;
  const offsets: number[] = [];
  let isAnswered = false;
  for (let at = 0; at < bytes.length; at = event.end) {
    if (offsets.length >= 4 * mostEvents || !readEvent(bytes, at)) return undefined;
    const scanned = scanEnvelope(bytes.subarray(event.dataFrom, event.dataTo));
    if (scanned.shape !== "single") return undefined;
    const { kind, id } = scanned.envelope;
    if (kind === "result" && id === asked && !isAnswered) isAnswered = true;
    else if (kind !== "notification") return undefined;
    offsets.push(at, event.idFrom, event.idTo, event.end);
  }
  return isAnswered ? { bytes, offsets } : undefined;
}

/** False for an event that is not over, and for one with anything but one line each of `data`, `event` and `id`. */
function readEvent(bytes: Buffer, from: number): boolean {
  event.idFrom = event.idTo = from;
  event.dataFrom = event.dataTo = 0;
  let hasType = false;
  for (let at = from; ; ) {
    const feed = bytes.indexOf(lineFeed, at);
    if (feed < 0) return false;
    const end = feed > at && bytes[feed - 1] === carriageReturn ? feed - 1 : feed;
    if (end === at) {
      event.end = feed + 1;
      return event.dataTo > event.dataFrom;
    }
    if (isData(bytes, at) && event.dataTo === 0) {
      event.dataFrom = bytes[at + 5] === space ? at + 6 : at + 5;
      event.dataTo = end;
    } else if (isId(bytes, at) && event.idTo === from) {
      event.idFrom = at;
      event.idTo = feed + 1;
    } else if (isType(bytes, at) && !hasType) hasType = true;
    else return false;
    // Alone it is a line break of its own.
    const lone = bytes.indexOf(carriageReturn, at);
    if (lone >= 0 && lone < end) return false;
    at = feed + 1;
  }
}

function isData(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === letterD &&
    bytes[at + 1] === letterA &&
    bytes[at + 2] === letterT &&
    bytes[at + 3] === letterA &&
    bytes[at + 4] === colon
  );
}

function isId(bytes: Buffer, at: number): boolean {
  return bytes[at] === letterI && bytes[at + 1] === letterD && bytes[at + 2] === colon;
}

function isType(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === letterE &&
    bytes[at + 1] === letterV &&
    bytes[at + 2] === letterE &&
    bytes[at + 3] === letterN &&
    bytes[at + 4] === letterT &&
    bytes[at + 5] === colon
  );
}
