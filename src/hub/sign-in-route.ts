// Where a browser comes back to from an authorization server, and where one reads who Holdfast is. Decides nothing about either.
import type { ServerResponse } from "node:http";
import { signInKeys } from "../control-plane/api/index.ts";
import { callbackIssuer, clientMetadata, comeBack, type SignIns } from "../credentials/index.ts";
import { refuse, type Serve } from "../data-plane/index.ts";

const documentPath = /^\/oauth\/client-metadata\/([\w-]{16})\.json$/;

/** Undefined: no such page. */
export function signInRoute(path: string, flows: Pick<SignIns, "complete">): Serve | undefined {
  const issuer = callbackIssuer(path);
  if (issuer !== undefined) return wayBack(issuer, flows);
  const document = documentPath.exec(path)?.[1];
  return document === undefined ? undefined : asDocument(document);
}

function wayBack(issuer: string, flows: Pick<SignIns, "complete">): Serve {
  const home = (connector: string | undefined): string =>
    connector === undefined ? "/" : `/connectors/${encodeURIComponent(connector)}`;
  return async (request, response, notes) => {
    if (request.method !== "GET") return refuse(request, response, notes, "METHOD_NOT_ALLOWED");
    const { url = "", headers } = request;
    const outcome = await comeBack(flows, { url, issuer, keys: signInKeys(headers.cookie) }, home);
    if (outcome.code !== undefined) notes.outcome.errorCode = outcome.code;
    if (outcome.connector !== undefined) notes.connector = outcome.connector;
    response.writeHead(outcome.status, outcome.headers).end(outcome.body);
  };
}

/** As a Client ID Metadata Document: its address is the client's id, so it is only ever one under https. */
function asDocument(issuer: string): Serve {
  return (request, response, notes) => {
    const { host = "" } = request.headers;
    if (request.method === "GET") sendDocument(response, `https://${host.toLowerCase()}`, issuer);
    else refuse(request, response, notes, "METHOD_NOT_ALLOWED");
    return Promise.resolve();
  };
}

function sendDocument(response: ServerResponse, base: string, issuer: string): void {
  const metadata = clientMetadata(`${base}/oauth/upstream/callback/${issuer}`);
  const document = { client_id: `${base}/oauth/client-metadata/${issuer}.json`, ...metadata };
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify({ ...document, token_endpoint_auth_method: "none" }));
}
