// One entry of a config file, checked key by key. Reads plain values, says what is wrong and where, and repeats no value.
import type { HttpWire } from "../index.ts";
import type { ConnectorEntry, WrittenServer } from "./connector-entry.ts";
import { readOptions } from "./entry-options.ts";
import { readMcpRemote } from "./mcp-remote.ts";

/** A path inside the entry, and a sentence with the way to mend it. */
export interface EntryProblem {
  readonly path: readonly (string | number)[];
  readonly says: string;
}

type Kind = WrittenServer["kind"];

/** All spellings in use, without regard to case, hyphens and underscores. */
const types: Readonly<Record<string, readonly [Kind, HttpWire]>> = {
  http: ["http", "auto"],
  streamablehttp: ["http", "streamable-http"],
  sse: ["http", "http-sse"],
  httpsse: ["http", "http-sse"],
  stdio: ["stdio", "auto"],
  local: ["stdio", "auto"],
  ws: ["websocket", "auto"],
  websocket: ["websocket", "auto"],
};
const known: ReadonlySet<string> = new Set(
  "type transport command args env envFile cwd url serverUrl httpUrl headers disabled enabled holdfast".split(" "),
);

type Fields = Readonly<Record<string, unknown>>;

/** Reads the entry of that name; where `problems` are found, the entry is undefined. */
export function readEntry(name: string, value: unknown): { entry?: ConnectorEntry; problems: readonly EntryProblem[] } {
  const problems: EntryProblem[] = [];
  const wrong = (path: EntryProblem["path"], says: string) => void problems.push({ path, says });
  if (!isRecord(value)) {
    wrong([], `must be an object such as {"url": "https://..."} or {"command": "..."}.`);
    return { problems };
  }
  const entry = build(name, value, wrong);
  return problems.length > 0 || entry === undefined ? { problems } : { entry, problems };
}

type Wrong = (path: EntryProblem["path"], says: string) => void;

function build(name: string, value: Fields, wrong: Wrong): ConnectorEntry | undefined {
  const address = addressKey(value);
  const kind = readKind(value, address, wrong);
  if (kind === undefined) return undefined;
  const common = {
    name,
    disabled: value["disabled"] === true || value["enabled"] === false,
    options: readOptions(value, wrong),
    unknown: Object.fromEntries(Object.entries(value).filter(([key]) => !known.has(key))),
  };
  if (kind[0] === "stdio") {
    const command = text(value, "command", wrong);
    const args = strings(value, "args", wrong);
    const env = texts(value, "env", wrong);
    const cwd = value["cwd"] === undefined ? {} : { cwd: text(value, "cwd", wrong) };
    const remote = readMcpRemote(command, args, env);
    if (remote === undefined) {
      const envFile = value["envFile"] === undefined ? {} : { envFile: text(value, "envFile", wrong) };
      const server: WrittenServer = { kind: "stdio", command, args, env, ...envFile, ...cwd, share: false };
      return { ...common, server, headers: {}, notes: [] };
    }
    const { url, wire, headers, leftOut } = remote;
    const notes = [...remoteNotes(leftOut), ...unreadFile(value)];
    return { ...common, server: { kind: "http", url, wire }, headers, notes };
  }
  const url = text(value, address, wrong);
  const headers = texts(value, "headers", wrong);
  checkScheme(url, kind[0], address, wrong);
  const server: WrittenServer = kind[0] === "http" ? { kind: "http", url, wire: kind[1] } : { kind: "websocket", url };
  return { ...common, server, headers, notes: unreadFile(value) };
}

/** Variables of a program, which is not started here. */
function unreadFile(value: Fields): readonly string[] {
  return value["envFile"] === undefined ? [] : ["envFile is not read: it is for a program, and this is a URL."];
}

function addressKey(value: Fields): "url" | "serverUrl" | "httpUrl" {
  if (value["url"] === undefined && value["serverUrl"] !== undefined) return "serverUrl";
  if (value["url"] === undefined && value["httpUrl"] !== undefined) return "httpUrl";
  return "url";
}

function readKind(value: Fields, address: string, wrong: Wrong): readonly [Kind, HttpWire] | undefined {
  const key = value["type"] === undefined && value["transport"] !== undefined ? "transport" : "type";
  const spelled = value[key];
  const hasUrl = value[address] !== undefined;
  const hasCommand = value["command"] !== undefined;
  if (spelled === undefined) {
    if (hasUrl && hasCommand) wrong([], 'has both "url" and "command": say which with "type".');
    else if (hasCommand) return ["stdio", "auto"];
    else if (hasUrl) return /^wss?:/i.test(String(value[address])) ? ["websocket", "auto"] : ["http", "auto"];
    else wrong([], 'needs a "url" or a "command".');
    return undefined;
  }
  const kind = typeof spelled === "string" ? types[spelled.toLowerCase().replaceAll(/[-_+]/g, "")] : undefined;
  if (kind === undefined) wrong([key], "is none of http, streamable-http, sse, ws and stdio.");
  else if (kind[0] === "stdio" && !hasCommand) wrong([], 'is of type stdio and needs a "command".');
  else if (kind[0] !== "stdio" && !hasUrl) wrong([], 'needs a "url" for its type.');
  else return kind;
  return undefined;
}

function checkScheme(url: string, kind: Kind, key: string, wrong: Wrong): void {
  // What a variable brings is looked at when it is filled in.
  if (url === "" || url.startsWith("${")) return;
  const scheme = kind === "http" ? /^https?:\/\/./i : /^wss?:\/\/./i;
  if (!scheme.test(url))
    wrong([key], `must begin with ${kind === "http" ? "http:// or https://" : "ws:// or wss://"}.`);
}

function text(value: Fields, key: string, wrong: Wrong): string {
  const found = value[key];
  if (typeof found === "string" && found.trim() !== "") return found;
  wrong([key], "must be a text that is not empty.");
  return "";
}

function strings(value: Fields, key: string, wrong: Wrong): readonly string[] {
  const found = value[key] ?? [];
  if (!Array.isArray(found)) {
    wrong([key], 'must be a list of texts, such as ["-y", "some-server"].');
    return [];
  }
  return found.flatMap((item: unknown, index) => {
    const plain = asText(item);
    if (plain === undefined) wrong([key, index], "must be a text.");
    return plain ?? [];
  });
}

function texts(value: Fields, key: string, wrong: Wrong): Readonly<Record<string, string>> {
  const found = value[key] ?? {};
  if (!isRecord(found)) {
    wrong([key], 'must be an object of names and texts, such as {"NAME": "value"}.');
    return {};
  }
  const read: Record<string, string> = {};
  for (const [name, item] of Object.entries(found)) {
    // VS Code writes null for a variable that is taken away.
    if (item === null) continue;
    const plain = asText(item);
    if (plain === undefined) wrong([key, name], "must be a text.");
    else read[name] = plain;
  }
  return read;
}

function asText(item: unknown): string | undefined {
  return typeof item === "string" || typeof item === "number" || typeof item === "boolean" ? String(item) : undefined;
}

function remoteNotes(leftOut: readonly string[]): readonly string[] {
  const reached = "mcp-remote is not needed: Holdfast reaches the server itself";
  return [leftOut.length === 0 ? `${reached}.` : `${reached}, without ${leftOut.join(", ")}.`];
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
