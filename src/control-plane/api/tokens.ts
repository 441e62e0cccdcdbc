// API tokens: made, listed, revoked and recognised. Keeps hashes only; 32 random bytes need no slow hash, because nobody can try them all.
import { createHash, randomBytes } from "node:crypto";
import type { StoredToken, TokenStore } from "../../store/index.ts";

/** Tells our tokens from other credentials, also for programs that look for leaked ones. */
const prefix = "hfx_";
/** How exact the time of a token's last use is. */
const touchMs = 60_000;

export interface Known {
  readonly user: string;
  readonly role: "user" | "admin";
}

export class Tokens {
  readonly #store: TokenStore;
  /** The local admin's, from the file of the data directory. */
  readonly #adminHash: string;
  /** Grows with each change of the list. */
  changes = 0;
  #byHash = new Map<string, StoredToken>();
  #revoked: () => void = () => {};

  constructor(store: TokenStore, adminToken: string) {
    this.#store = store;
    this.#adminHash = hashOf(adminToken);
  }

  /** Another process may revoke them as well. */
  async load(): Promise<void> {
    this.#byHash = new Map((await this.#store.list()).map((token) => [token.hash, token]));
    this.changes += 1;
    this.#revoked();
  }

  /** Calls back whenever one of them may have been revoked. */
  whenRevoked(listener: () => void): void {
    this.#revoked = listener;
  }

  /** Who presents this; undefined for nobody that is known. By hash, so that its time tells nothing of the tokens. */
  recognise(secret: string): Known | undefined {
    const hash = hashOf(secret);
    if (hash === this.#adminHash) return { user: "admin", role: "admin" };
    const token = this.#byHash.get(hash);
    if (token === undefined) return undefined;
    const nowMs = Date.now();
    if (nowMs - (token.lastUsedAtMs ?? 0) > touchMs) {
      this.#byHash.set(hash, { ...token, lastUsedAtMs: nowMs });
      void this.#store.touch(token.id, nowMs).catch(() => undefined);
    }
    return token;
  }

  who(authorization: string | undefined): Known | undefined {
    const secret = bearer(authorization);
    return secret === undefined ? undefined : this.recognise(secret);
  }

  /** True for what was made here once and is no longer known: it must not pass for nobody's credential. */
  isRevoked(authorization: string | undefined): boolean {
    const secret = bearer(authorization);
    return secret?.startsWith(prefix) === true && this.recognise(secret) === undefined;
  }

  /** What tells one client from another: the token's user, so that a new token goes on with the old one's sessions. */
  credentialOf(authorization: string | undefined): string | undefined {
    const known = this.who(authorization);
    if (known !== undefined) return this.credential(known.user);
    return authorization === undefined ? undefined : `authorization ${authorization}`;
  }

  credential(user: string): string {
    return `user ${user}`;
  }

  users(): ReadonlySet<string> {
    return new Set(["admin", ...this.list().map(({ user }) => user)]);
  }

  list(): readonly StoredToken[] {
    return [...this.#byHash.values()];
  }

  async add(user: string, label: string, role: Known["role"]): Promise<{ token: StoredToken; secret: string }> {
    const secret = `${prefix}${randomBytes(32).toString("base64url")}`;
    const id = randomBytes(8).toString("hex");
    const token = { id, user, label, role, hash: hashOf(secret), createdAtMs: Date.now(), lastUsedAtMs: undefined };
    await this.#store.add(token);
    this.#byHash.set(token.hash, token);
    this.changes += 1;
    return { token, secret };
  }

  /** False if there is none. From here on it is refused. */
  async revoke(id: string): Promise<boolean> {
    const isThere = await this.#store.remove(id);
    for (const token of this.#byHash.values()) if (token.id === id) this.#byHash.delete(token.hash);
    this.changes += 1;
    this.#revoked();
    return isThere;
  }
}

/** The token in `Authorization: Bearer ...`. */
export function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
