// The library entry: the same proxy inside another program.
import { startBridge } from "./compose.ts";
import {
  type BridgeOptions,
  bridgeDefaults,
  type HttpWire,
  type ServerAddress,
  type StdioAddress,
} from "./config/index.ts";

export type { Bridge } from "./compose.ts";
export type { BridgeOptions } from "./config/index.ts";
export { ConfigError } from "./config/index.ts";

/** The server: where it listens, or the program to start. */
type ServerOptions =
  | { readonly url: string | URL; readonly wire?: HttpWire }
  | ({ readonly command: string } & Partial<Omit<StdioAddress, "kind" | "command">>);

/** Everything but the server has a default; `port` 0 takes any free one. Logs go to standard error unless `logTo` says otherwise. */
export type HoldfastOptions = Partial<Omit<BridgeOptions, "server">> & ServerOptions;

/**
 * Starts the proxy in front of one MCP server and resolves when it listens.
 * @throws ConfigError for options that do not go together; Error of the store or of listening
 */
export function startHoldfast(options: HoldfastOptions): ReturnType<typeof startBridge> {
  if ("command" in options) {
    const { command, args = [], env = {}, cwd, share = false, ...others } = options;
    const server = { kind: "stdio", command, args, env, cwd, share } as const;
    return startBridge({ ...bridgeDefaults, port: 0, ...others, server });
  }
  const { url: given, wire = "auto", ...others } = options;
  const url = new URL(given);
  const server: ServerAddress = /^wss?:$/.test(url.protocol) ? { kind: "websocket", url } : { kind: "http", url, wire };
  return startBridge({ ...bridgeDefaults, port: 0, ...others, server });
}
