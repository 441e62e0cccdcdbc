// Signing in to connectors' servers, for the whole hub: which connector has which credential, and the way back of the browser. Sends nothing itself.
import type { ConnectorOptions } from "../config/index.ts";
import { type AddressRules, type ConnectorRecord, toConnectorOptions } from "../connectors/index.ts";
import {
  Credential,
  openOutbound,
  type Seal,
  type SignInFacts,
  type SignInPlace,
  SignIns,
  Vault,
} from "../credentials/index.ts";
import { ProxyError } from "../errors/index.ts";
import type { Log } from "../observability/index.ts";
import type { CredentialStore } from "../store/index.ts";

/** What of the hub is needed here. */
export interface SignInHub {
  readonly url: string;
  readonly addressRules: AddressRules;
  readonly shared: { readonly log: Log };
  readonly news: { changed(name: string): void };
  actual(
    name: string,
  ): { readonly record: ConnectorRecord; readonly opened?: { test(): Promise<void> } | undefined } | undefined;
  all(): readonly { readonly record: ConnectorRecord }[];
}

type Environment = Readonly<Record<string, string | undefined>>;

export class HubSignIns {
  readonly flows: SignIns;
  readonly #hub: SignInHub;
  readonly #vault: Vault;
  readonly #env: Environment;
  /** By the connector's id: it outlives a disconnect, and nothing of it a removal. */
  readonly #credentials = new Map<string, Credential>();

  constructor(hub: SignInHub, store: CredentialStore, sealer: Seal, env: Environment) {
    this.#hub = hub;
    this.#env = env;
    this.#vault = new Vault(store, sealer);
    this.flows = new SignIns({
      vault: this.#vault,
      placeOf: (id) => this.#placeOf(id),
      done: ({ name }) => {
        this.#hub.shared.log.event("info", "signed in", { connector: name });
        void this.#hub.actual(name)?.opened?.test();
      },
    });
  }

  /** What its requests carry; undefined for programs, and where a header of the user's own stands in its place. */
  credentialOf(record: ConnectorRecord, options: ConnectorOptions): Credential | undefined {
    if (options.server.kind === "stdio" || hasAuthorization(options.headers)) return undefined;
    const credential = this.#credential(record);
    credential.at({ url: options.server.url.href, outbound: this.#outbound(record, options.server.url) });
    void credential.load();
    return credential;
  }

  /** What a request beside the connector's own carries: flat, empty where nobody is signed in, or could be. */
  async signed(record: ConnectorRecord): Promise<readonly string[]> {
    try {
      const value = await this.place(record).credential.current();
      return value === undefined ? [] : ["authorization", value];
    } catch {
      // What is wrong with the settings is for whoever opens it to say.
      return [];
    }
  }

  /** Of a connector that is disconnected as well. */
  facts({ id, spec }: ConnectorRecord): SignInFacts | undefined {
    return spec.server.kind === "stdio" ? undefined : this.#credentials.get(id)?.facts;
  }

  /** @throws ProxyError for a connector that cannot be signed in to; ConfigError for settings that cannot be used */
  place(record: ConnectorRecord): SignInPlace {
    const { id, name } = record;
    const { server, headers } = toConnectorOptions(record, this.#env);
    if (server.kind === "stdio") throw new ProxyError("SIGN_IN_NOT_FOR_PROGRAMS", { connector: name });
    if (hasAuthorization(headers)) throw new ProxyError("SIGN_IN_HEADER_CONFLICT", { connector: name });
    const outbound = this.#outbound(record, server.url);
    const credential = this.#credential(record);
    credential.at({ url: server.url.href, outbound });
    return { connector: id, name, url: server.url, outbound, credential };
  }

  /** True if the server says that it has forgotten it, too. */
  async signOut(record: ConnectorRecord): Promise<{ readonly wasSignedIn: boolean; readonly isRevoked: boolean }> {
    this.flows.drop(record.id);
    const { credential } = this.place(record);
    await credential.load();
    const wasSignedIn = credential.facts !== undefined;
    const isRevoked = await credential.forget();
    void this.#hub.actual(record.name)?.opened?.test();
    return { wasSignedIn, isRevoked };
  }

  /** Those that are disconnected are known as well. Of connectors that are gone nothing is kept, and their servers are told. */
  follow(records: readonly ConnectorRecord[]): void {
    for (const record of records) {
      if (record.spec.server.kind === "stdio" || this.#credentials.has(record.id)) continue;
      // Where it is, so that its sign-in can be revoked there; settings that cannot be used have a place later, or never.
      this.#placeOf(record.id);
      void this.#credential(record).load();
    }
    const ids = new Set(records.map(({ id }) => id));
    for (const [id, credential] of this.#credentials) {
      if (ids.has(id)) continue;
      this.#credentials.delete(id);
      this.flows.drop(id);
      void credential.forget().catch(() => {});
    }
  }

  /** Another process may have written. */
  async reload(): Promise<void> {
    await Promise.all([...this.#credentials.values()].map((credential) => credential.reload()));
  }

  #placeOf(id: string): SignInPlace | undefined {
    const record = this.#hub.all().find((one) => one.record.id === id)?.record;
    try {
      return record && this.place(record);
    } catch {
      return undefined;
    }
  }

  #credential({ id, name }: ConnectorRecord): Credential {
    let credential = this.#credentials.get(id);
    if (credential === undefined) {
      const { log } = this.#hub.shared;
      credential = new Credential({
        connector: id,
        vault: this.#vault,
        changed: () => this.#hub.news.changed(name),
        hint: () => `To sign in: holdfast login ${name}, or ${this.#hub.url}/connectors/${name}.`,
        tell: (what, fields) => log.event("info", what, { connector: name, ...fields }),
      });
      this.#credentials.set(id, credential);
    }
    return credential;
  }

  /** A connector that came over REST is led to no address that could not be added over REST. */
  #outbound({ spec }: ConnectorRecord, home: URL) {
    return openOutbound(spec.from === "api" ? this.#hub.addressRules : undefined, home);
  }
}

function hasAuthorization(headers: readonly string[]): boolean {
  return headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === "authorization");
}
