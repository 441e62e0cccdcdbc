// Sign-ins that are under way: each is begun here, sent to the authorization server in its user's browser, and ended by that browser's one way back. In memory: a sign-in that
// a restart cuts short is begun anew.
import { createHash, randomBytes } from "node:crypto";
import * as oauth from "oauth4webapi";
import { type ErrorCode, ProxyError } from "../errors/index.ts";
import type { Credential } from "./credential.ts";
import { discover } from "./discovery.ts";
import { type Grant, joinScopes, type KnownClient } from "./grant.ts";
import type { Outbound } from "./outbound.ts";
import { findClient, type GivenClient } from "./registration.ts";
import { exchangeCode, revokeTokens } from "./token-requests.ts";
import type { Vault } from "./vault.ts";

/** A connector that can be signed in to, as it is now. */
export interface SignInPlace {
  /** The connector's id. */
  readonly connector: string;
  readonly name: string;
  readonly url: URL;
  readonly outbound: Outbound;
  readonly credential: Credential;
}

export interface SignInWish {
  /** Scheme, host and port under which the browser comes back to us. */
  readonly base: string;
  /** Only the browser that is given this key may end it; undefined where a command line waits for it, whose link is its secret. */
  readonly browser?: string | undefined;
  readonly given?: GivenClient | undefined;
  readonly scope?: string | undefined;
}

export interface Begun {
  readonly id: string;
  readonly authorizationUrl: string;
  readonly expiresAtMs: number;
}

export type SignInNews =
  | { readonly state: "waiting"; readonly expiresAtMs: number }
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly error: ProxyError };

export interface SignInParts {
  readonly vault: Vault;
  /** Undefined: it is gone. */
  readonly placeOf: (connector: string) => SignInPlace | undefined;
  readonly done: (place: SignInPlace) => void;
}

interface SignIn {
  readonly id: string;
  readonly state: string;
  readonly verifier: string;
  readonly place: SignInPlace;
  readonly server: oauth.AuthorizationServer;
  readonly client: KnownClient;
  readonly resource: string;
  readonly scope: string | undefined;
  readonly browser: string | undefined;
  readonly expiresAtMs: number;
  news: SignInNews;
}

export const signInLifeMs = 10 * 60_000;
const mostAtOnce = 100;

export class SignIns {
  readonly #parts: SignInParts;
  readonly #all = new Map<string, SignIn>();

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /**
   * Finds out where to sign in, as whom to ask, and gives the link for the browser.
   * @throws ProxyError that names what stands in the way
   */
  async begin(place: SignInPlace, wish: SignInWish): Promise<Begun> {
    const { credential, outbound, url } = place;
    await credential.load();
    const before = credential.kept?.grant;
    const wanted =
      wish.scope ?? joinScopes(credential.facts?.wantedScope && before?.scope, credential.facts?.wantedScope);
    const { server, resource, scope } = await discover(url, outbound, wanted);
    const redirectUri = `${wish.base}/oauth/upstream/callback/${issuerKey(server.issuer)}`;
    const known = before?.issuer.issuer === server.issuer ? before.client : undefined;
    const documentUrl = wish.base.startsWith("https:") ? documentUrlOf(wish.base, server.issuer) : undefined;
    const client = await findClient(server, { redirectUri, given: wish.given, known, documentUrl }, outbound);
    const signIn: SignIn = {
      id: random(),
      state: random(),
      verifier: oauth.generateRandomCodeVerifier(),
      place,
      server,
      client,
      resource,
      scope: withOffline(scope, server),
      browser: wish.browser,
      expiresAtMs: Date.now() + signInLifeMs,
      news: { state: "waiting", expiresAtMs: Date.now() + signInLifeMs },
    };
    const authorizationUrl = await linkOf(signIn);
    this.#prune();
    this.#all.set(signIn.id, signIn);
    return { id: signIn.id, authorizationUrl, expiresAtMs: signIn.expiresAtMs };
  }

  /** Undefined: there is none, or it is long over. */
  news(connector: string, id: string): SignInNews | undefined {
    const signIn = this.#all.get(id);
    if (signIn?.place.connector !== connector) return undefined;
    const isLate = signIn.news.state === "waiting" && signIn.expiresAtMs <= Date.now();
    return isLate ? { state: "failed", error: new ProxyError("SIGN_IN_UNKNOWN") } : signIn.news;
  }

  /**
   * What the browser came back with. It counts once.
   * @returns the connector's name
   * @throws ProxyError that names why nothing came of it
   */
  async complete(issuer: string, parameters: URLSearchParams, browser: readonly string[]): Promise<string> {
    const state = parameters.get("state");
    const signIn = [...this.#all.values()].find((one) => one.news.state === "waiting" && one.state === state);
    const isOurs = signIn?.browser === undefined || browser.includes(signIn.browser);
    if (
      signIn === undefined ||
      signIn.expiresAtMs <= Date.now() ||
      !isOurs ||
      issuerKey(signIn.server.issuer) !== issuer
    )
      throw new ProxyError("SIGN_IN_UNKNOWN");
    // Before anything is waited for: whoever comes with the same answer a second time finds nothing.
    this.#all.delete(signIn.id);
    const spent: SignIn = { ...signIn, state: "", news: signIn.news };
    this.#all.set(spent.id, spent);
    try {
      await this.#finish(spent, parameters, state ?? "");
      spent.news = { state: "done" };
      this.#parts.done(signIn.place);
      return signIn.place.name;
    } catch (error) {
      const failure = ProxyError.from(error).with({ connector: signIn.place.name });
      spent.news = { state: "failed", error: failure };
      throw failure;
    }
  }

  /** The connector is gone, signed out or another one: what is under way for it comes to nothing. */
  drop(connector: string): void {
    for (const signIn of this.#all.values()) {
      if (signIn.place.connector !== connector || signIn.news.state !== "waiting") continue;
      signIn.news = { state: "failed", error: new ProxyError("SIGN_IN_OVERTAKEN", { connector: signIn.place.name }) };
    }
  }

  async #finish(signIn: SignIn, given: URLSearchParams, state: string): Promise<void> {
    const { server, client, verifier, resource, place } = signIn;
    const parameters = readAnswer(server, client, given, state);
    const { tokens, scope, subject } = await exchangeCode(
      server,
      client,
      { parameters, verifier, resource },
      place.outbound,
    );
    const now = this.#parts.placeOf(place.connector);
    const isOvertaken = signIn.news.state !== "waiting" || now === undefined || now.url.href !== place.url.href;
    const { issuer, token_endpoint, revocation_endpoint, token_endpoint_auth_methods_supported } = server;
    const grant: Grant = {
      v: 1,
      url: place.url.href,
      resource,
      issuer: {
        issuer,
        ...(token_endpoint === undefined ? {} : { token_endpoint }),
        ...(revocation_endpoint === undefined ? {} : { revocation_endpoint }),
        ...(token_endpoint_auth_methods_supported === undefined ? {} : { token_endpoint_auth_methods_supported }),
      },
      client,
      scope: scope ?? signIn.scope,
      subject,
      signedInAtMs: Date.now(),
      tokens,
    };
    const kept = isOvertaken ? "stale" : await this.#parts.vault.replace(place.connector, grant);
    if (kept === "stale" || now === undefined) {
      await revokeTokens(grant, place.outbound);
      throw new ProxyError("SIGN_IN_OVERTAKEN");
    }
    now.credential.adopt(kept);
  }

  #prune(): void {
    const nowMs = Date.now();
    for (const [id, { expiresAtMs }] of this.#all) if (expiresAtMs <= nowMs) this.#all.delete(id);
    for (const id of this.#all.keys()) {
      if (this.#all.size < mostAtOnce) return;
      this.#all.delete(id);
    }
  }
}

/** Each authorization server gets a redirect URI of its own, so that one cannot pass off its answer as another's. */
export function issuerKey(issuer: string): string {
  return createHash("sha256").update(issuer).digest("base64url").slice(0, 16);
}

function documentUrlOf(base: string, issuer: string): string {
  return `${base}/oauth/client-metadata/${issuerKey(issuer)}.json`;
}

async function linkOf(signIn: SignIn): Promise<string> {
  const { server, client, state, verifier, resource, scope } = signIn;
  const url = new URL(server.authorization_endpoint ?? "");
  // It is opened in a browser and nothing else: no other scheme may reach the user's machine.
  const isPlain = url.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol !== "https:" && !isPlain && url.host !== signIn.place.url.host)
    throw new ProxyError("SIGN_IN_ADDRESS_REFUSED", { note: "Its page for signing in is not reached over https." });
  const parameters = {
    response_type: "code",
    client_id: client.metadata.client_id,
    redirect_uri: client.redirectUri,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    resource,
    ...(scope === undefined ? {} : { scope }),
    // Without asking, OpenID providers give no lasting access (OpenID Connect Core, 11).
    ...(scope?.split(" ").includes("offline_access") === true ? { prompt: "consent" } : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Access that outlasts the first hour is what a hub is for; where it has a name, it is asked for by that. */
function withOffline(
  scope: string | undefined,
  { scopes_supported: offered }: oauth.AuthorizationServer,
): string | undefined {
  return Array.isArray(offered) && offered.includes("offline_access") ? joinScopes(scope, "offline_access") : scope;
}

/** Which fault of the answer has which error; what it says of itself is not repeated until its issuer is known to be the right one. */
function readAnswer(
  server: oauth.AuthorizationServer,
  { metadata }: KnownClient,
  given: URLSearchParams,
  state: string,
): URLSearchParams {
  const said = given.get("iss");
  const needsIssuer = server.authorization_response_iss_parameter_supported === true;
  if (said === null ? needsIssuer : said !== server.issuer) throw new ProxyError("ISSUER_MISMATCH");
  try {
    return oauth.validateAuthResponse(server, metadata, given, state);
  } catch (error) {
    const code: ErrorCode = "SIGN_IN_REFUSED";
    const word = error instanceof oauth.AuthorizationResponseError ? error.error : "";
    const note = /^[\w.-]{1,64}$/.test(word) ? `It says ${word}.` : "Its answer holds no code.";
    throw new ProxyError(code, { note }, { cause: error });
  }
}

function random(): string {
  return randomBytes(24).toString("base64url");
}
