// Cookies of a session, as load balancers set them to find its server again: given back by Holdfast, for most clients keep none. In front mode a client may keep
// its own, and what it was given last is the newest, unless it was given it before a restore of which it knows nothing. Pure.

/** `name=value` pairs of Set-Cookie, for load balancers that route by cookie; attributes are dropped, the pairs stay with this session. */
export function readCookies(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const pairs = (Array.isArray(header) ? header : [header]).map((cookie) => cookie.split(";", 1)[0]?.trim() ?? "");
  const kept = pairs.filter((pair) => pair.includes("="));
  return kept.length === 0 ? undefined : kept.join("; ").slice(0, 4096);
}

/**
 * One Cookie header: the session's own pairs, before the client's. Of one name the session's counts. Where `stale` is given (front mode), the client's counts,
 * unless its very pair is among those.
 */
export function withSessionCookies(headers: string[], cookies: string | undefined, stale?: string): string[] {
  if (cookies === undefined) return headers;
  const own = new Map(cookies.split("; ").map((pair) => [nameOf(pair), pair]));
  const old = new Set(stale?.split("; "));
  const pairs: string[] = [];
  const others: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    if (name.toLowerCase() !== "cookie") {
      others.push(name, value);
      continue;
    }
    for (const pair of value.split("; ")) {
      const isOvertaken = own.has(nameOf(pair)) && (stale === undefined || old.has(pair));
      if (isOvertaken) continue;
      own.delete(nameOf(pair));
      pairs.push(pair);
    }
  }
  return [...others, "cookie", [...own.values(), ...pairs].join("; ")];
}

/** The pairs that a client has from before a restore: those that the session had, and those that it sends now. */
export function staleCookies(before: string | undefined, headers: readonly string[]): string {
  const sent = headers.flatMap((name, index) => {
    const value = index % 2 === 0 && name.toLowerCase() === "cookie" ? headers[index + 1] : undefined;
    return value?.split("; ") ?? [];
  });
  return [...new Set([...(before?.split("; ") ?? []), ...sent])].join("; ").slice(0, 4096);
}

function nameOf(pair: string): string {
  return pair.split("=", 1)[0]?.trim() ?? "";
}
