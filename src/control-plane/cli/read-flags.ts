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

/** @throws ConfigError */
export function readFlags(url: string, flags: BridgeFlags, logIsTerminal: boolean): BridgeOptions {
  return {
    ...bridgeDefaults,
    server: { kind: "http", url: readUrl(url), wire: "auto" },
    host: flags.host,
    port: flags.port,
    dataDir: flags.dataDir ?? defaultDataDir(),
    headers: [
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
    maxSessions: flags.maxSessions,
    drainTimeoutMs: flags.drainTimeout * 1_000,
    reconnectGraceMs: flags.reconnectGrace * 1_000,
    logFormat: flags.logFormat ?? (logIsTerminal && flags.logFile === undefined ? "pretty" : "json"),
    logTo: flags.logFile ?? bridgeDefaults.logTo,
    quiet: flags.quiet,
    name: flags.name,
  };
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new ConfigError("The server's URL must begin with http:// or https://, for example https://example.com/mcp.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new ConfigError(
      "Leave user name and password out of the URL; give --header 'Authorization: Basic ...' instead.",
    );
  }
  url.hash = "";
  return url;
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
