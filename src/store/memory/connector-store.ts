// Connectors in memory: same promises as the other stores but durability.
import type { ConnectorStore, StoredConnector, StoredSession } from "../port.ts";

/** `takeSessions` deletes and returns the sessions under a key; `forgetCredential` deletes the credential of a connector's id. */
export function openMemoryConnectors(
  takeSessions: (sessionsKey: string) => readonly StoredSession[],
  forgetCredential: (id: string) => void,
): ConnectorStore & { isOpen(sessionsKey: string): boolean; exists(id: string): boolean } {
  const rows = new Map<string, StoredConnector>();
  let generation = 0;
  const next = (): number => (generation += 1);
  return {
    list: async () => [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    find: async (name) => rows.get(name),
    async add(connector) {
      if (rows.has(connector.name)) return "exists";
      const saved = { ...connector, generation: next() };
      rows.set(saved.name, saved);
      return saved;
    },
    async replace(connector, expectedGeneration, more) {
      const before = rows.get(connector.name);
      if (before?.generation !== expectedGeneration) return "stale";
      const saved = { ...connector, id: before.id, createdAtMs: before.createdAtMs, generation: next() };
      rows.set(saved.name, saved);
      if (more?.forgetCredential === true) forgetCredential(saved.id);
      const over = saved.sessionsKey !== before.sessionsKey || saved.wanted === "disconnected";
      return { saved, ended: over ? takeSessions(before.sessionsKey) : [] };
    },
    async remove(name, expectedGeneration) {
      const before = rows.get(name);
      if (before?.generation !== expectedGeneration) return "stale";
      rows.delete(name);
      forgetCredential(before.id);
      next();
      return { ended: takeSessions(before.sessionsKey) };
    },
    generation: async () => generation,
    exists: (id) => [...rows.values()].some((row) => row.id === id),
    isOpen: (key) => [...rows.values()].some((row) => row.sessionsKey === key && row.wanted === "connected"),
  };
}
