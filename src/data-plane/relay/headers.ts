// Which headers cross the proxy, in both directions (security research, 5.5). Everything not named here stays on its side.
import { accepting, hopByHop, protocolVersionHeader, sessionIdHeader } from "../../protocol/index.ts";
import { type Lease, type UpstreamSession, withSessionCookies } from "../session/index.ts";
import type { ReplyHeaders } from "../transport/index.ts";
import type { ClientExchange } from "./client-exchange.ts";

/** Headers of one request to the server under a lease, flat. */
export function upstreamHeaders(exchange: ClientExchange, session: UpstreamSession, lease: Lease): string[] {
  const { snapshot } = session;
  const headers = [...accepting, ...exchange.headers];
  if (exchange.httpMethod === "POST") headers.push("content-type", exchange.contentType);
  const announced = exchange.httpMethod === "POST" ? exchange.body?.stream && exchange.body.contentLength : undefined;
  if (announced !== undefined) headers.push("content-length", announced);
  if (lease.upstreamId !== undefined) headers.push(sessionIdHeader, lease.upstreamId);
  // After an upgrade the server speaks another revision than the client was told; each side keeps seeing its own.
  const version = snapshot.serverVersion === snapshot.clientVersion ? exchange.protocolVersion : snapshot.serverVersion;
  if (version !== undefined) headers.push(protocolVersionHeader, version);
  return withSessionCookies(headers, snapshot.cookies, snapshot.staleCookies);
}

const bridgeAllowed = [
  "content-type",
  "cache-control",
  "retry-after",
  protocolVersionHeader,
  "content-encoding",
] as const;

/** Headers of the server's answer as the client gets them, flat. Ids, cookies, challenges and names of machines stay behind, except in front mode. */
export function clientHeaders(headers: ReplyHeaders, front: boolean): string[] {
  if (front) return passedHeaders(headers).filter((_, index, all) => all[index - (index % 2)] !== sessionIdHeader);
  const kept: string[] = [];
  for (const name of bridgeAllowed) push(kept, name, headers[name]);
  return kept;
}

/** As through any reverse proxy: everything but what is one connection's own. */
export function passedHeaders(headers: ReplyHeaders): string[] {
  const kept: string[] = [];
  const ofConnection = namedByConnection(headers["connection"]);
  for (const name of Object.keys(headers)) {
    if (hopByHop.has(name) || name === "content-length") continue;
    if (ofConnection?.includes(name) === true) continue;
    push(kept, name, headers[name]);
  }
  return kept;
}

/** What a server calls its connection's own, and no business of the client's (RFC 9110 section 7.6.1). */
function namedByConnection(value: string | string[] | undefined): readonly string[] | undefined {
  if (value === undefined || value === "keep-alive" || value === "close") return undefined;
  return String(value)
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
}

function push(headers: string[], name: string, value: string | string[] | undefined): void {
  if (value === undefined) return;
  if (typeof value === "string") headers.push(name, value);
  else for (const each of value) headers.push(name, each);
}
