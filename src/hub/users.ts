// Which user a session belongs to, from the hash that it is bound by. Knows those who have, or had since the hub's start, a token.
import type { Tokens } from "../control-plane/api/index.ts";
import { principalHash } from "../observability/index.ts";

const shownLength = 12;

export class Users {
  readonly #tokens: Tokens;
  readonly #secret: Uint8Array;
  readonly #names = new Map<string, string>();
  #changes = -1;

  constructor(tokens: Tokens, secret: Uint8Array) {
    this.#tokens = tokens;
    this.#secret = secret;
  }

  /** The beginning of the hash for whoever presented a credential that is no token of this hub. */
  nameOf(principal: string): string {
    if (principal === "none") return "-";
    if (this.#changes !== this.#tokens.changes) this.#learn();
    return this.#names.get(principal) ?? principal.slice(0, shownLength);
  }

  #learn(): void {
    this.#changes = this.#tokens.changes;
    for (const user of this.#tokens.users())
      this.#names.set(principalHash(this.#secret, this.#tokens.credential(user)), user);
  }
}
