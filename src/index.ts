// The library entry: the same proxy inside another program.
import { startBridge } from "./compose.ts";
import { type BridgeOptions, bridgeDefaults } from "./config/index.ts";

export type { Bridge } from "./compose.ts";
export type { BridgeOptions } from "./config/index.ts";
export { ConfigError } from "./config/index.ts";

/** Everything but the URL has a default; `port` 0 takes any free one. Logs go to standard error unless `logTo` says otherwise. */
export type HoldfastOptions = Partial<Omit<BridgeOptions, "server">> & { readonly url: string | URL };

/**
 * Starts the proxy in front of one MCP server and resolves when it listens.
 * @throws ConfigError for options that do not go together; Error of the store or of listening
 */
export function startHoldfast(options: HoldfastOptions): ReturnType<typeof startBridge> {
  const { url, ...others } = options;
  return startBridge({ ...bridgeDefaults, port: 0, ...others, server: { kind: "http", url: new URL(url) } });
}
