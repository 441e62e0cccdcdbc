// Reads what a server says with a 401 or 403 (WWW-Authenticate, RFC 9110 11.6.1; its parameters: RFC 6750 section 3 and RFC 9728 5.1). Pure.

export interface Challenge {
  readonly resourceMetadata?: string | undefined;
  readonly scope?: string | undefined;
  readonly error?: string | undefined;
}

/** Longer ones are nobody's honest word. */
const mostLength = 8_192;
const parameter = /([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;

/** The first Bearer challenge; undefined where there is none. */
export function readChallenge(header: string | readonly string[] | undefined): Challenge | undefined {
  const text = (typeof header === "string" ? header : (header ?? []).join(", ")).slice(0, mostLength);
  const begin = /(?:^|,)\s*bearer(?=\s|,|$)/i.exec(text);
  if (begin === null) return undefined;
  const found = parametersFrom(text, begin.index + begin[0].length);
  return {
    resourceMetadata: found.get("resource_metadata"),
    scope: found.get("scope"),
    error: found.get("error"),
  };
}

/** Up to the next scheme, which is a word without an equals sign. */
function parametersFrom(text: string, from: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let at = from;
  for (;;) {
    at += /^[\s,]*/.exec(text.slice(at))?.[0].length ?? 0;
    parameter.lastIndex = at;
    const match = parameter.exec(text);
    if (match === null) return found;
    const [whole, name = "", quoted, plain = ""] = match;
    const key = name.toLowerCase();
    // The first one counts, so that nothing appended can change it.
    if (!found.has(key)) found.set(key, quoted?.replaceAll(/\\(.)/g, "$1") ?? plain);
    at += whole.length;
  }
}
