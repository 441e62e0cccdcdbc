// Turns a stored connector into what the data plane opens: variables filled in, URL read, headers checked. Pure but for the environment it is given.
import { type ConnectorOptions, connectorDefaults } from "../config/index.ts";
import { resolveConnector } from "../config/servers/index.ts";
import type { ConnectorRecord, ConnectorSpec } from "./record.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws ConfigError with a sentence for the user that holds no value */
export function toConnectorOptions({ spec, name }: ConnectorRecord, env: Environment): ConnectorOptions {
  const { server, headers } = resolveConnector({ name, ...spec }, env, spec.file);
  return { ...connectorDefaults, ...spec.options, name, server, headers };
}

/**
 * Checks what can be checked before anything is connected: the form of everything, whatever its variables hold.
 * @throws ConfigError
 */
export function assertUsable(name: string, { server, headers }: ConnectorSpec): void {
  const anything = new Proxy<Record<string, string>>({}, { get: () => "x" });
  // A variable may hold any part of a URL, its beginning too.
  const open = server.kind !== "stdio" && server.url.includes("${");
  const usable = open ? { ...server, url: anyUrl[server.kind] } : server;
  resolveConnector({ name, server: usable, headers }, anything, undefined, () => "");
}

const anyUrl = { http: "http://x/", websocket: "ws://x/" } as const;
