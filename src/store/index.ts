export { openMemoryStore } from "./memory/session-store.ts";
export type { EraStore, SessionStore, StoredSession } from "./port.ts";
export { openSqliteStore } from "./sqlite/session-store.ts";
