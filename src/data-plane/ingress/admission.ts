// Who may talk to us at all: Host, Origin and token, checked before anything else is looked at. Pure.
import { createHash, timingSafeEqual } from "node:crypto";
import type { ErrorCode } from "../../errors/index.ts";

export interface AdmissionRules {
  /** Lower-case host names without port; "*" allows every one. */
  readonly allowedHosts: ReadonlySet<string>;
  /** What clients must present as a bearer token, if anything. */
  readonly token: string | undefined;
  /**
   * Front mode: the path of the MCP endpoint. On every other path, and for a preflight on this one, the Origin is the server's to judge: its login
   * pages are posted to from elsewhere by design.
   */
  readonly frontPath: string | undefined;
}

export interface Presented {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly method: string | undefined;
  /** Without query. */
  readonly path: string;
}

/** Names that mean this machine; always allowed, since a page elsewhere cannot take them (DNS rebinding changes addresses, not names). */
const loopbackNames: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

export function admit(rules: AdmissionRules, presented: Presented): ErrorCode | undefined {
  if (!isAllowed(rules, hostName(presented.host))) return "HOST_REFUSED";
  // Programs send no Origin; a browser always does, and "null" belongs to pages that hide where they come from.
  const { origin } = presented;
  if (origin !== undefined && !isServersToJudge(rules, presented) && !isAllowed(rules, originName(origin)))
    return "ORIGIN_REFUSED";
  if (rules.token !== undefined && !isToken(rules.token, presented.authorization)) return "TOKEN_REQUIRED";
  return undefined;
}

/** True if the address is only reachable from this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function isServersToJudge({ frontPath }: AdmissionRules, { method, path }: Presented): boolean {
  return frontPath !== undefined && (method === "OPTIONS" || !isSamePath(path, frontPath));
}

/** One slash at the end makes no difference, as most servers' routers see it. */
export function isSamePath(asked: string, served: string): boolean {
  return asked === served || withoutSlash(asked) === withoutSlash(served);
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function isAllowed({ allowedHosts }: AdmissionRules, name: string | undefined): boolean {
  return name !== undefined && (loopbackNames.has(name) || allowedHosts.has(name) || allowedHosts.has("*"));
}

/** Whose name was asked for last: nearly every request says the same. */
let lastHost: string | undefined;
let lastName: string | undefined;

/** The name in a Host header, without port; undefined if it is no host. */
function hostName(host: string | undefined): string | undefined {
  if (host === lastHost) return lastName;
  const match = host === undefined ? null : /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+)(?::\d{1,5})?$/i.exec(host);
  lastHost = host;
  lastName = match?.[1]?.toLowerCase();
  return lastName;
}

function originName(origin: string): string | undefined {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  return hostName(match?.[1]);
}

/** Compares hashes, so that neither length nor content shows in the time it takes. */
function isToken(token: string, authorization: string | undefined): boolean {
  const presented = /^Bearer +(.+)$/i.exec(authorization ?? "")?.[1];
  return presented !== undefined && timingSafeEqual(digest(token), digest(presented.trim()));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
