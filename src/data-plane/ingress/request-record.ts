// Turns one exchange into the line that the log keeps of it.
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { RequestRecord } from "../../observability/index.ts";
import type { Scanned } from "../../protocol/index.ts";
import type { ExchangeOutcome } from "../relay/index.ts";

/** Unique over processes and restarts, short enough to read out. */
const processPart = randomBytes(4).toString("hex");
let count = 0;

export function newRequestId(): string {
  count += 1;
  return `${processPart}-${count.toString(36)}`;
}

/** What is known of an exchange by the time it ends; the ingress fills it in as it learns it. */
export interface ExchangeNotes {
  readonly requestId: string;
  readonly startedMs: number;
  readonly outcome: ExchangeOutcome;
  /** Who it is: set before the endpoint serves where the hub has found out, else by the endpoint. */
  userId: string;
  /** Which connector it went to; undefined: the listener's own. */
  connector: string | undefined;
  isOver: boolean;
  /** The exchange only brought a message, whose own line is written when its answer is there. */
  isLoggedElsewhere: boolean;
  /** Called once, when the exchange is over. Added to by `whenOver`. */
  release: () => void;
  scanned: (() => Scanned) | undefined;
  /** Of a modern exchange, by its header; its body is not read for the log. */
  modernMethod: string | undefined;
  /** What a server answered that was asked to leave HTTP, where it was asked. */
  upgradeStatus: number | undefined;
  bodyLength: () => number;
}

const nothing = (): number => 0;
const none = (): void => {};

export function newNotes(nowMs: number): ExchangeNotes {
  return {
    requestId: newRequestId(),
    startedMs: nowMs,
    outcome: { sessionHash: "-", recovery: "-", errorCode: "-" },
    userId: "-",
    connector: undefined,
    isOver: false,
    isLoggedElsewhere: false,
    release: none,
    scanned: undefined,
    modernMethod: undefined,
    upgradeStatus: undefined,
    bodyLength: nothing,
  };
}

/** Runs `release` when the exchange is over; at once if its client has left meanwhile. */
export function whenOver(notes: ExchangeNotes, release: () => void): void {
  if (notes.isOver) return release();
  const { release: before } = notes;
  notes.release =
    before === none
      ? release
      : () => {
          before();
          release();
        };
}

export function toRecord(
  notes: ExchangeNotes,
  request: { readonly method?: string | undefined },
  response: Pick<ServerResponse, "headersSent" | "statusCode">,
  connector: string,
  nowMs: number,
): RequestRecord {
  const scanned = notes.modernMethod === undefined ? notes.scanned?.() : undefined;
  return {
    user_id: notes.userId,
    session_id: notes.outcome.sessionHash,
    http_method: request.method ?? "-",
    jsonrpc_method: notes.modernMethod ?? methodsOf(scanned),
    jsonrpc_id: idsOf(scanned),
    body_len: notes.bodyLength(),
    // A client that left before any head has been given no status; 499 is what nginx made common for it.
    status: response.headersSent ? response.statusCode : 499,
    elapsed_ms: Math.round((nowMs - notes.startedMs) * 10) / 10,
    connector: notes.connector ?? connector,
    era_pair: notes.outcome.eraPair ?? "LL",
    recovery: notes.outcome.recovery,
    error_code: notes.outcome.errorCode,
    request_id: notes.requestId,
  };
}

function methodsOf(scanned: Scanned | undefined): string {
  if (scanned?.shape === "single") return scanned.envelope.method ?? "-";
  if (scanned?.shape !== "batch") return "-";
  return scanned.envelopes.map(({ method }) => method ?? "-").join(",");
}

function idsOf(scanned: Scanned | undefined): string {
  if (scanned?.shape === "single") return scanned.envelope.id ?? "-";
  if (scanned?.shape !== "batch") return "-";
  return scanned.envelopes.map(({ id }) => id ?? "-").join(",");
}
