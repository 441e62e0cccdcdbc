// One server as a config file names it: text as it was written, variables unfilled. Turns it into an address when a connection is wanted.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseEnv } from "node:util";
import {
  ConfigError,
  type ConnectorOptions,
  fillIn,
  type HttpWire,
  header,
  type Lookup,
  type ServerAddress,
} from "../index.ts";

/** A server as it was written; the same shape is stored for a connector. Secret. */
export type WrittenServer =
  | { readonly kind: "http"; readonly url: string; readonly wire: HttpWire }
  | { readonly kind: "websocket"; readonly url: string }
  | {
      readonly kind: "stdio";
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      /** A file of further variables, read each time the program is started; those of `env` win. */
      readonly envFile?: string | undefined;
      readonly cwd?: string | undefined;
      readonly share: boolean;
    };

export type EntryOptions = Partial<
  Pick<ConnectorOptions, "trusted" | "recovery" | "recoveryWindowMs" | "startTimeoutMs" | "maxMessageBytes">
>;

export interface ConnectorEntry {
  readonly name: string;
  readonly server: WrittenServer;
  /** For wires over HTTP. */
  readonly headers: Readonly<Record<string, string>>;
  /** Present in the file but not to be connected (`disabled` or `enabled: false`). */
  readonly disabled: boolean;
  /** What the entry's own "holdfast" object sets. */
  readonly options: EntryOptions;
  /** Keys that Holdfast has no use for, as they were. */
  readonly unknown: Readonly<Record<string, unknown>>;
  /** What was understood differently from what a reader of the file might expect. */
  readonly notes: readonly string[];
}

/** What is needed to reach a server. Secret. */
export interface Resolved {
  readonly server: ServerAddress;
  /** Flat names and values. */
  readonly headers: readonly string[];
}

/**
 * Fills the variables in, at the time of connecting: a token that was renewed in the environment of a new start is then the new one.
 * @param file the config file that the connector comes from, for `${workspaceFolder}`
 * @param read gives the text of an envFile
 * @throws ConfigError that names the connector, the place and the variable
 */
export function resolveConnector(
  { name, server, headers }: Pick<ConnectorEntry, "name" | "server" | "headers">,
  env: Readonly<Record<string, string | undefined>> = process.env,
  file?: string,
  read: (path: string) => string = readText,
): Resolved {
  const lookup: Lookup = (variable) => env[variable] ?? builtIn(variable, env, file);
  const fill = (text: string, place: string) => fillIn(text, `Connector ${name}: ${place}`, lookup);
  if (server.kind === "stdio") {
    const { command, args, env: variables, envFile, cwd, share } = server;
    const path = envFile === undefined ? undefined : resolve(folderOf(file), fill(envFile, "envFile"));
    const further = path === undefined ? {} : within(name, () => parseEnv(read(path)));
    return {
      server: {
        kind: "stdio",
        command: fill(command, "command"),
        args: args.map((argument, index) => fill(argument, `args[${index}]`)),
        env: {
          ...further,
          ...Object.fromEntries(Object.entries(variables).map(([key, text]) => [key, fill(text, `env.${key}`)])),
        } as Record<string, string>,
        cwd: cwd === undefined ? undefined : fill(cwd, "cwd"),
        share,
      },
      headers: [],
    };
  }
  const url = readServerUrl(fill(server.url, "url"), server.kind, `Connector ${name}`);
  return {
    server: server.kind === "http" ? { kind: "http", url, wire: server.wire } : { kind: "websocket", url },
    headers: Object.entries(headers).flatMap(([key, text]) => within(name, () => header(key, text, lookup))),
  };
}

const schemes = { http: ["http:", "https:"], websocket: ["ws:", "wss:"] } as const;

/** @throws ConfigError with `what` as the place; never with the URL */
export function readServerUrl(text: string, kind: "http" | "websocket", what: string): URL {
  const url = URL.parse(text);
  const [plain, secure] = schemes[kind];
  if (url === null || (url.protocol !== plain && url.protocol !== secure))
    throw new ConfigError(`${what}: the url must begin with ${plain}// or ${secure}//.`);
  if (url.username !== "" || url.password !== "")
    throw new ConfigError(
      `${what}: leave user name and password out of the url; give an Authorization header instead.`,
    );
  url.hash = "";
  return url;
}

function within<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`Connector ${name}: ${error.message}`);
    throw error;
  }
}

/** Editors' own variables; one of the environment with the same name wins. */
function builtIn(name: string, env: Readonly<Record<string, string | undefined>>, file: string | undefined) {
  if (name === "userHome") return env["HOME"] ?? env["USERPROFILE"];
  if (name === "workspaceFolder" && file !== undefined) return folderOf(file);
  return undefined;
}

/** The project that a config file stands in; without one, where Holdfast was started. */
function folderOf(file: string | undefined): string {
  return file === undefined ? "." : dirname(file).replace(/[/\\]\.(?:vscode|cursor)$/, "");
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code = "unknown reason" } = error as NodeJS.ErrnoException;
    throw new ConfigError(`the envFile ${path} cannot be read (${code}).`);
  }
}
