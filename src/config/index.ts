export { addressWords } from "./address-words.ts";
export { type BridgeOptions, bridgeDefaults, type ListenerOptions } from "./bridge-options.ts";
export { ConfigError } from "./config-error.ts";
export {
  addressKey,
  addressName,
  addressWire,
  type ConnectorOptions,
  connectorDefaults,
  type HttpWire,
  type ServerAddress,
  type StdioAddress,
} from "./connector-options.ts";
export { defaultDataDir } from "./data-dir.ts";
export { header, parseHeaderFile, parseHeaders } from "./headers.ts";
export { adminTokenFile, announceHub, findHub, type RunningHub, withdrawHub } from "./hub-file.ts";
export { type HubOptions, hubDefaults } from "./hub-options.ts";
export { type StreamOptions, streamDefaults } from "./stream-options.ts";
export { fillIn, type Lookup } from "./variables.ts";
