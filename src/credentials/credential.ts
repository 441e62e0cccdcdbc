// The credential of one connector as it is used: given to whoever sends, renewed once for all who wait, and never sent after a sign-out. Needs no timer.
import { type ErrorCode, ProxyError, printable } from "../errors/index.ts";
import { readChallenge } from "../protocol/index.ts";
import { factsOf, type Grant, joinScopes, type SignInFacts, type Tokens, type Trouble } from "./grant.ts";
import { type Outbound, outboundTimeoutMs } from "./outbound.ts";
import { refreshTokens, revokeTokens } from "./token-requests.ts";
import type { Kept, Vault } from "./vault.ts";

export interface CredentialParts {
  /** The connector's id. */
  readonly connector: string;
  readonly vault: Vault;
  /** Something that is shown is other than before. */
  readonly changed: () => void;
  /** How its user signs in, as one sentence. */
  readonly hint: () => string;
  readonly tell: (what: string, fields?: Readonly<Record<string, string | boolean>>) => void;
}

/** What is known of the server that the credential is for. */
export interface Place {
  /** In full. */
  readonly url: string;
  readonly outbound: Outbound;
}

/** From then on a new one is fetched while the old one still serves. */
const renewAt = 0.8;
/** From then on everybody waits for the new one: an answer must not find it expired on the way. */
const lastMs = 30_000;
const lastShare = 0.1;
const claimMs = outboundTimeoutMs + 5_000;
const claimStepMs = 100;
/** After a renewal that changed nothing, and after one that failed, the next one is not tried at once. */
const pauseMs = 60_000;
const retryMs = 1_000;

export class Credential {
  /** The Authorization header's value; undefined where there is none to send. */
  authorization: string | undefined;
  readonly #parts: CredentialParts;
  #place: Place | undefined;
  #kept: Kept | undefined;
  #loading: Promise<void> | undefined;
  #isLoaded = false;
  #renewing: Promise<void> | undefined;
  /** Trouble that is about now, and over with the next good answer. */
  #passing: Trouble | undefined;
  /** Rights that the server has asked for beyond those that were given. */
  #wantedScope: string | undefined;
  #notBeforeMs = 0;
  #renewAtMs = Number.POSITIVE_INFINITY;
  #waitAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: CredentialParts) {
    this.#parts = parts;
  }

  /** The connector's server, as it is now: a credential for another address is not used. */
  at(place: Place): void {
    const isOther = this.#place !== undefined && this.#place.url !== place.url;
    this.#place = place;
    if (isOther && this.#kept !== undefined)
      this.forget().catch((error: unknown) => this.#parts.tell("credential not forgotten", { reason: String(error) }));
    else this.#hold(this.#kept);
  }

  /** Nothing is to be sent, and nothing needs to be waited for: the path of every request of connectors without a sign-in. */
  get isIdle(): boolean {
    return this.#isLoaded && this.authorization === undefined;
  }

  get facts(): SignInFacts | undefined {
    if (this.#kept === undefined) return undefined;
    const facts = factsOf(this.#kept.grant);
    return { ...facts, wantedScope: this.#wantedScope, trouble: facts.trouble ?? this.#passing };
  }

  /** Which error a refusal of the server means at present. `isKept`: the refused request could be sent again. */
  refusedAs(isKept: boolean): ErrorCode {
    const trouble = this.facts?.trouble?.code;
    if (trouble !== undefined) return trouble;
    return this.authorization !== undefined && !isKept ? "TOO_LARGE_TO_REPLAY" : "AUTHORIZATION_REQUIRED";
  }

  /** What is known of it, and what to do. */
  get note(): string {
    const trouble = this.facts?.trouble;
    // What mends itself needs nobody.
    const hint = trouble?.code === "CREDENTIAL_NOT_RENEWED" ? undefined : this.#parts.hint();
    return [trouble?.note, hint].filter((part) => part !== undefined).join(" ");
  }

  get kept(): Kept | undefined {
    return this.#kept;
  }

  /** Reads the store once; what another process has written since, `reload` finds. */
  load(): Promise<void> {
    return (this.#loading ??= this.reload());
  }

  async reload(): Promise<void> {
    const { vault, connector, tell } = this.#parts;
    try {
      const kept = await vault.find(connector);
      if (kept?.version !== this.#kept?.version) this.#hold(kept);
      const isForeign = kept !== undefined && this.#place !== undefined && kept.grant.url !== this.#place.url;
      // The address comes from a variable that holds another one now.
      if (isForeign) await vault.remove(connector).then(() => this.#hold(undefined));
    } catch (error) {
      tell("credential not read", { reason: String(error) });
    }
    this.#isLoaded = true;
  }

  /** A sign-in was stored. */
  adopt(kept: Kept): void {
    this.#isLoaded = true;
    this.#passing = undefined;
    this.#wantedScope = undefined;
    this.#notBeforeMs = 0;
    this.#hold(kept);
    this.#parts.changed();
  }

  /** What is to be sent now: waits for the store at the first time, and for a renewal that cannot be put off. Never rejects. */
  async current(): Promise<string | undefined> {
    if (!this.#isLoaded) await this.load();
    const nowMs = Date.now();
    if (nowMs < this.#renewAtMs) return this.authorization;
    const renewing = this.#renew(this.authorization);
    if (nowMs >= this.#waitAtMs) await renewing;
    return this.authorization;
  }

  /** The server has refused `used`: true if there is another one now, with which it may be asked once more. Never rejects. */
  async refused(used: string): Promise<boolean> {
    if (this.authorization === used) await this.#renew(used);
    return this.authorization !== undefined && this.authorization !== used;
  }

  /** It has refused the new one as well: that is not a matter of age. */
  refusedAgain(): void {
    this.#notBeforeMs = Date.now() + pauseMs;
    this.#trouble("SIGN_IN_OVER", "The server refuses a credential that has just been renewed.");
  }

  /** The server took it. */
  accepted(): void {
    // That other calls are allowed changes nothing about the one that was not.
    if (this.#passing === undefined || this.#passing.code === "SCOPE_REQUIRED") return;
    this.#passing = undefined;
    this.#notBeforeMs = 0;
    this.#parts.changed();
  }

  /** A refusal for want of rights is noted, so that the next sign-in asks for them (MCP, "Step-Up Authorization Flow"). */
  lacks(header: string | string[] | undefined): void {
    const challenge = readChallenge(header);
    if (challenge?.error !== "insufficient_scope") return;
    // Only in memory: a write beside a renewal would cost one of the two.
    this.#wantedScope = joinScopes(this.#wantedScope, challenge.scope);
    const note = challenge.scope === undefined ? undefined : `It names: ${printable(challenge.scope, 200)}.`;
    this.#trouble("SCOPE_REQUIRED", note);
  }

  /** Signs out: nothing is kept here, and the server is asked to forget it too. True if it says that it has. */
  async forget(): Promise<boolean> {
    await this.load();
    const grant = this.#kept?.grant;
    this.#hold(undefined);
    this.#passing = undefined;
    await this.#parts.vault.remove(this.#parts.connector);
    this.#parts.changed();
    const isRevoked =
      grant !== undefined && this.#place !== undefined && (await revokeTokens(grant, this.#place.outbound));
    if (grant !== undefined) this.#parts.tell("signed out", { revoked: isRevoked });
    return isRevoked;
  }

  #hold(kept: Kept | undefined): void {
    this.#kept = kept;
    const tokens = kept?.grant.url === this.#place?.url ? kept?.grant.tokens : undefined;
    this.authorization = tokens === undefined ? undefined : `Bearer ${tokens.access}`;
    [this.#renewAtMs, this.#waitAtMs] = timesOf(tokens);
  }

  /** One at a time, whoever asks. Never rejects: what came of it is the credential's new state. */
  #renew(used: string | undefined): Promise<void> {
    if (Date.now() < this.#notBeforeMs) return Promise.resolve();
    return (this.#renewing ??= this.#renewOnce(used).finally(() => {
      this.#renewing = undefined;
    }));
  }

  async #renewOnce(used: string | undefined): Promise<void> {
    const { connector, vault, tell } = this.#parts;
    const [kept, place] = [this.#kept, this.#place];
    const refresh = kept?.grant.tokens?.refresh;
    if (kept === undefined || place === undefined || used === undefined) return;
    if (refresh === undefined) return this.#unrenewable();
    try {
      const wasLeft = await vault.wasLeftClaimed(connector);
      if (!(await this.#claim(kept))) return;
      const grant = await this.#ask(kept.grant, refresh, place.outbound, wasLeft);
      // Stored before it is used: a refresh token that serves once must not be lost with this process.
      await this.#save(grant, kept.version);
      if (grant.tokens !== undefined) tell("credential renewed");
    } catch (error) {
      this.#notBeforeMs = Date.now() + retryMs;
      const { code, details } = ProxyError.from(error);
      tell("credential not renewed", { error_code: code });
      await vault.release(connector, kept.version).catch(() => {});
      this.#trouble("CREDENTIAL_NOT_RENEWED", details.note);
    }
  }

  /** What the server refused, or what has expired, is all that there was. */
  #unrenewable(): void {
    this.#notBeforeMs = Date.now() + pauseMs;
    this.#trouble("SIGN_IN_OVER", "The authorization server gave nothing to renew it with.");
  }

  /** False: somebody else has renewed or removed it meanwhile, and what they wrote counts. */
  async #claim({ version }: Kept): Promise<boolean> {
    const { connector, vault } = this.#parts;
    for (;;) {
      const outcome = await vault.claim(connector, version, Date.now() + claimMs);
      if (outcome === "claimed") return true;
      if (outcome === "stale") {
        await this.reload();
        return false;
      }
      await new Promise((resolve) => setTimeout(resolve, claimStepMs));
    }
  }

  /** The grant with new tokens, or without any where the authorization server will not give some. @throws ProxyError to be tried again */
  async #ask(grant: Grant, refresh: string, outbound: Outbound, wasLeft: boolean): Promise<Grant> {
    try {
      const { tokens, scope, subject } = await refreshTokens(grant, refresh, outbound);
      const { trouble: _over, ...rest } = grant;
      if (this.#passing?.code !== "SCOPE_REQUIRED") this.#passing = undefined;
      return { ...rest, tokens, scope: scope ?? grant.scope, subject: subject ?? grant.subject };
    } catch (error) {
      const { code, details } = ProxyError.from(error);
      if (code !== "SIGN_IN_OVER") throw error;
      // What was used up by a process that died in between cannot be told apart from what was revoked, but can be said.
      const note = wasLeft ? `${details.note ?? ""} ${leftNote}` : details.note;
      this.#parts.tell("sign-in over", { reason: details.note ?? "" });
      return { ...grant, tokens: undefined, trouble: { code, atMs: Date.now(), note } };
    }
  }

  async #save(grant: Grant, expectedVersion: string): Promise<void> {
    const { connector, vault, changed, tell } = this.#parts;
    const saved = await vault.save(connector, grant, expectedVersion).catch((error: unknown) => {
      // The old refresh token is used up, so the new ones go on in memory: a disk that is full must not end a sign-in.
      tell("credential not stored", { reason: String(error) });
      return { grant, version: expectedVersion };
    });
    if (saved !== "stale") this.#hold(saved);
    else {
      // Signed out, removed or signed in anew meanwhile: what came late is nobody's, and is given back.
      if (grant.tokens !== undefined && this.#place !== undefined) void revokeTokens(grant, this.#place.outbound);
      await this.reload();
    }
    changed();
  }

  #trouble(code: Trouble["code"], note: string | undefined): void {
    this.#passing = { code, atMs: Date.now(), note };
    this.#parts.changed();
  }
}

const leftNote = "An earlier run ended while it was renewing the credential, and may have used it up.";

/** When a new one is fetched, and when it is waited for. Of what says nothing of its end, the server's refusal tells. */
function timesOf(tokens: Tokens | undefined): readonly [renewAtMs: number, waitAtMs: number] {
  const never = Number.POSITIVE_INFINITY;
  if (tokens?.expiresAtMs === undefined || tokens.refresh === undefined) return [never, never];
  const lifeMs = tokens.expiresAtMs - tokens.obtainedAtMs;
  return [tokens.obtainedAtMs + lifeMs * renewAt, tokens.expiresAtMs - Math.min(lastMs, lifeMs * lastShare)];
}
