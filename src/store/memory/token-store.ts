// API tokens in memory: same promises as the other stores but durability.
import type { StoredToken, TokenStore } from "../port.ts";

export function openMemoryTokens(): TokenStore {
  const rows = new Map<string, StoredToken>();
  return {
    list: async () => [...rows.values()].toSorted((a, b) => a.createdAtMs - b.createdAtMs),
    add: async (token) => void rows.set(token.id, { ...token }),
    remove: async (id) => rows.delete(id),
    async touch(id, lastUsedAtMs) {
      const row = rows.get(id);
      if (row !== undefined) rows.set(id, { ...row, lastUsedAtMs });
    },
  };
}
