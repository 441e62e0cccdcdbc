// Credentials of sign-ins in the SQLite file, every write on disk before it is acknowledged. The only file that speaks SQL about them.
import type { SQLOutputValue } from "node:sqlite";
import type { CredentialStore, StoredCredential } from "../port.ts";
import { ask } from "./ask.ts";
import type { Database } from "./database.ts";
import type { Eraser } from "./eraser.ts";

/** In one statement with the look at the connector, so that no removal can come in between. */
const add = `
  insert into credential (connector, version, sealed)
  select :connector, :version, :sealed where exists (select 1 from connector where id = :connector)
  on conflict (connector) do nothing`;

const replace = `
  update credential set version = :version, sealed = :sealed, claimed_by = '', claimed_until_ms = 0
  where connector = :connector and version = :expectedVersion`;

const claim = `
  update credential set claimed_by = :by, claimed_until_ms = :untilMs
  where connector = :connector and version = :version and (claimed_by in ('', :by) or claimed_until_ms <= :nowMs)`;

const release = `
  update credential set claimed_by = '', claimed_until_ms = 0
  where connector = :connector and version = :version and claimed_by = :by`;

export const forgetCredential = "delete from credential where connector = ?";

export function openSqliteCredentials(database: Database, eraser: Eraser): CredentialStore {
  const { durable } = database;
  const find = (connector: string): StoredCredential | undefined => {
    const row = durable.prepare("select * from credential where connector = ?").get(connector);
    return row && toCredential(row);
  };
  return {
    find: (connector) => ask(database, () => find(connector)),
    async save({ connector, version, sealed }, expectedVersion) {
      const row = { connector, version, sealed };
      const { changes } = await ask(database, () =>
        expectedVersion === undefined
          ? durable.prepare(add).run(row)
          : durable.prepare(replace).run({ ...row, expectedVersion }),
      );
      // The token that was there before is overwritten, and leaves the log as well.
      if (expectedVersion !== undefined) eraser.soon();
      return Number(changes) === 1 ? "saved" : "stale";
    },
    claim: (connector, version, by, untilMs, nowMs) =>
      ask(database, () => {
        const { changes } = durable.prepare(claim).run({ connector, version, by, untilMs, nowMs });
        if (Number(changes) === 1) return "claimed";
        return find(connector)?.version === version ? "busy" : "stale";
      }),
    release: (connector, version, by) =>
      ask(database, () => void durable.prepare(release).run({ connector, version, by })),
    async remove(connector) {
      await ask(database, () => void durable.prepare(forgetCredential).run(connector));
      eraser.now();
    },
  };
}

function toCredential(row: Record<string, SQLOutputValue>): StoredCredential {
  const sealed = row["sealed"];
  return {
    connector: String(row["connector"]),
    version: String(row["version"]),
    sealed: sealed instanceof Uint8Array ? sealed : new Uint8Array(),
    claimedBy: String(row["claimed_by"]),
    claimedUntilMs: Number(row["claimed_until_ms"]),
  };
}
