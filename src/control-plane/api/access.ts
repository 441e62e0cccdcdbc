// Who may use the API: a token, or the page's cookie from the page itself. Decides from headers alone.
import { ProxyError } from "../../errors/index.ts";
import type { Logins } from "./logins.ts";
import type { Route } from "./routes.ts";
import type { Whoami } from "./schema.ts";
import { bearer, type Tokens } from "./tokens.ts";

export interface Presented {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

/**
 * `known` hears who it is before that is decided.
 * @throws ProxyError CROSS_SITE_REFUSED, SIGN_IN_REQUIRED, ADMIN_REQUIRED
 */
export function assertAccess(
  { access }: Pick<Route, "access">,
  presented: Presented,
  tokens: Tokens,
  logins: Logins,
  known: (who: Whoami) => void,
): Whoami | undefined {
  assertSameSite(presented);
  const who = whoIs(presented, tokens, logins);
  if (who !== undefined) known(who);
  if (access === "open") return who;
  if (who === undefined) throw new ProxyError("SIGN_IN_REQUIRED");
  if (access === "admin" && who.role !== "admin") throw new ProxyError("ADMIN_REQUIRED");
  return who;
}

function whoIs({ authorization, cookie }: Presented, tokens: Tokens, logins: Logins): Whoami | undefined {
  const secret = bearer(authorization);
  const known = secret === undefined ? undefined : tokens.recognise(secret);
  // A credential that is presented and wrong is never made good by another one.
  if (authorization !== undefined) return known && { user: known.user, role: known.role, by: "token" };
  return logins.isVisit(cookie) ? { user: "admin", role: "admin", by: "cookie" } : undefined;
}

/**
 * A page of another origin gets nothing, whatever its browser sends along: another port of this machine is the same site to a cookie, but not the same
 * origin. Programs send neither header; with a cookie alone they may read, and change nothing.
 */
function assertSameSite({ method, host, origin, fetchSite, authorization, cookie }: Presented): void {
  if (origin !== undefined && originHost(origin) !== host?.toLowerCase()) throw new ProxyError("CROSS_SITE_REFUSED");
  if (fetchSite !== undefined && fetchSite !== "same-origin" && fetchSite !== "none")
    throw new ProxyError("CROSS_SITE_REFUSED");
  const changes = method !== "GET" && method !== "HEAD";
  const byCookie = cookie !== undefined && authorization === undefined;
  if (changes && byCookie && origin === undefined && fetchSite !== "same-origin")
    throw new ProxyError("CROSS_SITE_REFUSED");
}

function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase();
}
