// What a browser sees that comes back from an authorization server: plain sentences of ours, no token, and no word that came with the visit.
import { catalog, type ErrorCode, ProxyError } from "../errors/index.ts";
import type { SignIns } from "./sign-ins.ts";

export interface WayBack {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whose sign-in it was, as far as that is known. */
  readonly connector: string | undefined;
  readonly code: ErrorCode | undefined;
}

const callbackPath = /^\/oauth\/upstream\/callback\/([\w-]{16})$/;
const mostQuery = 8_192;

/** The issuer's part of a callback's path; undefined for any other path. */
export function callbackIssuer(path: string): string | undefined {
  return callbackPath.exec(path)?.[1];
}

/** Ends the sign-in that the browser comes back for. `keys`: what it was given when that was begun; `home`: the page to go on to, if there is one. */
export async function comeBack(
  flows: Pick<SignIns, "complete">,
  visit: { readonly url: string; readonly issuer: string; readonly keys: readonly string[] },
  home: ((connector: string | undefined) => string) | undefined,
): Promise<WayBack> {
  const { searchParams, search } = new URL(visit.url, "http://x");
  try {
    if (search.length > mostQuery) throw new ProxyError("SIGN_IN_UNKNOWN");
    const connector = await flows.complete(visit.issuer, searchParams, visit.keys);
    const sentence = `Holdfast is signed in to ${connector}. You can close this window.`;
    return { ...page(200, "Signed in", sentence, home?.(connector)), connector, code: undefined };
  } catch (caught) {
    const { code, message, details } = ProxyError.from(caught);
    const sentence = `${message} ${catalog[code].remedy} (${code})`;
    const { connector } = details;
    return { ...page(catalog[code].http, "Not signed in", sentence, home?.(connector)), connector, code };
  }
}

function page(status: number, title: string, sentence: string, home: string | undefined) {
  const link = home === undefined ? "" : `\n<p><a href="${escaped(home)}">To the hub's page</a></p>`;
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} &middot; Holdfast</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto 0; padding: 0 1.5rem }
h1 { font-size: 1.5rem }
</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${escaped(sentence)}</p>${link}
</main>
</body>
</html>
`;
  return { status, headers, body };
}

const headers = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (character) => names[character] ?? "");
}
