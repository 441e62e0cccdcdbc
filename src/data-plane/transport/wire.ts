// What a wire is that carries message texts both ways (stdio, HTTP+SSE, WebSocket): opened once per session, ended once. virtual-server.ts makes a Streamable HTTP server of it.
import { type Envelope, elementSpans, type Scanned } from "../../protocol/index.ts";
import type { Reply } from "./reply.ts";
import type { WireFault } from "./wire-fault.ts";

/** One line for the log. */
export type Tell = (level: "info" | "warn", what: string, fields?: Readonly<Record<string, string | number>>) => void;

/** What a wire tells of. After `closed` nothing more. */
export interface WireEvents {
  /** One message as it came; the bytes are the receiver's. */
  message(text: Buffer, envelope: Envelope): void;
  /** A message was larger than allowed: only its envelope is known. */
  tooLarge(envelope: Envelope): void;
  closed(fault: WireFault): void;
}

export type Refused = Extract<Reply, { kind: "reply" | "lost" }>;

export interface Wire {
  /** Known reasons why initialize has not been answered. */
  readonly silence?: WireFault | undefined;
  /** Of what was handed over, what the other side has not taken. */
  readonly unsentBytes?: number | undefined;
  /** Hands one message over. Undefined: done. A promise: when there is room for the next, or with what the server said instead of taking it. */
  send(text: Buffer, headers: readonly string[]): Promise<Refused | undefined> | undefined;
  /** No more messages, please, until `resume`. */
  pause(): void;
  resume(): void;
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}

export interface WireOpener {
  /** As people call it: "stdio", "HTTP+SSE". */
  readonly name: string;
  readonly origin: string;
  /** Never rejects: what stands in the way is the reply. The signal gives up the opening. */
  readonly open: (
    headers: readonly string[],
    events: WireEvents,
    signal: AbortSignal | undefined,
  ) => Promise<Wire | Refused>;
  /** As `open`, and never a wire that others are on; absent where that is what `open` does. */
  readonly openAlone?: WireOpener["open"];
  /** As `openAlone`, and how it ends says nothing of those that are opened later. */
  readonly openAside?: WireOpener["open"];
  /** Asks whether opening makes sense now; changes nothing. */
  probe(signal: AbortSignal | undefined): Promise<Reply>;
  /** Whoever opens from now on gets a new server, where wires share one. */
  renew?(): void;
  close(): Promise<void>;
}

export function isWire(opened: Wire | Refused): opened is Wire {
  return !("kind" in opened);
}

/** The messages of one text, which may be a batch. */
export function eachMessage(
  text: Buffer,
  scanned: Extract<Scanned, { shape: "single" | "batch" }>,
  take: (message: Buffer, envelope: Envelope) => void,
): void {
  if (scanned.shape === "single") return take(text, scanned.envelope);
  for (const [index, { from, to }] of elementSpans(text).entries()) {
    const envelope = scanned.envelopes[index];
    if (envelope !== undefined) take(text.subarray(from, to), envelope);
  }
}
