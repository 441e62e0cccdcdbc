// The cookie that ties a sign-in to the browser in which it was begun. It comes back with the visit that the authorization server sends, so it is not the page's own, strict one.
import { randomBytes } from "node:crypto";

const name = "holdfast-sign-in";
const lifeSeconds = 600;

/** `origin`: of the page. Several may be under way at once, so each has a name of its own. */
export function signInCookie(origin: string): { readonly key: string; readonly header: string } {
  const key = randomBytes(18).toString("base64url");
  const secure = origin.startsWith("https:") ? "; Secure" : "";
  const attributes = `Path=/oauth/upstream/callback; HttpOnly; SameSite=Lax; Max-Age=${lifeSeconds}${secure}`;
  return { key, header: `${name}-${key.slice(0, 6)}=${key}; ${attributes}` };
}

/** The keys that a browser brings. */
export function signInKeys(cookies: string | undefined): readonly string[] {
  return (cookies ?? "").split(";").flatMap((cookie) => {
    const [found = "", value = ""] = cookie.trim().split("=", 2);
    return found.startsWith(`${name}-`) && value !== "" ? [value] : [];
  });
}
