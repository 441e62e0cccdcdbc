// Grants in the store, each sealed for its row. Decides nothing about them.
import { randomBytes } from "node:crypto";
import type { CredentialStore } from "../store/index.ts";
import type { Grant } from "./grant.ts";

/** As connectors' settings are sealed. */
export interface Seal {
  seal(text: string, row: string): Uint8Array;
  open(sealed: Uint8Array, row: string): string | undefined;
}

export interface Kept {
  readonly grant: Grant;
  readonly version: string;
}

export class Vault {
  readonly #store: CredentialStore;
  readonly #sealer: Seal;
  /** This process, toward others on the same store. */
  readonly #holder = randomBytes(9).toString("base64url");

  constructor(store: CredentialStore, sealer: Seal) {
    this.#store = store;
    this.#sealer = sealer;
  }

  /** What cannot be opened with this key is as good as not there: the user signs in again. */
  async find(connector: string): Promise<Kept | undefined> {
    const row = await this.#store.find(connector);
    const text = row && this.#sealer.open(row.sealed, rowName(connector));
    return row === undefined || text === undefined
      ? undefined
      : { grant: JSON.parse(text) as Grant, version: row.version };
  }

  /** The new version, or "stale" where something else was written meanwhile, or the connector is gone. */
  async save(connector: string, grant: Grant, expectedVersion: string | undefined): Promise<Kept | "stale"> {
    const version = randomBytes(12).toString("base64url");
    const sealed = this.#sealer.seal(JSON.stringify(grant), rowName(connector));
    const outcome = await this.#store.save({ connector, version, sealed }, expectedVersion);
    return outcome === "stale" ? "stale" : { grant, version };
  }

  /** Over whatever is there, also what cannot be opened. */
  async replace(connector: string, grant: Grant): Promise<Kept | "stale"> {
    return this.save(connector, grant, (await this.#store.find(connector))?.version);
  }

  claim(connector: string, version: string, untilMs: number): Promise<"claimed" | "busy" | "stale"> {
    return this.#store.claim(connector, version, this.#holder, untilMs, Date.now());
  }

  release(connector: string, version: string): Promise<void> {
    return this.#store.release(connector, version, this.#holder);
  }

  /** True if somebody else began to renew it and never said how that ended. */
  async wasLeftClaimed(connector: string): Promise<boolean> {
    const row = await this.#store.find(connector);
    return row !== undefined && row.claimedBy !== "" && row.claimedBy !== this.#holder;
  }

  remove(connector: string): Promise<void> {
    return this.#store.remove(connector);
  }
}

function rowName(connector: string): string {
  return `credential|${connector}`;
}
