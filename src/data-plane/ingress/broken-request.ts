// What Node's parser gives up on, as an error of ours.
import type { ErrorCode } from "../../errors/index.ts";

/** Node's error about what came on a connection. */
export interface ClientError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer | undefined;
}

/** Undefined if it is the connection that broke. */
export function brokenCode({ code = "" }: ClientError): ErrorCode | undefined {
  if (code === "HPE_HEADER_OVERFLOW") return "HEADERS_TOO_LARGE";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "HEADERS_TIMEOUT";
  return code.startsWith("HPE_") ? "NOT_HTTP" : undefined;
}

const longestMethod = 16;

/** For the log: the method, where the request begins with what was read last. */
export function brokenMethod({ rawPacket }: ClientError): string | undefined {
  return /^([A-Z]+) /.exec(rawPacket?.toString("latin1", 0, longestMethod) ?? "")?.[1];
}

/** HTTP/1.1 asks for exactly one Host line (RFC 9112 section 3.2). */
export function hasOneHost(request: { readonly httpVersion: string; readonly rawHeaders: readonly string[] }): boolean {
  let count = 0;
  for (let index = 0; index < request.rawHeaders.length; index += 2)
    if (request.rawHeaders[index]?.toLowerCase() === "host") count += 1;
  return count === 1 || (count === 0 && request.httpVersion === "1.0");
}
