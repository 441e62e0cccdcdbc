// Gives a client an error of Holdfast's own, in whichever form its answer has already taken.
import { httpStatus, ProxyError, toBatchErrors, toJsonRpcError, withoutHeaderValues } from "../../errors/index.ts";
import { encodeSseEvent, type RawId } from "../../protocol/index.ts";
import { RestoreRefused } from "../session/index.ts";
import type { ClientConnection, ClientExchange } from "./client-exchange.ts";
import type { EventOut } from "./event-out.ts";
import { clientHeaders } from "./headers.ts";

/** Answers an exchange whose head has not been sent. `ids` are the requests that wait for an answer, `more` headers beside the usual ones. */
export function answerError(
  exchange: ClientExchange,
  ids: readonly RawId[],
  error: ProxyError,
  more: readonly string[] = [],
): void {
  exchange.outcome.errorCode = error.code;
  const body = Buffer.from(errorBody(exchange, ids, error));
  const own = exchange.ownHeaders ?? [];
  const headers = ["content-type", "application/json", "content-length", String(body.length), ...more, ...own];
  exchange.connection.head(httpStatus(error, ids.length > 0), headers);
  exchange.connection.end(body);
}

/** As `answerError`, for whatever was thrown. A credential that the server refused (front mode) gets the server's own words, challenge included. */
export function answerFailure(exchange: ClientExchange, ids: readonly RawId[], error: unknown): void {
  if (!(error instanceof RestoreRefused)) return answerError(exchange, ids, ProxyError.from(error));
  const { status, headers, body } = error.refusal;
  const bytes = Buffer.from(body);
  exchange.connection.head(status, [...clientHeaders(headers, true), "content-length", String(bytes.length)]);
  exchange.connection.end(bytes);
}

/** Ends a stream that has begun: one error for each request that is still open. */
export function endStreamWithError(
  out: EventOut,
  exchange: ClientExchange,
  open: readonly RawId[],
  error: ProxyError,
): void {
  exchange.outcome.errorCode = error.code;
  const named = forClient(exchange, error);
  out.breakPart();
  for (const id of open) out.event([encodeSseEvent({ type: "message", data: toJsonRpcError(named, id) })]);
  out.end();
}

/** Frames one JSON text as an SSE event. */
export function writeEvent(connection: ClientConnection, json: string): boolean {
  return connection.write(encodeSseEvent({ type: "message", data: json }));
}

function errorBody(exchange: ClientExchange, ids: readonly RawId[], error: ProxyError): string {
  const named = forClient(exchange, error);
  if (exchange.scanned?.shape === "batch" && ids.length > 0) return toBatchErrors(named, ids);
  return toJsonRpcError(named, ids[0]);
}

/** The error as this client may read it: with the id of its line in the log, and without a credential or a secret address that the server repeated in its answer. */
function forClient(exchange: ClientExchange, error: ProxyError): ProxyError {
  const { requestId } = exchange;
  const { upstream } = error.details;
  if (upstream?.body === undefined) return error.with({ requestId });
  const body = withoutHeaderValues(upstream.body, exchange.headers, exchange.addressWords);
  return error.with({ requestId, upstream: { ...upstream, body } });
}
