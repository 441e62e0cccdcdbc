// The connector that a new data directory begins with: a faulty server of our own, to be broken on purpose. Starts nothing.
import { connectorDefaults } from "../config/index.ts";
import type { NewConnector } from "../connectors/index.ts";

/** Where the demo's server is; known only once it listens. */
export const demoVariable = "HOLDFAST_DEMO_URL";

const { trusted, recovery, recoveryWindowMs, maxSessions, idleTimeoutMs } = connectorDefaults;

export const demoConnector: NewConnector = {
  name: "demo",
  wanted: "connected",
  spec: {
    server: { kind: "http", url: `\${${demoVariable}}`, wire: "streamable-http" },
    headers: {},
    options: { trusted, recovery, recoveryWindowMs, maxSessions, idleTimeoutMs },
    source: "store",
    from: "machine",
  },
};
