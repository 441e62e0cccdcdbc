// What is asked of an authorization server about tokens: for a code, anew, and to revoke. Each refusal becomes an error of the catalogue that holds no word of theirs.
import * as oauth from "oauth4webapi";
import { ProxyError } from "../errors/index.ts";
import type { Grant, Issuer, KnownClient, Tokens } from "./grant.ts";
import type { Outbound } from "./outbound.ts";

export interface Issued {
  readonly tokens: Tokens;
  readonly scope: string | undefined;
  readonly subject: string | undefined;
}

/** An authorization server's own clock may run a little ahead or behind. */
const clockToleranceSeconds = 60;
/** `error` of an OAuth answer: nothing else of it is shown (RFC 6749, 5.2). */
const errorWord = /^[\w.-]{1,64}$/;

export async function exchangeCode(
  server: oauth.AuthorizationServer,
  known: KnownClient,
  answer: { readonly parameters: URLSearchParams; readonly verifier: string; readonly resource: string },
  outbound: Outbound,
): Promise<Issued> {
  const client = clientOf(known);
  const { parameters, verifier, resource } = answer;
  const options = { ...through(outbound), additionalParameters: { resource } };
  const [authentication, { redirectUri }] = [authenticationOf(server, known), known];
  try {
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      parameters,
      redirectUri,
      verifier,
      options,
    );
    return issued(await oauth.processAuthorizationCodeResponse(server, client, response));
  } catch (error) {
    throw refusal(error, "SIGN_IN_REFUSED");
  }
}

/** @throws ProxyError SIGN_IN_OVER where it is of no use to ask again; CREDENTIAL_NOT_RENEWED where it is */
export async function refreshTokens(grant: Grant, refreshToken: string, outbound: Outbound): Promise<Issued> {
  const { issuer, client: known, resource } = grant;
  const client = clientOf(known);
  const options = { ...through(outbound), additionalParameters: { resource } };
  try {
    const authentication = authenticationOf(issuer, known);
    const response = await oauth.refreshTokenGrantRequest(issuer, client, authentication, refreshToken, options);
    const { tokens, ...rest } = issued(await oauth.processRefreshTokenResponse(issuer, client, response));
    // One that does not rotate goes on (RFC 6749, section 6).
    return { ...rest, tokens: { ...tokens, refresh: tokens.refresh ?? refreshToken } };
  } catch (error) {
    throw refusal(error, "SIGN_IN_OVER", "CREDENTIAL_NOT_RENEWED");
  }
}

/** Best effort (RFC 7009): whatever comes of it, nothing of the tokens is kept here. True if the server says that it was done. */
export async function revokeTokens({ issuer, client: known, tokens }: Grant, outbound: Outbound): Promise<boolean> {
  if (issuer.revocation_endpoint === undefined || tokens === undefined) return false;
  // The refresh token takes its access tokens along (RFC 7009, 2.1); servers exist that leave them.
  const all = [tokens.refresh, tokens.access].filter((token) => token !== undefined);
  const client = clientOf(known);
  const done = await Promise.all(
    all.map(async (token) => {
      try {
        const authentication = authenticationOf(issuer, known);
        const request = oauth.revocationRequest(issuer, client, authentication, token, through(outbound));
        await oauth.processRevocationResponse(await request);
        return true;
      } catch {
        return false;
      }
    }),
  );
  return done.every(Boolean);
}

export function through(outbound: Outbound) {
  return {
    // Which schemes are allowed the outbound way decides.
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: (
      url: string,
      {
        method,
        headers,
        body,
      }: { method: string; headers: Record<string, string>; body?: URLSearchParams | undefined },
    ): Promise<Response> => {
      const type = { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" };
      return outbound(url, {
        method,
        headers: body === undefined ? headers : { ...headers, ...type },
        body: body?.toString(),
      });
    },
  } as const;
}

function clientOf({ metadata }: KnownClient): oauth.Client {
  return { ...metadata, [oauth.clockTolerance]: clockToleranceSeconds };
}

function authenticationOf(server: Issuer, { metadata }: KnownClient): oauth.ClientAuth {
  const { client_secret: secret, token_endpoint_auth_method: method } = metadata;
  if (secret === undefined || method === "none") return oauth.None();
  const offered = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  const posts = method === "client_secret_post" || (method === undefined && !offered.includes("client_secret_basic"));
  return posts ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
}

function issued(answer: oauth.TokenEndpointResponse): Issued {
  if (answer.token_type !== "bearer") {
    const note = "It gives tokens of a kind that is not used here.";
    throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note });
  }
  const { access_token: access, refresh_token: refresh, expires_in: seconds, scope } = answer;
  // It goes into a header as it is (RFC 6750, 2.1).
  if (!/^[\w.~+/-]+=*$/.test(access)) {
    throw new ProxyError("AUTHORIZATION_SERVER_UNUSABLE", { note: "It gives a token that no header can carry." });
  }
  const obtainedAtMs = Date.now();
  const claims = oauth.getValidatedIdTokenClaims(answer);
  const named = [claims?.["email"], claims?.["preferred_username"], claims?.["name"], claims?.sub];
  const expiresAtMs = seconds !== undefined && seconds > 0 ? obtainedAtMs + seconds * 1_000 : undefined;
  return {
    tokens: { access, refresh, obtainedAtMs, expiresAtMs },
    scope,
    subject: named.find((one): one is string => typeof one === "string" && one !== ""),
  };
}

/** Refusals of the OAuth kind are final, everything else may be otherwise in a moment. */
function refusal(
  error: unknown,
  whenRefused: "SIGN_IN_REFUSED" | "SIGN_IN_OVER",
  otherwise?: "CREDENTIAL_NOT_RENEWED",
): ProxyError {
  if (error instanceof oauth.ResponseBodyError && isFinal(error.error, error.status)) {
    const word = errorWord.test(error.error) ? error.error : "an error";
    return new ProxyError(whenRefused, { note: `The authorization server says ${word}.` }, { cause: error });
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    const note = "The authorization server does not know Holdfast as a client any more.";
    return new ProxyError(whenRefused, { note }, { cause: error });
  }
  if (error instanceof ProxyError) {
    return otherwise === undefined
      ? error
      : new ProxyError(otherwise, { note: error.details.note ?? error.message }, { cause: error });
  }
  const note = "Its answer to the request for a token is not what the standard says.";
  return new ProxyError(otherwise ?? "AUTHORIZATION_SERVER_UNUSABLE", { note }, { cause: error });
}

function isFinal(word: string, status: number): boolean {
  return status < 500 && status !== 429 && word !== "temporarily_unavailable" && word !== "slow_down";
}
