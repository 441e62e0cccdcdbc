// What somebody typed as a server's address: a URL, or a command split as a shell would split it. Pure; runs nothing.
import type { ServerInput } from "../../api/schema.ts";

/** Undefined where a quote is not closed or there is nothing. */
export function splitCommand(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    const escaped = letter === "\\" && quote !== "'" && at + 1 < text.length;
    if (escaped) {
      at += 1;
      word = (word ?? "") + text.charAt(at);
    } else if (quote !== undefined) {
      if (letter === quote) quote = undefined;
      else word = (word ?? "") + letter;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= "";
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + letter;
    }
  }
  if (word !== undefined) words.push(word);
  return quote === undefined && words.length > 0 ? words : undefined;
}

/** A sentence where the text is neither a URL nor a command. */
export function readAddress(text: string): ServerInput | string {
  const trimmed = text.trim();
  if (trimmed === "") return "Give the server's URL, or the command that starts it.";
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme === undefined) return readCommand(trimmed);
  if (!URL.canParse(trimmed)) return "This is not a complete URL. An example: https://example.com/mcp";
  if (scheme === "http" || scheme === "https") return { kind: "http", url: trimmed };
  if (scheme === "ws" || scheme === "wss") return { kind: "websocket", url: trimmed };
  return `A server is reached by http, https, ws or wss, not by ${scheme}.`;
}

function readCommand(text: string): ServerInput | string {
  const words = splitCommand(text);
  if (words === undefined) return "A quote in this command is not closed.";
  const env: Record<string, string> = {};
  let first = 0;
  for (const word of words) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || value === undefined) break;
    env[name] = value;
    first += 1;
  }
  const [command, ...args] = words.slice(first);
  return command === undefined
    ? "This sets variables, but starts no command."
    : { kind: "stdio", command, args, ...(first > 0 && { env }) };
}

/** The line that adds the same on the hub's machine, where more is allowed than from a page. */
export function shellLine(name: string, server: ServerInput): string {
  const words = ["holdfast", "add", quoted(name === "" ? "NAME" : name)];
  if (server.kind !== "stdio") return [...words, quoted(server.url)].join(" ");
  const env = Object.entries(server.env ?? {}).flatMap(([key, value]) => ["-e", quoted(`${key}=${value}`)]);
  return [...words, ...env, "--", quoted(server.command), ...(server.args ?? []).map(quoted)].join(" ");
}

/** For a POSIX shell; plain words stay plain. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A name for a server that was given none: of its host what tells it apart, or the package that its command runs. */
export function suggestName(text: string): string {
  const address = readAddress(text);
  if (typeof address === "string") return "";
  const raw =
    address.kind === "stdio" ? nameOfCommand([address.command, ...(address.args ?? [])]) : nameOfHost(address.url);
  return raw
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, "")
    .slice(0, 64);
}

function nameOfHost(url: string): string {
  const { hostname } = new URL(url);
  if (/^[\d.]+$|^\[/.test(hostname) || !hostname.includes("."))
    return hostname === "localhost" ? "local" : hostname.replace(/^[\d.]+$|^\[.*$/, "local");
  const parts = hostname.split(".").filter((part) => !["www", "mcp", "api"].includes(part));
  return parts.at(-2) ?? parts[0] ?? hostname;
}

function nameOfCommand(words: readonly string[]): string {
  const runners = new Set([
    "npx",
    "bunx",
    "uvx",
    "pnpm",
    "dlx",
    "node",
    "python",
    "python3",
    "uv",
    "run",
    "docker",
    "exec",
  ]);
  const named =
    words.find((word) => !word.startsWith("-") && !runners.has(word.split(/[/\\]/).at(-1) ?? "")) ?? words[0] ?? "";
  const last = named.split(/[/\\]/).at(-1) ?? named;
  return last
    .replace(/(?<=.)@[^@]*$/, "")
    .replace(/\.(?:m?js|ts|py|exe)$/, "")
    .replace(/^(?:mcp-server-|server-|mcp-)/, "");
}
