// Where a browser comes back to from an authorization server, and where one reads who Holdfast is. Shows plain sentences of ours: no token, and no word that came with the visit.
import type { IncomingMessage, ServerResponse } from "node:http";
import { signInKeys } from "../control-plane/api/index.ts";
import { clientMetadata, type SignIns } from "../credentials/index.ts";
import { refuse, type Serve } from "../data-plane/index.ts";
import { catalog, ProxyError } from "../errors/index.ts";

const callbackPath = /^\/oauth\/upstream\/callback\/([\w-]{16})$/;
const documentPath = /^\/oauth\/client-metadata\/([\w-]{16})\.json$/;
const mostQuery = 8_192;

/** Undefined: no such page. */
export function signInRoute(path: string, flows: Pick<SignIns, "complete">): Serve | undefined {
  const issuer = callbackPath.exec(path)?.[1];
  if (issuer !== undefined) return asPage((request) => comeBack(request, issuer, flows));
  const document = documentPath.exec(path)?.[1];
  return document === undefined ? undefined : asDocument(document);
}

interface Outcome {
  readonly status: number;
  readonly title: string;
  readonly sentence: string;
  /** Of the page to go on to. */
  readonly connector: string | undefined;
}

async function comeBack({ url = "", headers }: IncomingMessage, issuer: string, flows: Pick<SignIns, "complete">) {
  const { searchParams, search } = new URL(url, "http://x");
  try {
    if (search.length > mostQuery) throw new ProxyError("SIGN_IN_UNKNOWN");
    const connector = await flows.complete(issuer, searchParams, signInKeys(headers.cookie));
    const sentence = `Holdfast is signed in to ${connector}. You can close this window.`;
    return { status: 200, title: "Signed in", sentence, connector, code: undefined };
  } catch (caught) {
    const error = ProxyError.from(caught);
    const { connector } = error.details;
    const sentence = `${error.message} ${catalog[error.code].remedy} (${error.code})`;
    return { status: catalog[error.code].http, title: "Not signed in", sentence, connector, code: error.code };
  }
}

function asPage(run: (request: IncomingMessage) => ReturnType<typeof comeBack>): Serve {
  return async (request, response, notes) => {
    if (request.method !== "GET") return refuse(request, response, notes, "METHOD_NOT_ALLOWED");
    const outcome = await run(request);
    if (outcome.code !== undefined) notes.outcome.errorCode = outcome.code;
    if (outcome.connector !== undefined) notes.connector = outcome.connector;
    send(response, outcome.status, "text/html; charset=utf-8", pageOf(outcome));
  };
}

/** As a Client ID Metadata Document: its address is the client's id, so it is only ever one under https. */
function asDocument(issuer: string): Serve {
  return (request, response, notes) => {
    const { host = "" } = request.headers;
    if (request.method !== "GET") refuse(request, response, notes, "METHOD_NOT_ALLOWED");
    else {
      const base = `https://${host.toLowerCase()}`;
      const metadata = clientMetadata(`${base}/oauth/upstream/callback/${issuer}`);
      const body = { client_id: `${base}/oauth/client-metadata/${issuer}.json`, ...metadata };
      send(response, 200, "application/json", JSON.stringify({ ...body, token_endpoint_auth_method: "none" }));
    }
    return Promise.resolve();
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "content-security-policy":
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}

function pageOf({ title, sentence, connector }: Outcome): string {
  const on = connector === undefined ? "/" : `/connectors/${encodeURIComponent(connector)}`;
  return `<!doctype html>
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
<p>${escaped(sentence)}</p>
<p><a href="${escaped(on)}">To the hub's page</a></p>
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (character) => names[character] ?? "");
}
