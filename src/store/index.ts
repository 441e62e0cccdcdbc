export { openMemoryStore } from "./memory/session-store.ts";
export type { SessionStore, StoredSession } from "./port.ts";
export { openSqliteStore } from "./sqlite/session-store.ts";
export { StoreError, type StoreProblem } from "./store-error.ts";
