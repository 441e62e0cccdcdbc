export { type ConnectorEntry, type Resolved, resolveConnector, type WrittenServer } from "./connector-entry.ts";
export { type ExportClient, type Exported, type ExportTarget, exportFor } from "./export-entry.ts";
export { readServers } from "./read-servers.ts";
