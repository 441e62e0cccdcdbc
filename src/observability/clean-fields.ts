// Makes a record safe to log: known fields only, no control or bidirectional character, bounded length. Decides nothing about format.
import { printable } from "../errors/index.ts";
import type { RequestRecord } from "./log.ts";

export type Fields = Readonly<Record<string, string | number | boolean>>;

/** Characters of one field; longer text is cut. */
export const maxFieldLength = 200;

export function cleanText(text: string): string {
  return printable(text, maxFieldLength);
}

/** Microseconds are as fine as it gets. */
export function roundedMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/** Spelled out, because a field that is not named here must not be logged. */
export function cleanRequest(record: RequestRecord) {
  return {
    user_id: cleanText(record.user_id),
    session_id: cleanText(record.session_id),
    http_method: cleanText(record.http_method),
    jsonrpc_method: cleanText(record.jsonrpc_method),
    jsonrpc_id: cleanText(record.jsonrpc_id),
    body_len: record.body_len,
    status: record.status,
    elapsed_ms: roundedMs(record.elapsed_ms),
    connector: cleanText(record.connector),
    era_pair: cleanText(record.era_pair),
    recovery: cleanText(record.recovery),
    error_code: cleanText(record.error_code),
    request_id: cleanText(record.request_id),
  };
}

export function cleanFields(fields: Fields): Fields {
  const clean: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    clean[cleanText(name)] = typeof value === "string" ? cleanText(value) : value;
  }
  return clean;
}
