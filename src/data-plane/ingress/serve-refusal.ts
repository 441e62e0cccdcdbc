// Answers every exchange at an MCP endpoint with one error, to the very request that asks, so that a client tells its user the cause. Opens nothing.
import type { IncomingMessage, ServerResponse } from "node:http";
import { ProxyError } from "../../errors/index.ts";
import { answerError } from "../relay/index.ts";
import { HttpClientConnection } from "./client-connection.ts";
import { plainExchange } from "./plain-exchange.ts";
import { type BodyLimits, readBody } from "./read-body.ts";
import type { ExchangeNotes } from "./request-record.ts";

/** Never rejects. */
export async function serveRefusal(
  error: ProxyError,
  limits: BodyLimits,
  request: IncomingMessage,
  response: ServerResponse,
  notes: ExchangeNotes,
): Promise<void> {
  const connection = new HttpClientConnection(response);
  const plain = plainExchange(connection, notes);
  if (request.method !== "POST") {
    request.resume();
    return answerError(plain, [], error);
  }
  try {
    const { scanned: read, length } = await readBody(request, limits, notes);
    notes.scanned = read;
    notes.bodyLength = length;
    const scanned = read();
    const isRead = scanned.shape === "single" || scanned.shape === "batch";
    const envelopes =
      scanned.shape === "batch" ? scanned.envelopes : scanned.shape === "single" ? [scanned.envelope] : [];
    const ids = envelopes.flatMap(({ kind, id }) => (kind === "request" && id !== undefined ? [id] : []));
    answerError(isRead ? { ...plain, httpMethod: "POST", scanned } : plain, ids, error);
  } catch (failure) {
    answerError(plain, [], ProxyError.from(failure));
  }
}
