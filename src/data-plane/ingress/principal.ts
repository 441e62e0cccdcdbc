// Who a session belongs to: what the client presented, reduced to what stays the same while its token is refreshed. Verifies nothing; the server does.
import type { TrustedProxies } from "./forward-headers.ts";
import type { HttpRequest } from "./http-request.ts";

/** `jwt`: issuer and subject of a bearer JWT, any other credential whole. `authorization`: the whole credential. `header:NAME`: what a trusted proxy sets. */
export type PrincipalRule = "jwt" | "authorization" | `header:${string}`;

/** The name in a `header:NAME` rule, in lower case. */
export function principalHeader(rule: PrincipalRule): string | undefined {
  return rule.startsWith("header:") ? rule.slice("header:".length).toLowerCase() : undefined;
}

/** The text whose hash is the principal; undefined for a client that presents nothing. */
export function credentialOf(
  rule: PrincipalRule,
  { headers, socket }: HttpRequest,
  proxies: TrustedProxies,
): string | undefined {
  const name = principalHeader(rule);
  // Only a trusted proxy may say who somebody is; everybody else is what they present themselves.
  const named = name !== undefined && proxies.trusts(socket.remoteAddress) ? headers[name] : undefined;
  // An edge that sends the header empty names nobody: its users are not one.
  if (named !== undefined && String(named).trim() !== "") return `header ${String(named)}`;
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  return (rule === "jwt" ? jwtSubject(authorization) : undefined) ?? `authorization ${authorization}`;
}

/** Issuer and subject of a bearer JWT (RFC 7519 sections 4.1.1, 4.1.2), unverified: a forged one reaches the server, and the server refuses it. */
function jwtSubject(authorization: string): string | undefined {
  const payload = /^Bearer +[\w-]+\.([\w-]+)\.[\w-]*$/i.exec(authorization)?.[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (typeof claims !== "object" || claims === null || !("iss" in claims) || !("sub" in claims)) return undefined;
    return `jwt ${JSON.stringify([claims.iss, claims.sub])}`;
  } catch {
    return undefined;
  }
}
