// One exchange with a client as the relay sees it: what it asked, and where the answer goes. The ingress of each transport provides it.
import type { Readable } from "node:stream";
import type { Envelope, RawId, Scanned } from "../../protocol/index.ts";
import { type JsonObject, parseObjects, type UpstreamSession } from "../session/index.ts";
import type { ClientStream } from "./client-stream.ts";
import type { Waiting } from "./stream-clock.ts";
import type { WholeAnswer } from "./whole-answer.ts";

/** The client's end of the answer. After `end` or `destroy` nothing more is called. */
export interface ClientConnection {
  /** The client went away; writing is harmless and useless. */
  readonly gone: boolean;
  onGone(listener: () => void): void;
  /** A whole answer at once. Headers are flat names and values. */
  answer(status: number, headers: readonly string[], body: Buffer): void;
  head(status: number, headers: readonly string[]): void;
  /** False asks for a pause until `onDrain` calls back. */
  write(chunk: Uint8Array): boolean;
  onDrain(listener: () => void): void;
  end(chunk?: Uint8Array): void;
  /** Breaks the connection, so that the client cannot take a torn answer for a whole one. */
  destroy(): void;
}

/** A request body: kept whole while it is small enough to be sent again, otherwise flowing. */
export type RequestBody =
  | { readonly kept: Buffer; readonly stream?: undefined }
  | {
      readonly kept?: undefined;
      readonly stream: Readable;
      /** As the client announced it, so that the server gets the same framing. */
      readonly contentLength: string | undefined;
    };

/** What the request log says of the exchange in the end. */
export interface ExchangeOutcome {
  /** Short keyed hash of the session that it belongs to. */
  sessionHash: string;
  recovery: string;
  /** Client's era, then the server's; legacy on both sides if nobody says otherwise. */
  eraPair?: "LM" | "ML" | "MM";
  errorCode: string;
}

/** Where the streams of clients that can come back are kept. */
export interface ResumableStreams {
  /** Opens the stream of an answer on this connection, whose head has been sent. */
  openAnswer(session: UpstreamSession, asked: readonly RawId[], connection: ClientConnection): ClientStream;
  /** Numbers the events of a stream that came whole, and keeps them. Undefined where it has to be opened as a stream. */
  keepAnswer(session: UpstreamSession, asked: RawId, answer: WholeAnswer): Buffer | undefined;
  /** Has the answer opened as a stream if it takes long. */
  watch(waiting: Waiting): void;
  unwatch(waiting: Waiting): void;
  readonly ticks: number;
}

export interface ClientExchange {
  readonly httpMethod: "POST" | "GET" | "DELETE";
  readonly connection: ClientConnection;
  /** Of a POST: what the body is. A flowing body is known only as far as it was read. */
  readonly scanned: Extract<Scanned, { shape: "single" | "batch" }> | undefined;
  readonly body: RequestBody | undefined;
  readonly contentType: string;
  readonly protocolVersion: string | undefined;
  readonly lastEventId: string | undefined;
  /** Streamable HTTP: the client can come back for a stream, and this keeps it so long. Undefined for clients that cannot. */
  readonly resumable?: ResumableStreams | undefined;
  /** What goes to the server with everything done on this exchange's behalf: the connector's headers and, in front mode, the client's. */
  readonly headers: readonly string[];
  /** What an answer of Holdfast's own must carry beside its usual headers, flat: what the server lets the page read that asks (front mode). */
  readonly ownHeaders?: readonly string[] | undefined;
  /** What an error's report of the server's words must not repeat beside those. */
  readonly addressWords?: readonly string[] | undefined;
  readonly requestId: string;
  readonly outcome: ExchangeOutcome;
}

/** Ids of the requests in a POST: those that must be answered. */
export function requestIds(exchange: ClientExchange): readonly RawId[] {
  const { scanned } = exchange;
  if (scanned === undefined) return [];
  if (scanned.shape === "single") {
    const { kind, id } = scanned.envelope;
    return kind === "request" && id !== undefined ? [id] : [];
  }
  return scanned.envelopes.flatMap(({ kind, id }) => (kind === "request" && id !== undefined ? [id] : []));
}

/** What a POST holds, be it one message or a batch. */
export function envelopesOf({ scanned }: ClientExchange): readonly Envelope[] {
  if (scanned === undefined) return [];
  return scanned.shape === "single" ? [scanned.envelope] : scanned.envelopes;
}

/** The same with everything that they say; nothing of a body that flows. */
export function messagesOf({ body }: ClientExchange): readonly JsonObject[] {
  return body?.kept === undefined ? [] : parseObjects(body.kept.toString());
}

/** The method of a single message; undefined for a batch or a response. */
export function singleMethod(exchange: ClientExchange): string | undefined {
  return exchange.scanned?.shape === "single" ? exchange.scanned.envelope.method : undefined;
}
