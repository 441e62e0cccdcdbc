// The stores of a hub in memory, for tests: sessions are taken only for connectors that are wanted.
import { type HubStores, ownerOf, type SessionStore } from "../port.ts";
import { StoreError } from "../store-error.ts";
import { openMemoryConnectors } from "./connector-store.ts";
import { openMemoryCredentials } from "./credential-store.ts";
import { openMemoryStore } from "./session-store.ts";
import { openMemoryTokens } from "./token-store.ts";

export function openMemoryHubStores(): HubStores {
  const store = openMemoryStore();
  const connectors = openMemoryConnectors(
    (key) => store.takeAll(key),
    (id) => void credentials.remove(id),
  );
  const credentials = openMemoryCredentials((id) => connectors.exists(id));
  const sessions: SessionStore = {
    find: (connector, key) => store.find(connector, key),
    async add(session) {
      if (!connectors.isOpen(ownerOf(session.connector))) throw new StoreError("ended", StoreError.endedMessage);
      await store.add(session);
    },
    replace: (session, expectedGeneration) => store.replace(session, expectedGeneration),
    touch: (connector, keys, lastSeenAtMs) => store.touch(connector, keys, lastSeenAtMs),
    delete: (connector, key) => store.delete(connector, key),
    list: (connector, limit) => store.list(connector, limit),
    takeIdle: (connector, beforeMs, limit) => store.takeIdle(connector, beforeMs, limit),
    findEras: (connector) => store.findEras(connector),
    async saveEras(connector, eras) {
      if (connectors.isOpen(connector)) await store.saveEras(connector, eras);
    },
    writeStreams: (changes, nowMs) => store.writeStreams(changes, nowMs),
    findStream: (name) => store.findStream(name),
    touchStreams: (names, nowMs) => store.touchStreams(names, nowMs),
    deleteStreamsBefore: (beforeMs) => store.deleteStreamsBefore(beforeMs),
    secret: () => store.secret(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  return {
    sessions,
    connectors,
    credentials,
    tokens: openMemoryTokens(),
    foreignChanges: () => 0,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
