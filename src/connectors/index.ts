export { type AddressRules, literalAddress, openAddressRules } from "./address-rules.ts";
export type { Bodies } from "./bodies.ts";
export { ConfigFile, type ConfigFileNews } from "./config-file.ts";
export {
  type Exchange,
  Inspector,
  type InspectorNews,
  type Keeping,
  mergePoints,
  type Point,
  type Restore,
  stepMs,
} from "./inspector.ts";
export { readSealingKey, readSecretFile } from "./key-file.ts";
export { Prober } from "./prober.ts";
export { type Actual, type Opened, Reconciler } from "./reconciler.ts";
export { type ConnectorRecord, type ConnectorSpec, optionsInForce, type SpecOptions } from "./record.ts";
export { secretWords } from "./redact.ts";
export type { ProbeResult, Running, SessionFacts, UpgradeCounts } from "./running.ts";
export { openSealer, type Sealer } from "./seal.ts";
export { Connectors, type NewConnector, type SpecChange, type Written } from "./service.ts";
export { type Answer, Evidence, type Status, type StatusKind, type Trouble, visibleAfterMs } from "./status.ts";
export { toConnectorOptions } from "./to-options.ts";
