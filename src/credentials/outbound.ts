// The one way in which sign-ins reach out: to servers' metadata and to authorization servers. Each address is checked as it is connected to, each answer is bounded.
import type { IncomingMessage } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import { ProxyError } from "../errors/index.ts";

/** Where a connector may be led that was not typed on the hub's machine. */
export interface OutboundRules {
  isAllowed(address: string): boolean;
  readonly lookup: LookupFunction;
}

export interface OutboundRequest {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** Status and headers are enough: the body is not waited for. */
  readonly headOnly?: boolean | undefined;
}

/** @throws ProxyError SIGN_IN_ADDRESS_REFUSED, AUTHORIZATION_SERVER_UNREACHABLE, AUTHORIZATION_SERVER_UNUSABLE */
export type Outbound = (url: string, request: OutboundRequest) => Promise<Response>;

export const outboundTimeoutMs = 10_000;
const mostBytes = 256 * 1024;
const mostRedirects = 3;
const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

/**
 * `rules`: undefined lets every address be connected to. `home`: the server's own origin, as it was typed: plain http is for that one and for this machine.
 */
export function openOutbound(rules: OutboundRules | undefined, home: URL): Outbound {
  const go: Outbound = async (text, request) => {
    let url = readUrl(text, rules, home);
    for (let hops = 0; ; hops += 1) {
      const response = await exchange(url, request, rules);
      // Only a question may be carried elsewhere; whoever sends a code or a token sends it to the address that was checked.
      if (!isRedirect(response.status) || request.method !== "GET") return response;
      const target = URL.parse(response.headers.get("location") ?? "", url.href);
      if (target === null || hops === mostRedirects)
        throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note: `${url.origin} redirects without an end.` });
      url = readUrl(target.href, rules, home);
    }
  };
  return go;
}

/** @throws ProxyError SIGN_IN_ADDRESS_REFUSED for what may not be connected to, as far as the URL itself tells */
export function readUrl(text: string, rules: OutboundRules | undefined, home: URL): URL {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") throw refused("It is no address of a web server.");
  if (url.protocol !== "https:" && !(url.protocol === "http:" && mayBePlain(url, home)))
    throw refused(`${url.origin === "null" ? url.protocol : url.origin} is not reached over https.`);
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  if (rules !== undefined && isIP(literal) !== 0 && !rules.isAllowed(literal)) throw refused(said(url));
  return url;
}

function mayBePlain({ hostname, host }: URL, home: URL): boolean {
  return isLoopbackName(hostname) || (host === home.host && /^(?:http|ws):$/.test(home.protocol));
}

export function isLoopbackName(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

function refused(note: string): ProxyError {
  return new ProxyError("SIGN_IN_ADDRESS_REFUSED", { note });
}

const said = (url: URL): string => `It leads to ${url.origin}.`;

function exchange(url: URL, request: OutboundRequest, rules: OutboundRules | undefined): Promise<Response> {
  const { method, headers = {}, body, headOnly } = request;
  // Not by import, as protocol/node-http.ts says.
  const { request: send } = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http");
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const { code = "no answer" } = error;
      reject(
        code === "ERR_ADDRESS_REFUSED"
          ? refused(said(url))
          : new ProxyError("AUTHORIZATION_SERVER_UNREACHABLE", { note: `${url.origin}: ${code}.` }, { cause: error }),
      );
    };
    const outgoing = send(url, {
      method,
      // Set by hand, so that nothing is negotiated that would have to be unpacked.
      headers: { accept: "application/json", "accept-encoding": "identity", "user-agent": "holdfast", ...headers },
      agent: false,
      signal: AbortSignal.timeout(outboundTimeoutMs),
      ...(rules === undefined ? {} : { lookup: rules.lookup }),
    });
    outgoing.once("error", fail);
    outgoing.once("response", (incoming) => {
      if (headOnly === true) {
        resolve(toResponse(incoming, undefined));
        outgoing.destroy();
        return;
      }
      read(incoming, url).then((bytes) => resolve(toResponse(incoming, bytes)), reject);
    });
    outgoing.end(body);
  });
}

async function read(incoming: IncomingMessage, url: URL): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > mostBytes) {
        const note = `${url.origin} answers with more than ${mostBytes} bytes.`;
        throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note });
      }
    }
  } catch (error) {
    if (error instanceof ProxyError) throw error;
    const note = `${url.origin}: the connection broke.`;
    throw new ProxyError("AUTHORIZATION_SERVER_UNREACHABLE", { note }, { cause: error });
  }
  return Buffer.concat(chunks);
}

function toResponse({ statusCode = 502, rawHeaders }: IncomingMessage, bytes: Buffer | undefined): Response {
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string);
  const isEmpty = bytes === undefined || bytes.length === 0 || statusCode === 204 || statusCode === 304;
  return new Response(isEmpty ? null : Uint8Array.from(bytes), { status: statusCode, headers });
}
