// Requests that want to leave HTTP on their connection: answers those that may not, and gives back to HTTP those that ask for something else than WebSocket.
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { catalog, type ErrorCode, ProxyError, toJsonRpcError } from "../../errors/index.ts";
import { httpStatusText } from "../../protocol/index.ts";
import type { ExchangeNotes } from "./request-record.ts";

/** `notes`: for the line that the log keeps of the connection when it is over. */
export type ServeUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, notes: ExchangeNotes) => void;

/** Long enough for a refusal to be read. */
const refusedMs = 2_000;

export function isWebSocketUpgrade({ headers, method }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Answers with an error of ours and closes. */
export function refuseOnSocket(socket: Duplex, code: ErrorCode, requestId: string): void {
  const { http } = catalog[code];
  const body = toJsonRpcError(new ProxyError(code, { requestId }), undefined);
  const challenge = code === "TOKEN_REQUIRED" ? "www-authenticate: Bearer\r\n" : "";
  // A client that keeps its own half open would keep the connection.
  const limit = setTimeout(() => socket.destroy(), refusedMs).unref();
  socket.once("close", () => clearTimeout(limit));
  socket.end(
    `HTTP/1.1 ${http} ${httpStatusText[http] ?? ""}\r\n${challenge}content-type: application/json\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/**
 * A client that offers another protocol (Java's asks for HTTP/2 on every request) may be answered as if it had not asked (RFC 9110 section 7.8).
 * Node hands such a request over all the same once anybody listens for upgrades, so it is put back without its offer.
 */
export function declineUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] as string;
    const value = request.rawHeaders[index + 1] as string;
    if (name.toLowerCase() === "connection") lines.push(`${name}: ${withoutOffer(value)}`);
    else if (!offer.test(name)) lines.push(`${name}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}

const offer = /^(?:upgrade|http2-settings)$/i;

/** The other options stay: `close` ends the connection, and each other names a header that is the connection's own. */
function withoutOffer(connection: string): string {
  const options = connection.split(",").map((option) => option.trim());
  return options.filter((option) => !offer.test(option)).join(", ");
}
