// Finds where one signs in to a server: its own metadata (RFC 9728), then the authorization server's (RFC 8414, OpenID Connect Discovery), as MCP orders them.
import type { AuthorizationServer } from "oauth4webapi";
import { ProxyError } from "../errors/index.ts";
import { type Challenge, readChallenge } from "../protocol/index.ts";
import type { Outbound } from "./outbound.ts";

export interface Discovered {
  readonly server: AuthorizationServer;
  /** What the credential is asked for (RFC 8707). */
  readonly resource: string;
  /** In the order of MCP: what the server asked for, else what it supports. */
  readonly scope: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * `url`: the server's own address. `wanted`: rights that it has asked for since.
 * @throws ProxyError with a code that names what is wrong
 */
export async function discover(url: URL, outbound: Outbound, wanted?: string): Promise<Discovered> {
  const challenge = await ask(url, outbound);
  const resource = await findResource(url, challenge, outbound);
  const issuer = resource?.issuer ?? httpOf(url).origin;
  const found = await findServer(issuer, outbound);
  if (found === undefined && resource !== undefined) {
    const note = `${originOf(issuer)} publishes no metadata.`;
    throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note });
  }
  const server = found ?? (await conventional(issuer, outbound));
  assertUsable(server);
  return {
    server,
    resource: resource?.resource ?? canonical(url),
    scope: wanted ?? challenge?.scope ?? resource?.scope,
  };
}

/** A question without a credential, outside any session, which leaves nothing at the server. */
async function ask(url: URL, outbound: Outbound): Promise<Challenge | undefined> {
  const isSocket = url.protocol.startsWith("ws");
  const headers = { accept: "application/json, text/event-stream", "content-type": "application/json" };
  const ping = { method: "POST", headers, body: '{"jsonrpc":"2.0","id":0,"method":"ping"}', headOnly: true };
  const look = { method: "GET", headers: { accept: "text/event-stream" }, headOnly: true };
  for (const request of isSocket ? [look] : [ping, look]) {
    const response = await outbound(httpOf(url).href, request);
    if (response.status !== 401 && response.status !== 403) continue;
    return readChallenge(response.headers.get("www-authenticate") ?? undefined);
  }
  return undefined;
}

interface Resource {
  readonly resource: string;
  readonly issuer: string;
  readonly scope: string | undefined;
}

/** Undefined: the server publishes nothing of the kind, as those of 2025-03-26. */
async function findResource(
  url: URL,
  challenge: Challenge | undefined,
  outbound: Outbound,
): Promise<Resource | undefined> {
  const { origin, pathname } = httpOf(url);
  const wellKnown = `${origin}/.well-known/oauth-protected-resource`;
  const named = challenge?.resourceMetadata;
  const places = named === undefined ? [...(pathname === "/" ? [] : [`${wellKnown}${pathname}`]), wellKnown] : [named];
  for (const place of places) {
    const document = await readDocument(place, outbound);
    if (document !== undefined) return readResource(document, url);
  }
  if (named === undefined) return undefined;
  const note = "The metadata that its challenge names is not there.";
  throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note });
}

function readResource(document: Json, url: URL): Resource {
  const { resource, authorization_servers: servers, scopes_supported: scopes } = document;
  if (typeof resource !== "string" || !isPartOf(url, resource)) throw new ProxyError("RESOURCE_MISMATCH");
  const [issuer] = Array.isArray(servers) ? (servers as readonly unknown[]) : [];
  if (typeof issuer !== "string") throw new ProxyError("SIGN_IN_NOT_OFFERED");
  const isListed = Array.isArray(scopes) && scopes.length > 0 && scopes.every((one) => typeof one === "string");
  return { resource, issuer, scope: isListed ? scopes.join(" ") : undefined };
}

/** The same origin, and the very path or one below it: a resource may stand for all that is beneath it. */
function isPartOf(url: URL, resource: string): boolean {
  const named = URL.parse(resource);
  const { origin, pathname } = httpOf(url);
  if (named === null || named.origin !== origin) return false;
  const base = named.pathname.replace(/\/$/, "");
  return pathname === named.pathname || pathname === base || pathname.startsWith(`${base}/`);
}

/** Undefined: nothing is published. */
async function findServer(issuer: string, outbound: Outbound): Promise<AuthorizationServer | undefined> {
  const url = URL.parse(issuer);
  if (url === null || url.search !== "" || url.hash !== "")
    throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note: "Its issuer is no address." });
  const { origin } = url;
  const path = url.pathname.replace(/\/$/, "");
  const places = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    ...(path === "" ? [] : [`${origin}${path}/.well-known/openid-configuration`]),
  ];
  for (const place of places) {
    const document = await readDocument(place, outbound);
    if (document === undefined) continue;
    // An address has one spelling with a slash and one without; nothing else may differ (RFC 8414, 3.3).
    const { issuer: said } = document;
    if (typeof said !== "string" || URL.parse(said)?.href !== url.href) {
      throw new ProxyError("ISSUER_MISMATCH", { note: `It was asked as ${origin}.` });
    }
    return document as unknown as AuthorizationServer;
  }
  return undefined;
}

/** A server of 2025-03-26 without any metadata has its endpoints where that revision puts them, and PKCE as it demands. */
async function conventional(origin: string, outbound: Outbound): Promise<AuthorizationServer> {
  const at = (path: string): string => new URL(path, origin).href;
  const probe = await outbound(at("/authorize"), { method: "GET", headOnly: true });
  if (probe.status === 404 || probe.status === 405 || probe.status >= 500) throw new ProxyError("SIGN_IN_NOT_OFFERED");
  return {
    issuer: origin,
    authorization_endpoint: at("/authorize"),
    token_endpoint: at("/token"),
    registration_endpoint: at("/register"),
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none", "client_secret_post", "client_secret_basic"],
  };
}

function assertUsable(server: AuthorizationServer): void {
  const missing = (["authorization_endpoint", "token_endpoint"] as const).find(
    (name) => typeof server[name] !== "string",
  );
  if (missing !== undefined)
    throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note: `Its metadata has no ${missing}.` });
  const { code_challenge_methods_supported: methods } = server;
  // Absent means "not supported" (MCP, authorization, "Authorization Code Protection").
  if (!Array.isArray(methods) || !methods.includes("S256")) throw new ProxyError("PKCE_NOT_SUPPORTED");
}

/** Undefined where there is none; what is there and no JSON object is an error. */
async function readDocument(place: string, outbound: Outbound): Promise<Json | undefined> {
  const response = await outbound(place, { method: "GET" });
  if (response.status !== 200) return undefined;
  try {
    const value: unknown = await response.json();
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  } catch {
    // A page of HTML where no such document is: servers answer so to every path they do not know.
    if (!/json/i.test(response.headers.get("content-type") ?? "")) return undefined;
  }
  throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note: `${originOf(place)} gives metadata that is no JSON.` });
}

/** Over which HTTP a WebSocket is opened. */
export function httpOf(url: URL): URL {
  return url.protocol.startsWith("ws") ? new URL(url.href.replace(/^ws/, "http")) : url;
}

/** Without query and fragment: the one may be secret, the other names nothing that a server sees. */
function canonical(url: URL): string {
  const { origin, pathname } = httpOf(url);
  return pathname === "/" ? origin : `${origin}${pathname}`;
}

function originOf(text: string): string {
  return URL.parse(text)?.origin ?? "It";
}
