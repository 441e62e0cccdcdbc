// The verbs on connectors: each writes what is wanted, over the generation it has seen, before it answers. Opens nothing itself; `Reconciler` follows.
import { randomBytes } from "node:crypto";
import { ConfigError } from "../config/index.ts";
import { ProxyError } from "../errors/index.ts";
import type { ConnectorStore, StoredConnector, StoredSession } from "../store/index.ts";
import { type ConnectorRecord, type ConnectorSpec, isSameAddress, isSameServer } from "./record.ts";
import type { Sealer } from "./seal.ts";
import { assertUsable } from "./to-options.ts";

/** What a verb has written: `record` is undefined after a removal. */
export interface Written {
  readonly name: string;
  readonly record: ConnectorRecord | undefined;
  /** Sessions that are over with it, already gone from the store. */
  readonly ended: readonly StoredSession[];
}

export interface NewConnector {
  readonly name: string;
  readonly spec: ConnectorSpec;
  readonly wanted: "connected" | "disconnected";
}

export type SpecChange = Partial<Pick<ConnectorSpec, "server" | "headers" | "options" | "from">>;

/** A verb without an expected generation means the connector whatever it is now; another writer may come between at most this often. */
const attempts = 20;

export class Connectors {
  readonly #store: ConnectorStore;
  readonly #sealer: Sealer;
  readonly #follow: (written: Written) => Promise<void>;

  /** `follow` is called after each write, and awaited before the verb answers. */
  constructor(store: ConnectorStore, sealer: Sealer, follow: (written: Written) => Promise<void> = async () => {}) {
    this.#store = store;
    this.#sealer = sealer;
    this.#follow = follow;
  }

  async list(): Promise<readonly ConnectorRecord[]> {
    return (await this.#store.list()).map((row) => this.#read(row));
  }

  /** @throws ProxyError CONNECTOR_UNKNOWN */
  async get(name: string): Promise<ConnectorRecord> {
    const row = await this.#store.find(name);
    if (row === undefined) throw new ProxyError("CONNECTOR_UNKNOWN", { connector: name });
    return this.#read(row);
  }

  /** There was never a connector in this store. */
  async isNew(): Promise<boolean> {
    return (await this.#store.generation()) === 0;
  }

  /** @throws ProxyError CONNECTOR_EXISTS; ConfigError for settings that no connector can have */
  async add({ name, spec, wanted }: NewConnector): Promise<ConnectorRecord> {
    assertUsable(name, spec);
    const id = token();
    const nowMs = Date.now();
    const saved = await this.#store.add({
      name,
      id,
      wanted,
      sessionsKey: token(),
      sealed: this.#seal(spec, name, id),
      createdAtMs: nowMs,
      changedAtMs: nowMs,
    });
    if (saved === "exists") throw new ProxyError("CONNECTOR_EXISTS", { connector: name });
    const record = this.#read(saved);
    await this.#follow({ name, record, ended: [] });
    return record;
  }

  /** @throws ProxyError CONNECTOR_UNKNOWN, CONNECTOR_CHANGED, CONNECTOR_READ_ONLY; ConfigError */
  edit(name: string, change: SpecChange, ifGeneration?: number): Promise<ConnectorRecord> {
    return this.#replace(name, ifGeneration, (record) => {
      assertEditable(record);
      const spec = { ...record.spec, ...change };
      assertUsable(name, spec);
      return { ...record, spec };
    });
  }

  /** @throws ProxyError CONNECTOR_UNKNOWN, CONNECTOR_CHANGED */
  setWanted(name: string, wanted: "connected" | "disconnected", ifGeneration?: number): Promise<ConnectorRecord> {
    return this.#replace(name, ifGeneration, (record) => (record.wanted === wanted ? record : { ...record, wanted }));
  }

  /** @throws ProxyError CONNECTOR_UNKNOWN, CONNECTOR_CHANGED, CONNECTOR_READ_ONLY */
  async remove(name: string, ifGeneration?: number): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const record = await this.get(name);
      assertEditable(record);
      if (ifGeneration !== undefined && ifGeneration !== record.generation) break;
      const outcome = await this.#store.remove(name, record.generation);
      if (outcome !== "stale") return this.#follow({ name, record: undefined, ended: outcome.ended });
    }
    throw new ProxyError("CONNECTOR_CHANGED", { connector: name });
  }

  /**
   * Makes the connectors of the file those of `given`: adds, changes and removes. Whether one is connected the file says when it is new and whenever
   * the file's own word changes; in between it stays as it was set last. A name that the store has already is left alone and returned.
   */
  async syncFile(given: readonly (Omit<NewConnector, "wanted"> & Partial<NewConnector>)[]): Promise<readonly string[]> {
    const now = new Map((await this.list()).map((record) => [record.name, record]));
    const taken = given.filter(({ name }) => now.get(name)?.spec.source === "store").map(({ name }) => name);
    const ours = new Map(given.filter(({ name }) => !taken.includes(name)).map((one) => [one.name, one]));
    for (const { name, spec, generation } of now.values()) {
      if (spec.source === "file" && !ours.has(name)) await this.#drop(name, generation);
    }
    for (const [name, { spec: read, wanted = "connected" }] of ours) {
      const spec = { ...read, source: "file", fileWanted: wanted } as const;
      if (now.has(name))
        await this.#replace(name, undefined, (record) => ({ ...record, spec, ...heard(record, wanted) }));
      else await this.add({ name, spec, wanted });
    }
    return taken;
  }

  async #drop(name: string, generation: number): Promise<void> {
    const outcome = await this.#store.remove(name, generation);
    if (outcome !== "stale") await this.#follow({ name, record: undefined, ended: outcome.ended });
  }

  async #replace(
    name: string,
    ifGeneration: number | undefined,
    change: (record: ConnectorRecord) => ConnectorRecord,
  ): Promise<ConnectorRecord> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const before = await this.get(name);
      if (ifGeneration !== undefined && ifGeneration !== before.generation) break;
      const after = change(before);
      if (isUnchanged(before, after)) return before;
      const forgetCredential = !isSameAddress(before.spec, after.spec);
      const outcome = await this.#store.replace(this.#row(before, after), before.generation, { forgetCredential });
      if (outcome === "stale") continue;
      const record = this.#read(outcome.saved);
      await this.#follow({ name, record, ended: outcome.ended });
      return record;
    }
    throw new ProxyError("CONNECTOR_CHANGED", { connector: name });
  }

  /** Sessions outlive a change of options; not another server, and not a disconnect. */
  #row(before: ConnectorRecord, { spec, ...row }: ConnectorRecord): StoredConnector {
    const goesOn = isSameServer(before.spec, spec) && before.wanted === row.wanted;
    return {
      ...row,
      sessionsKey: goesOn ? before.sessionsKey : token(),
      sealed: this.#seal(spec, row.name, row.id),
      changedAtMs: Date.now(),
    };
  }

  #seal(spec: ConnectorSpec, name: string, id: string): Uint8Array {
    return this.#sealer.seal(JSON.stringify({ v: 1, ...spec }), rowName(name, id));
  }

  #read({ sealed, ...row }: StoredConnector): ConnectorRecord {
    const text = this.#sealer.open(sealed, rowName(row.name, row.id));
    if (text === undefined) {
      throw new ConfigError(
        `The settings of the connector ${row.name} cannot be read with this key. Put back HOLDFAST_KEY, or the file "key" of the data directory, with which they were stored.`,
      );
    }
    const { v: _v, ...spec } = JSON.parse(text) as ConnectorSpec & { readonly v: 1 };
    return { ...row, spec };
  }
}

/** What a changed word of the file makes of what is wanted. */
function heard({ spec: { fileWanted } }: ConnectorRecord, wanted: "connected" | "disconnected") {
  return fileWanted === undefined || fileWanted === wanted ? {} : { wanted };
}

function assertEditable({ name, spec }: ConnectorRecord): void {
  if (spec.source === "file") throw new ProxyError("CONNECTOR_READ_ONLY", { connector: name });
}

function isUnchanged(before: ConnectorRecord, after: ConnectorRecord): boolean {
  return before.wanted === after.wanted && JSON.stringify(before.spec) === JSON.stringify(after.spec);
}

function rowName(name: string, id: string): string {
  return `connector|${name}|${id}`;
}

function token(): string {
  return randomBytes(16).toString("hex");
}
