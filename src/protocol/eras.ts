// The two eras of MCP in literals: revisions, the keys of a modern message's `_meta`, the codes and headers that only one era has.

/** `initialize` and sessions. */
export const legacyRevisions: readonly string[] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
export const latestLegacyRevision = "2025-11-25";
/** Every request stands alone. */
export const modernRevisions: readonly string[] = ["2026-07-28"];
export const modernRevision = "2026-07-28";

/** Keys of `params._meta`, `result._meta` and a notification's `_meta` that the modern era gave a meaning. */
export const metaKey = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  logLevel: "io.modelcontextprotocol/logLevel",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
  relatedTask: "io.modelcontextprotocol/related-task",
} as const;

/** JSON-RPC codes that are read or written by name. The modern era's own are -32020 to -32022. */
export const rpcCode = {
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  sessionLost: -32001,
  /** Legacy only: modern servers say -32602. */
  resourceNotFound: -32002,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
  /** Legacy only: a URL has to be visited first. Modern servers answer `input_required`. */
  urlElicitationRequired: -32042,
} as const;

export const methodHeader = "mcp-method";
export const nameHeader = "mcp-name";
/** Followed by the name that a tool's schema gives under `x-mcp-header`. */
export const paramHeaderPrefix = "mcp-param-";

/** Results that carry `ttlMs` and `cacheScope` in the modern era. */
export const isCacheable: ReadonlySet<string> = new Set([
  "server/discover",
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);
