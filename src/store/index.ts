export { openMemoryHubStores } from "./memory/hub-stores.ts";
export { openMemoryStore } from "./memory/session-store.ts";
export type {
  ConnectorStore,
  CredentialStore,
  EraStore,
  HubStores,
  SessionStore,
  StoredConnector,
  StoredCredential,
  StoredSession,
  StoredToken,
  TokenStore,
} from "./port.ts";
export { takeHubLock } from "./sqlite/hub-lock.ts";
export { openSqliteHubStores } from "./sqlite/hub-stores.ts";
export { openSqliteStore } from "./sqlite/session-store.ts";
export { StoreError } from "./store-error.ts";
export type { StoredEvent, StoredStream, StreamChange, StreamName, StreamStore } from "./stream-port.ts";
