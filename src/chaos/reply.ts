// Whole HTTP bodies in and whole HTTP answers out, within bounds. Knows nothing of what they mean.
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorOf } from "./json-rpc.ts";

const maxBodyBytes = 33_554_432;

export interface Reply {
  readonly status: number;
  readonly contentType?: string | undefined;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal by the transport itself, as the TypeScript transport words them: an error that answers no request. */
export const refusal = (status: number, code: number, message: string): Reply => ({
  status,
  contentType: "application/json",
  body: JSON.stringify(errorOf(null, code, message)),
});

export function writeReply(response: ServerResponse, { status, contentType, body, headers }: Reply): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    ...(contentType !== undefined && { "content-type": contentType }),
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

/** The body as text, or undefined where it is over the limit; the rest of such a body is thrown away. */
export function readBody(request: IncomingMessage): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    else resolve(undefined);
  });
  request.once("end", () => resolve(Buffer.concat(chunks).toString("utf8"))).once("error", reject);
  if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) resolve(undefined);
  return promise;
}
