// What one connector can be told: which server, how it is reached, how its sessions are kept. Reads no argv and no file.
import { basename } from "node:path";

/** "auto": Streamable HTTP first, then HTTP+SSE, as the specification's backward compatibility says. */
export type HttpWire = "auto" | "streamable-http" | "http-sse";

/** A program that speaks MCP on its standard input and output. */
export interface StdioAddress {
  readonly kind: "stdio";
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the few variables that every child gets. Secret. */
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: the directory in which Holdfast was started. */
  readonly cwd: string | undefined;
  /** One child serves all sessions, where the server bears it; otherwise each session has its own. */
  readonly share: boolean;
}

/** Where a server is and what wire leads to it. Every part of it may be secret: it appears in no log and no error. */
export type ServerAddress =
  | {
      readonly kind: "http";
      /** The server's MCP endpoint; with HTTP+SSE the one of the stream. */
      readonly url: URL;
      readonly wire: HttpWire;
    }
  | { readonly kind: "websocket"; readonly url: URL }
  | StdioAddress;

export interface ConnectorOptions {
  readonly server: ServerAddress;
  /** Shown in logs, errors and metrics; undefined takes what the address shows of itself (its host). */
  readonly name: string | undefined;
  /** Flat names and values, sent with every request to the server. Secret. */
  readonly headers: readonly string[];
  readonly front: boolean;
  readonly principal: "jwt" | "authorization" | `header:${string}`;
  readonly adoptSessions: boolean;
  readonly recovery: "transparent" | "notify" | "strict";
  readonly recoveryWindowMs: number;
  readonly trusted: boolean;
  readonly maxSessions: number;
  readonly idleTimeoutMs: number;
  /** How long a server that was started or connected to may take to answer initialize: a runner may have to fetch it first. */
  readonly startTimeoutMs: number;
  /** Largest message that is taken from a server on stdio, HTTP+SSE or WebSocket; a larger one fails alone. */
  readonly maxMessageBytes: number;
}

export const connectorDefaults = {
  name: undefined,
  headers: [],
  front: false,
  principal: "jwt",
  adoptSessions: false,
  recovery: "transparent",
  recoveryWindowMs: 30_000,
  trusted: false,
  maxSessions: 10_000,
  idleTimeoutMs: 7 * 24 * 3_600_000,
  startTimeoutMs: 60_000,
  maxMessageBytes: 64 * 1024 * 1024,
} as const satisfies Omit<ConnectorOptions, "server">;

/** What tells one server from another: keys its stored sessions. Secret. */
export function addressKey(server: ServerAddress): string {
  if (server.kind !== "stdio") return server.url.href;
  const { command, args, env, cwd } = server;
  const variables = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(["stdio", command, args, variables, cwd ?? null]);
}

/** The transport that a server is known to speak before it was asked. */
export function addressWire(server: ServerAddress): string | undefined {
  if (server.kind === "stdio") return "stdio";
  if (server.kind === "websocket") return "WebSocket";
  return { auto: undefined, "http-sse": "HTTP+SSE", "streamable-http": "Streamable HTTP" }[server.wire];
}

/** A name for a server that was given none; never more of its address than a host, a program or a published package. */
export function addressName(server: ServerAddress): string {
  if (server.kind !== "stdio") return server.url.host;
  const program = basename(server.command.replaceAll("\\", "/")).replace(/\.(?:exe|cmd|bat|ps1)$/i, "");
  return (runners.has(program) ? packageIn(server.args) : undefined) ?? program;
}

/** Programs that fetch a package and run it: the package says more than they do. */
const runners: ReadonlySet<string> = new Set(["npx", "pnpx", "bunx", "uvx", "pipx"]);

/** Switches of theirs that take no value: behind any other, the next argument may be anything. */
const switches: ReadonlySet<string> = new Set(["-y", "--yes", "-q", "--quiet", "-p", "--package", "run", "--"]);

/** The first argument, if it reads like a published name; its version, and whatever else was typed, stays out. */
function packageIn(args: readonly string[]): string | undefined {
  const first = args.find((arg) => !switches.has(arg));
  return first === undefined
    ? undefined
    : /^((?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*)(?:@[\w.^~-]+)?$/i.exec(first)?.[1];
}
