// As whom Holdfast asks an authorization server: the id that a user was given there, its own document, or what it registers (RFC 7591), in MCP's order.
import type { AuthorizationServer } from "oauth4webapi";
import { ProxyError } from "../errors/index.ts";
import type { KnownClient } from "./grant.ts";
import { isLoopbackName, type Outbound } from "./outbound.ts";

export interface GivenClient {
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
}

export interface ClientWish {
  readonly redirectUri: string;
  readonly given?: GivenClient | undefined;
  /** Of an earlier sign-in at the same authorization server. */
  readonly known?: KnownClient | undefined;
  /** Where the authorization server can read who Holdfast is, if it can. */
  readonly documentUrl?: string | undefined;
}

/** What Holdfast says of itself, to whoever asks and where it registers. */
export function clientMetadata(redirectUri: string) {
  const isNative = isLoopbackName(new URL(redirectUri).hostname);
  return {
    client_name: "Holdfast",
    redirect_uris: [redirectUri],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    application_type: isNative ? "native" : "web",
  } as const;
}

/** @throws ProxyError CLIENT_ID_NEEDED, CLIENT_REGISTRATION_REFUSED */
export async function findClient(
  server: AuthorizationServer,
  wish: ClientWish,
  outbound: Outbound,
): Promise<KnownClient> {
  const { given, known, redirectUri, documentUrl } = wish;
  if (given !== undefined) {
    const { clientId, clientSecret } = given;
    const secret =
      clientSecret === undefined ? { token_endpoint_auth_method: "none" } : { client_secret: clientSecret };
    return { from: "given", redirectUri, metadata: { client_id: clientId, ...secret } };
  }
  if (known?.from === "given") return { ...known, redirectUri };
  if (documentUrl !== undefined && server["client_id_metadata_document_supported"] === true)
    return { from: "document", redirectUri, metadata: { client_id: documentUrl, token_endpoint_auth_method: "none" } };
  if (known?.from === "registered" && known.redirectUri === redirectUri && isFresh(known)) return known;
  return register(server, redirectUri, outbound);
}

function isFresh({ secretUntilMs }: KnownClient): boolean {
  return secretUntilMs === undefined || secretUntilMs > Date.now();
}

async function register(server: AuthorizationServer, redirectUri: string, outbound: Outbound): Promise<KnownClient> {
  const { registration_endpoint: endpoint } = server;
  if (endpoint === undefined) throw new ProxyError("CLIENT_ID_NEEDED", { note: `The redirect URI is ${redirectUri}.` });
  const method = authMethod(server);
  const response = await outbound(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...clientMetadata(redirectUri), token_endpoint_auth_method: method }),
  });
  const answer = await readJson(response);
  const { client_id: id, client_secret: secret, token_endpoint_auth_method: granted, error } = answer;
  // Servers exist that answer 200 where the standard says 201.
  if ((response.status !== 201 && response.status !== 200) || typeof id !== "string") {
    const word = typeof error === "string" && /^[\w.-]{1,64}$/.test(error) ? ` It says ${error}.` : "";
    const note = `It answered ${response.status}.${word} The redirect URI is ${redirectUri}.`;
    throw new ProxyError("CLIENT_REGISTRATION_REFUSED", { note });
  }
  const until = answer["client_secret_expires_at"];
  return {
    from: "registered",
    redirectUri,
    secretUntilMs: typeof until === "number" && until > 0 ? until * 1_000 : undefined,
    metadata: {
      client_id: id,
      ...(typeof secret === "string" ? { client_secret: secret } : {}),
      token_endpoint_auth_method: typeof granted === "string" ? granted : method,
    },
  };
}

/** A program on somebody's machine keeps no secret, so it asks for none where it can (RFC 8252, 8.4). */
function authMethod({ token_endpoint_auth_methods_supported: offered }: AuthorizationServer): string {
  const known = ["none", "client_secret_basic", "client_secret_post"];
  return known.find((method) => (offered ?? ["client_secret_basic"]).includes(method)) ?? "none";
}

async function readJson(response: Response): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = await response.json();
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
