// JSON-RPC errors and HTTP statuses from one era into the other. Pure; a code that changes keeps the server's own one under `data.upstream`.
import { editMembers, isObjectText, memberText, type RawId, rpcCode } from "../../../protocol/index.ts";

/** An error object as JSON text. `data` is JSON text. */
export function rpcError(code: number, message: string, data?: string): string {
  return `{"code":${code},"message":${JSON.stringify(message)}${data === undefined ? "" : `,"data":${data}`}}`;
}

export function errorResponse(id: RawId, error: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${error}}`;
}

export function resultResponse(id: RawId, result: string): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
}

/** Undefined for an error without a number for a code. */
export function codeOf(error: string): number | undefined {
  const code = Number(memberText(error, "code"));
  return Number.isFinite(code) ? code : undefined;
}

const faultsOfBridge: ReadonlySet<number> = new Set([
  rpcCode.headerMismatch,
  rpcCode.missingCapability,
  rpcCode.unsupportedVersion,
]);

/** A modern server's error for a legacy client: always with HTTP 200, for a 404 would say that the session is gone. */
export function errorToLegacy(error: string, method: string): string {
  const code = codeOf(error);
  if (code === undefined) return error;
  if (faultsOfBridge.has(code)) return recoded(error, rpcCode.internal);
  if (code === rpcCode.invalidParams && method === "resources/read") return recoded(error, rpcCode.resourceNotFound);
  return error;
}

/** True for codes that tell of a mistake in what the bridge itself wrote, and that are logged. */
export function isBridgeFault(error: string): boolean {
  return faultsOfBridge.has(codeOf(error) ?? 0);
}

export interface ModernError {
  /** HTTP status with which a modern client gets it. */
  readonly status: number;
  readonly error: string;
  /** -32042: the URLs come as `input_required` instead (see `urlAsksOf`). */
  readonly asksForUrl: boolean;
}

/** A legacy server's error for a modern client. Errors of a lost session never get here: the restore hides them. */
export function errorToModern(error: string): ModernError {
  const code = codeOf(error);
  const asksForUrl = code === rpcCode.urlElicitationRequired;
  if (code === rpcCode.resourceNotFound)
    return { status: 200, error: recoded(error, rpcCode.invalidParams), asksForUrl };
  return { status: code === undefined ? 200 : statusOf(code), error, asksForUrl };
}

/** The status that belongs to an error code in the modern era (Streamable HTTP 2026-07-28); others go in-band. */
export function statusOf(code: number): number {
  if (code === rpcCode.methodNotFound) return 404;
  return faultsOfBridge.has(code) ? 400 : 200;
}

function recoded(error: string, code: number): string {
  const data = memberText(error, "data");
  const was = memberText(error, "code") ?? "null";
  const kept = data === undefined || isObjectText(data) ? "" : `,"data":${data}`;
  const upstream = `{"code":${was}${kept}}`;
  return editMembers(error, {
    code: String(code),
    data: editMembers(isObjectText(data) ? data : "{}", { upstream }),
  });
}
