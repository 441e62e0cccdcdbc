// Turns a ProxyError into what a client gets: the JSON-RPC error's text and the HTTP status. Pure; the cause never enters.
import type { RawId } from "../protocol/index.ts";
import { catalog } from "./catalog.ts";
import type { ProxyError } from "./proxy-error.ts";

/** The id's own text is spliced in, so that `9007199254740993` and `1.0` come back as the client wrote them. */
export function toJsonRpcError(error: ProxyError, id: RawId | undefined): string {
  return `{"jsonrpc":"2.0","id":${id ?? "null"},"error":${errorObject(error)}}`;
}

/** One error per request of a batch; a batch without requests gets the single error that JSON-RPC gives to an unreadable one. */
export function toBatchErrors(error: ProxyError, ids: readonly RawId[]): string {
  if (ids.length === 0) return toJsonRpcError(error, undefined);
  return `[${ids.map((id) => toJsonRpcError(error, id)).join(",")}]`;
}

/** `answersRequest`: the body answers a JSON-RPC request by its id, so a client will read it whatever went wrong upstream. */
export function httpStatus(error: ProxyError, answersRequest: boolean): number {
  const row = catalog[error.code];
  return row.inBand && answersRequest ? 200 : row.http;
}

function errorObject({ code, message, details }: ProxyError): string {
  const row = catalog[code];
  const { note: _inMessage, upstream, ...facts } = details;
  const data = {
    origin: "holdfast",
    code,
    executed: row.executed,
    fault: row.fault,
    retry: row.retry,
    ...facts,
    upstream: upstream?.status === undefined && upstream?.body === undefined ? undefined : upstream,
  };
  return JSON.stringify({ code: row.jsonrpc, message: `${message} ${row.remedy}`, data });
}
