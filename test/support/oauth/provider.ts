// An authorization server that approves at once, for the SDK's auth router. Keeps keys, clients and grants in a file, so that tokens outlive its process.
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { InvalidGrantError, InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import type { OAuthServerProvider } from "@modelcontextprotocol/sdk/server/auth/provider.js";
import type { OAuthClientInformationFull, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import { jwtVerify, SignJWT } from "jose";

export type TokenKind = "jwt" | "opaque";

interface Grant {
  readonly user: string;
  readonly clientId: string;
}

/** An access token that says nothing by itself, or what a JWT says. */
interface Access extends Grant {
  /** Rises with each token; all up to `State.expiredUpTo` count as expired. */
  readonly number: number;
  readonly expiresAt: number;
}

interface State {
  readonly secret: string;
  readonly clients: Record<string, OAuthClientInformationFull>;
  readonly codes: Record<string, Grant & { readonly challenge: string }>;
  readonly refresh: Record<string, Grant & { readonly usedAtMs?: number }>;
  readonly opaque: Record<string, Access>;
  readonly revoked: string[];
  issued: number;
  expiredUpTo: number;
}

const lifetimeSeconds = 3_600;
/**
 * A used refresh token stays good for moments, as with providers that rotate: both SDKs refresh for their call and for their stream at the same time
 * when both are refused, and only a provider can tell that from a theft.
 */
const overlapMs = 5_000;

export class InstantProvider implements OAuthServerProvider {
  readonly #file: string;
  readonly #issuer: string;
  readonly #kind: TokenKind;
  readonly #state: State;

  constructor(file: string, issuer: string, kind: TokenKind) {
    this.#file = file;
    this.#issuer = issuer;
    this.#kind = kind;
    this.#state = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as State) : newState();
  }

  readonly clientsStore: OAuthServerProvider["clientsStore"] = {
    getClient: (clientId) => this.#state.clients[clientId],
    registerClient: (client) => {
      const registered: OAuthClientInformationFull = { ...client, client_id: randomUUID() };
      this.#state.clients[registered.client_id] = registered;
      this.#save();
      return registered;
    },
  };

  /** Whoever asks is let in as the user that the query names. */
  authorize: OAuthServerProvider["authorize"] = async (client, params, response) => {
    const { query } = response.req as unknown as { query: Record<string, unknown> };
    const code = randomUUID();
    const user = typeof query["user"] === "string" ? query["user"] : "nobody";
    this.#state.codes[code] = { user, clientId: client.client_id, challenge: params.codeChallenge };
    this.#save();
    const target = new URL(params.redirectUri);
    target.searchParams.set("code", code);
    if (params.state !== undefined) target.searchParams.set("state", params.state);
    (response as unknown as { redirect(status: number, url: string): void }).redirect(302, target.href);
  };

  challengeForAuthorizationCode: OAuthServerProvider["challengeForAuthorizationCode"] = async (_client, code) =>
    this.#grantOf(code).challenge;

  exchangeAuthorizationCode: OAuthServerProvider["exchangeAuthorizationCode"] = async (_client, code) => {
    const { user, clientId } = this.#grantOf(code);
    delete this.#state.codes[code];
    return this.#issue({ user, clientId });
  };

  /** Rotating: a refresh token is good for one use, and what comes together with it. */
  exchangeRefreshToken: OAuthServerProvider["exchangeRefreshToken"] = async (_client, refreshToken) => {
    const grant = this.#state.refresh[refreshToken];
    const usedAtMs = grant?.usedAtMs ?? Date.now();
    if (grant === undefined || Date.now() - usedAtMs > overlapMs)
      throw new InvalidGrantError("This refresh token is not known");
    const { user, clientId } = grant;
    this.#state.refresh[refreshToken] = { user, clientId, usedAtMs };
    return this.#issue({ user, clientId });
  };

  verifyAccessToken: OAuthServerProvider["verifyAccessToken"] = async (token) => {
    const access = this.#kind === "jwt" ? await this.#readJwt(token) : this.#state.opaque[token];
    if (access === undefined || this.#state.revoked.includes(token)) throw new InvalidTokenError("Token is not valid");
    if (access.number <= this.#state.expiredUpTo) throw new InvalidTokenError("Token has expired");
    const { user, clientId, expiresAt } = access;
    return { token, clientId, scopes: [], expiresAt, extra: { user } };
  };

  revokeToken: NonNullable<OAuthServerProvider["revokeToken"]> = async (_client, { token }) => {
    delete this.#state.refresh[token];
    this.#state.revoked.push(token);
    this.#save();
  };

  /** As if their time had run out: every access token issued so far. */
  expireAccessTokens(): void {
    this.#state.expiredUpTo = this.#state.issued;
    this.#save();
  }

  async #issue(grant: Grant): Promise<OAuthTokens> {
    this.#state.issued += 1;
    const access = {
      ...grant,
      number: this.#state.issued,
      expiresAt: Math.floor(Date.now() / 1_000) + lifetimeSeconds,
    };
    const refreshToken = randomUUID();
    this.#state.refresh[refreshToken] = grant;
    const accessToken = this.#kind === "jwt" ? await this.#signJwt(access) : randomBytes(24).toString("base64url");
    if (this.#kind === "opaque") this.#state.opaque[accessToken] = access;
    this.#save();
    return {
      access_token: accessToken,
      token_type: "Bearer",
      expires_in: lifetimeSeconds,
      refresh_token: refreshToken,
    };
  }

  #signJwt({ user, clientId, number, expiresAt }: Access): Promise<string> {
    return new SignJWT({ client_id: clientId, number })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer(this.#issuer)
      .setSubject(user)
      .setExpirationTime(expiresAt)
      .sign(Buffer.from(this.#state.secret, "base64url"));
  }

  async #readJwt(token: string): Promise<Access | undefined> {
    try {
      const { payload } = await jwtVerify(token, Buffer.from(this.#state.secret, "base64url"), {
        issuer: this.#issuer,
      });
      const { sub = "", exp = 0, client_id: clientId, number } = payload;
      return { user: sub, clientId: String(clientId), number: Number(number), expiresAt: exp };
    } catch {
      return undefined;
    }
  }

  #grantOf(code: string): State["codes"][string] {
    const grant = this.#state.codes[code];
    if (grant === undefined) throw new InvalidGrantError("This code is not known");
    return grant;
  }

  #save(): void {
    writeFileSync(this.#file, JSON.stringify(this.#state));
  }
}

function newState(): State {
  return {
    secret: randomBytes(32).toString("base64url"),
    clients: {},
    codes: {},
    refresh: {},
    opaque: {},
    revoked: [],
    issued: 0,
    expiredUpTo: 0,
  };
}
