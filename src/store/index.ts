export { openMemoryStore } from "./memory/session-store.ts";
export type { SessionStore, StoredSession } from "./port.ts";
export { openSqliteStore } from "./sqlite/session-store.ts";
