// Credentials in memory: same promises as the other stores but durability.
import type { CredentialStore, StoredCredential } from "../port.ts";

/** `exists`: whether there is a connector of this id. */
export function openMemoryCredentials(exists: (connector: string) => boolean): CredentialStore {
  const rows = new Map<string, StoredCredential>();
  return {
    find: async (connector) => rows.get(connector),
    async save({ connector, version, sealed }, expectedVersion) {
      if (!exists(connector) || rows.get(connector)?.version !== expectedVersion) return "stale";
      rows.set(connector, { connector, version, sealed, claimedBy: "", claimedUntilMs: 0 });
      return "saved";
    },
    async claim(connector, version, by, untilMs, nowMs) {
      const row = rows.get(connector);
      if (row?.version !== version) return "stale";
      if (row.claimedBy !== "" && row.claimedBy !== by && row.claimedUntilMs > nowMs) return "busy";
      rows.set(connector, { ...row, claimedBy: by, claimedUntilMs: untilMs });
      return "claimed";
    },
    async release(connector, version, by) {
      const row = rows.get(connector);
      if (row?.version === version && row.claimedBy === by)
        rows.set(connector, { ...row, claimedBy: "", claimedUntilMs: 0 });
    },
    async remove(connector) {
      rows.delete(connector);
    },
  };
}
