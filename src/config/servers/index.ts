export {
  type ConnectorEntry,
  type Resolved,
  readServerUrl,
  resolveConnector,
  type WrittenServer,
} from "./connector-entry.ts";
export { connectorName } from "./connector-name.ts";
export { type ExportClient, type Exported, type ExportTarget, exportClients, exportFor } from "./export-entry.ts";
export { readServers } from "./read-servers.ts";
