// Turns what was typed into the options of a bridge; says what is wrong in a sentence that names the flag.
import { readFileSync } from "node:fs";
import {
  type BridgeOptions,
  bridgeDefaults,
  ConfigError,
  defaultDataDir,
  parseHeaderFile,
  parseHeaders,
} from "../../config/index.ts";
import type { BridgeFlags } from "./program.ts";
import { readAddress, type Typed } from "./server-address.ts";
import { readStreamFlags } from "./stream-flags.ts";
import { supergatewayAddress, supergatewayName, supergatewayPort } from "./supergateway-flags.ts";

/** @throws ConfigError */
export function readFlags(typed: Typed, flags: BridgeFlags, logIsTerminal: boolean): BridgeOptions {
  const aliased = supergatewayAddress(flags);
  if (aliased !== undefined && (typed.url ?? typed.command) !== undefined)
    throw new ConfigError(
      "Give the server once: as a URL, as a command after --, or with one of supergateway's flags.",
    );
  const webSocket = flags.outputTransport === "ws" ? flags.messagePath : bridgeDefaults.paths.webSocket;
  const bearer = flags.oauth2Bearer === undefined ? [] : ["authorization", `Bearer ${flags.oauth2Bearer}`];
  return {
    ...bridgeDefaults,
    server: aliased ?? readAddress(typed, flags),
    host: flags.host,
    port: flags.port ?? (aliased === undefined ? bridgeDefaults.port : supergatewayPort),
    paths: {
      mcp: flags.streamableHttpPath,
      sse: flags.ssePath,
      message: flags.messagePath,
      webSocket,
      baseUrl: flags.baseUrl,
      health: flags.healthEndpoint,
    },
    cors: readCors(flags),
    idleTimeoutMs: flags.sessionTimeout ?? flags.idleTimeout * 1_000,
    dataDir: flags.dataDir ?? defaultDataDir(),
    headers: [
      ...bearer,
      ...parseHeaders(flags.header),
      ...(flags.headerFile === undefined ? [] : readHeaderFile(flags.headerFile)),
    ],
    token: readToken(flags.token),
    front: flags.front,
    allowedHosts: flags.allowedHost,
    trustedProxies: flags.trustProxy,
    principal: flags.principal as BridgeOptions["principal"],
    adoptSessions: flags.adoptSessions,
    recovery: flags.recovery,
    recoveryWindowMs: flags.recoveryWindow * 1_000,
    trusted: flags.trusted,
    maxBodyBytes: flags.maxBody,
    maxMessageBytes: flags.maxMessage,
    startTimeoutMs: flags.startTimeout * 1_000,
    maxSessions: flags.maxSessions,
    drainTimeoutMs: flags.drainTimeout * 1_000,
    reconnectGraceMs: flags.reconnectGrace * 1_000,
    streams: readStreamFlags(flags),
    logFormat: flags.logFormat ?? (logIsTerminal && flags.logFile === undefined ? "pretty" : "json"),
    logTo: flags.logFile ?? bridgeDefaults.logTo,
    quiet: flags.quiet || flags.logLevel === "none",
    name: flags.name ?? supergatewayName(flags),
  };
}

/** It takes as many words as follow it, so it may have taken the server's URL. */
function readCors({ cors }: BridgeFlags): readonly string[] | undefined {
  if (cors === undefined || cors === true) return cors && [];
  const withPath = cors.find((text) => (URL.parse(text)?.pathname ?? "/") !== "/");
  if (withPath !== undefined)
    throw new ConfigError("--cors takes origins, which have no path. Write the server's URL before it.");
  return cors;
}

function readToken(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  if (!/^[\x21-\x7e]{8,}$/.test(token))
    throw new ConfigError("--token must be at least 8 visible ASCII characters without spaces.");
  return token;
}

function readHeaderFile(path: string): string[] {
  try {
    return parseHeaderFile(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(
      `--header-file cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"}).`,
    );
  }
}
