// What a sign-in has brought, as a plain value: it is sealed and stored whole. Never shown but for its facts. Pure.
import type { AuthorizationServer } from "oauth4webapi";

/** Of the authorization server's metadata, what is used after the sign-in. */
export type Issuer = Pick<
  AuthorizationServer,
  "issuer" | "token_endpoint" | "revocation_endpoint" | "token_endpoint_auth_methods_supported"
>;

export interface KnownClient {
  readonly metadata: {
    readonly client_id: string;
    readonly client_secret?: string;
    readonly token_endpoint_auth_method?: string;
  };
  /** `given` by the user, the address of our own `document`, or `registered` there for this redirect URI. */
  readonly from: "given" | "document" | "registered";
  readonly redirectUri: string;
  /** Milliseconds since the epoch; undefined where it does not expire. */
  readonly secretUntilMs?: number | undefined;
}

export interface Tokens {
  readonly access: string;
  readonly refresh?: string | undefined;
  readonly obtainedAtMs: number;
  /** Undefined: the authorization server does not say. */
  readonly expiresAtMs?: number | undefined;
}

/** Why a sign-in needs its user again. */
export interface Trouble {
  readonly code: "SIGN_IN_OVER" | "SCOPE_REQUIRED" | "CREDENTIAL_NOT_RENEWED";
  readonly atMs: number;
  /** One sentence of ours. */
  readonly note?: string | undefined;
}

export interface Grant {
  readonly v: 1;
  /** The server's address in full: the credential goes to no other. */
  readonly url: string;
  readonly resource: string;
  readonly issuer: Issuer;
  readonly client: KnownClient;
  readonly scope?: string | undefined;
  /** As whom, where the authorization server says. */
  readonly subject?: string | undefined;
  readonly signedInAtMs: number;
  /** Undefined once they are known to be worth nothing. */
  readonly tokens?: Tokens | undefined;
  readonly trouble?: Trouble | undefined;
}

/** What may be shown: never a token. */
export interface SignInFacts {
  /** Origin of the authorization server. */
  readonly issuer: string;
  readonly sinceMs: number;
  readonly subject: string | undefined;
  readonly scope: string | undefined;
  /** Rights that the server has asked for beyond those. */
  readonly wantedScope: string | undefined;
  readonly expiresAtMs: number | undefined;
  readonly isRenewable: boolean;
  readonly trouble: Trouble | undefined;
}

export function factsOf(grant: Grant): Omit<SignInFacts, "wantedScope"> {
  const { issuer, signedInAtMs, subject, scope, tokens, trouble } = grant;
  return {
    issuer: URL.parse(issuer.issuer)?.origin ?? "",
    sinceMs: signedInAtMs,
    subject,
    scope,
    expiresAtMs: tokens?.expiresAtMs,
    isRenewable: tokens?.refresh !== undefined,
    trouble,
  };
}

/** Both texts list rights with spaces between (RFC 6749, 3.3); each stands once. */
export function joinScopes(...scopes: readonly (string | undefined)[]): string | undefined {
  const all = new Set(scopes.flatMap((scope) => (scope ?? "").split(" ").filter((one) => one !== "")));
  return all.size === 0 ? undefined : [...all].join(" ");
}
