// Signing in while no hub runs: the way back leads to a listener of this command's own, and the credential goes into the store, where the hub finds it at its next start.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ConnectorRecord, openAddressRules, openSealer, toConnectorOptions } from "../../../connectors/index.ts";
import {
  type Begun,
  Credential,
  callbackIssuer,
  comeBack,
  openOutbound,
  type SignInFacts,
  type SignInNews,
  type SignInPlace,
  SignIns,
  Vault,
} from "../../../credentials/index.ts";
import { ProxyError } from "../../../errors/index.ts";
import { createServer } from "../../../protocol/index.ts";
import type { CredentialStore } from "../../../store/index.ts";
import type { NewSignIn } from "../../api/schema.ts";

export class LocalSignIns implements AsyncDisposable {
  readonly #vault: Vault;
  readonly #places = new Map<string, SignInPlace>();
  readonly #flows: SignIns;
  #listener: ReturnType<typeof createServer> | undefined;

  constructor(store: CredentialStore, key: Uint8Array) {
    this.#vault = new Vault(store, openSealer(key, "credentials"));
    this.#flows = new SignIns({ vault: this.#vault, placeOf: (id) => this.#places.get(id), done: () => {} });
  }

  async begin(record: ConnectorRecord, { clientId, clientSecret, scope }: NewSignIn): Promise<Begun> {
    const place = this.#place(record);
    const given = clientId === undefined ? undefined : { clientId, clientSecret };
    return this.#flows.begin(place, { base: await this.#listen(), given, scope });
  }

  news({ id }: ConnectorRecord, signIn: string): SignInNews | undefined {
    return this.#flows.news(id, signIn);
  }

  /** What a request to the server carries: flat, empty where nobody is signed in, or could be. */
  async signed(record: ConnectorRecord): Promise<readonly string[]> {
    try {
      const value = await this.#place(record).credential.current();
      return value === undefined ? [] : ["authorization", value];
    } catch {
      return [];
    }
  }

  /** Whatever the connector's address holds at present: what is stored is shown as it is. */
  async facts({ id }: ConnectorRecord): Promise<SignInFacts | undefined> {
    const credential = this.#credential(id);
    await credential.load();
    return credential.facts;
  }

  async signOut(record: ConnectorRecord): Promise<{ readonly signedOut: boolean; readonly revoked: boolean }> {
    const { credential } = this.#place(record);
    await credential.load();
    const signedOut = credential.facts !== undefined;
    return { signedOut, revoked: await credential.forget() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#listener === undefined) return;
    const closed = once(this.#listener, "close");
    this.#listener.close();
    // A browser keeps its connection for the next visit, which does not come.
    this.#listener.closeAllConnections();
    await closed;
  }

  #place(record: ConnectorRecord): SignInPlace {
    const { id, name, spec } = record;
    const { server, headers } = toConnectorOptions(record, process.env);
    if (server.kind === "stdio") throw new ProxyError("SIGN_IN_NOT_FOR_PROGRAMS", { connector: name });
    if (headers.some((header, index) => index % 2 === 0 && header.toLowerCase() === "authorization"))
      throw new ProxyError("SIGN_IN_HEADER_CONFLICT", { connector: name });
    const rules = spec.from === "api" ? openAddressRules([]) : undefined;
    const outbound = openOutbound(rules, server.url);
    const credential = this.#credential(id);
    credential.at({ url: server.url.href, outbound });
    const place = { connector: id, name, url: server.url, outbound, credential };
    this.#places.set(id, place);
    return place;
  }

  #credential(connector: string): Credential {
    const silent = { changed: () => {}, hint: () => "", tell: () => {} };
    return new Credential({ connector, vault: this.#vault, ...silent });
  }

  /** Where the browser comes back to. */
  async #listen(): Promise<string> {
    if (this.#listener === undefined) {
      this.#listener = createServer((request, response) => {
        const { url = "/", method } = request;
        const issuer = callbackIssuer(new URL(url, "http://x").pathname);
        if (issuer === undefined || method !== "GET") return void response.writeHead(404).end();
        void comeBack(this.#flows, { url, issuer, keys: [] }, undefined).then(({ status, headers, body }) =>
          response.writeHead(status, headers).end(body),
        );
      }).listen(0, "127.0.0.1");
      await once(this.#listener, "listening");
    }
    return `http://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }
}
