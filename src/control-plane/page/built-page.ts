// The built page as answers: what stands under a path, with the headers that keep it strict and quick. Knows no HTTP library and no API.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

export interface PageRequest {
  /** Without query. */
  readonly path: string;
  /** As node:http gives them: lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface PageAnswer {
  readonly status: 200 | 304;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Page {
  /** Undefined where nothing of the page stands at this path; meant for GET and HEAD. */
  answer(request: PageRequest): PageAnswer | undefined;
}

interface PageFile {
  readonly plain: Uint8Array;
  readonly zipped: Uint8Array;
  readonly tag: string;
  readonly headers: Readonly<Record<string, string>>;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Everything comes from the hub itself, nothing is inline, nothing is evaluated, and no markup is made of text. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const always = {
  "content-security-policy": contentSecurityPolicy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Paths that the page draws itself; every one of them is index.html. */
const drawn = /^\/(?:$|login$|settings$|add$|connectors\/[^/]+(?:\/[a-z]+)?$)/;

type Theme = "system" | "light" | "dark";
const themes: readonly Theme[] = ["system", "light", "dark"];

/** Where `npm run build` puts the page: seen from the built program, and from the source. */
const builtInto = ["./page/", "../../../dist/page/"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/**
 * Reads the built page into memory.
 * @throws Error where it was not built
 */
export async function openPage(
  directory: string = builtInto.find((path) => existsSync(path)) ?? "page",
): Promise<Page> {
  const assets = new Map<string, PageFile>();
  for (const name of readdirSync(join(directory, "assets"))) {
    const bytes = readFileSync(join(directory, "assets", name));
    // Its name holds its hash, so what was fetched once is right for ever.
    assets.set(`/assets/${name}`, await pageFile(bytes, extname(name), "public, max-age=31536000, immutable"));
  }
  const html = readFileSync(join(directory, "index.html"), "utf8");
  const documents = new Map<Theme, PageFile>();
  for (const theme of themes) {
    documents.set(theme, await pageFile(Buffer.from(withTheme(html, theme)), ".html", "no-cache"));
  }
  return {
    answer({ path, headers }) {
      const file = assets.get(path) ?? (drawn.test(path) ? documents.get(themeOf(text(headers["cookie"]))) : undefined);
      return file && toAnswer(file, headers);
    },
  };
}

async function pageFile(plain: Uint8Array, extension: string, caching: string): Promise<PageFile> {
  const zipped = await promisify(gzip)(plain, { level: 9 });
  const tag = createHash("sha256").update(plain).digest("base64url").slice(0, 22);
  const type = types[extension] ?? "application/octet-stream";
  const headers = { ...always, "content-type": type, "cache-control": caching, vary: "Accept-Encoding, Cookie" };
  return { plain, zipped, tag: `"${tag}"`, headers };
}

function toAnswer({ plain, zipped, tag, headers: own }: PageFile, asked: PageRequest["headers"]): PageAnswer {
  const headers = { ...own, etag: tag };
  if (text(asked["if-none-match"]).includes(tag)) return { status: 304, headers, body: new Uint8Array() };
  const isZipped = /\bgzip\b/.test(text(asked["accept-encoding"]));
  const body = isZipped ? zipped : plain;
  return {
    status: 200,
    headers: { ...headers, ...(isZipped && { "content-encoding": "gzip" }), "content-length": String(body.length) },
    body,
  };
}

/** A chosen theme stands in the document itself, so that no script has to decide it and the first paint is right. */
function withTheme(html: string, theme: Theme): string {
  if (theme === "system") return html;
  return html.replace("<html ", `<html data-theme="${theme}" `).replace('content="light dark"', `content="${theme}"`);
}

/** The cookie holds one of two words; anything else is nobody's choice. */
function themeOf(cookies: string): Theme {
  const chosen = /(?:^|;\s*)holdfast-theme=(light|dark)(?:;|$)/.exec(cookies)?.[1];
  return themes.find((theme) => theme === chosen) ?? "system";
}

function text(header: string | readonly string[] | undefined): string {
  return typeof header === "string" ? header : "";
}
