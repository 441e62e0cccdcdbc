// Answers an exchange with an error of ours before anything of its request was read.
import type { IncomingMessage, ServerResponse } from "node:http";
import { type ErrorCode, ProxyError } from "../../errors/index.ts";
import { answerError, type ClientConnection } from "../relay/index.ts";
import { HttpClientConnection } from "./client-connection.ts";
import { plainExchange } from "./plain-exchange.ts";
import type { ExchangeNotes } from "./request-record.ts";

/** What such an answer must name (RFC 9110 sections 11.6.1 and 10.2.1). */
const named: Readonly<Partial<Record<ErrorCode, readonly string[]>>> = {
  TOKEN_REQUIRED: ["www-authenticate", "Bearer"],
  MODERN_METHOD_NOT_ALLOWED: ["allow", "POST"],
  METHOD_NOT_ALLOWED: ["allow", "POST, GET, DELETE"],
};

export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  notes: ExchangeNotes,
  code: ErrorCode,
): void {
  request.resume();
  refuseOn(new HttpClientConnection(response), notes, code);
}

export function refuseOn(connection: ClientConnection, notes: ExchangeNotes, code: ErrorCode): void {
  answerError(plainExchange(connection, notes), [], new ProxyError(code), named[code]);
}
