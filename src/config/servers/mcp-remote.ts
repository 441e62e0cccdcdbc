// A stdio entry that only starts mcp-remote to reach a URL, as what it means: that URL with its headers. Decides from the arguments alone.
import type { HttpWire } from "../index.ts";

export interface RemoteTarget {
  readonly url: string;
  readonly wire: HttpWire;
  readonly headers: Readonly<Record<string, string>>;
  /** Flags that have no counterpart here and were left out, by name. */
  readonly leftOut: readonly string[];
}

const wires: Readonly<Record<string, HttpWire>> = {
  "http-first": "auto",
  "sse-first": "auto",
  "http-only": "streamable-http",
  "sse-only": "http-sse",
};

/** mcp-remote 0.15.1's flags that take a value; each may also be written `--flag=value`. */
const withValue: ReadonlySet<string> = new Set([
  ..."--header --header-file --transport --protocol --resource --authorize-param --host --callback-path".split(" "),
  ..."--auth-success-url --auth-timeout --connect-timeout --headers-timeout --body-timeout --ping-interval".split(" "),
  ..."--ignore-tool --static-oauth-client-info --static-oauth-client-metadata --client-metadata-url".split(" "),
  "--token-endpoint",
]);
/** Flags about mcp-remote itself: nothing is lost without them. */
const needless: ReadonlySet<string> = new Set(
  "--allow-http --debug --silent --keep-alive --ping-interval --connect-timeout --headers-timeout --body-timeout".split(
    " ",
  ),
);

/** Undefined where the command runs something else, or mcp-remote in a way that only it understands. */
export function readMcpRemote(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RemoteTarget | undefined {
  const words = [command, ...args];
  const at = words.findIndex((word) => /^(?:.*[/\\])?mcp-remote(?:@[\w.^~-]+)?(?:\.cmd)?$/.test(word));
  if (at < 0 || !words.slice(0, at).every(isRunner)) return undefined;
  const { positional, flags } = split(words.slice(at + 1));
  const [url, port, ...more] = positional;
  if (url === undefined || more.length > 0 || (port !== undefined && !/^\d+$/.test(port))) return undefined;
  const headers: Record<string, string> = {};
  const leftOut = new Set<string>();
  let wire: HttpWire = "auto";
  for (const [flag, value] of flags) {
    if (flag === "--header") {
      const colon = value.indexOf(":");
      if (colon < 1) return undefined;
      headers[value.slice(0, colon).trim()] = fromEntry(value.slice(colon + 1).trim(), env);
    } else if (flag === "--transport") wire = wires[value] ?? "auto";
    else if (!needless.has(flag)) leftOut.add(flag);
  }
  // Without these headers the server would refuse, so the command stays what it is.
  if (leftOut.has("--header-file")) return undefined;
  return { url: fromEntry(url, env), wire, headers, leftOut: [...leftOut] };
}

/** `npx -y`, `bunx`, `pnpm dlx`, `cmd /c npx`: what stands before the package's name. */
function isRunner(word: string): boolean {
  return /^(?:(?:.*[/\\])?(?:npx|bunx|pnpx|pnpm|yarn|bun|npm|cmd)(?:\.exe|\.cmd)?|dlx|x|exec|\/c|-y|--yes|-p|--package|--)$/i.test(
    word,
  );
}

function split(words: readonly string[]) {
  const positional: string[] = [];
  const flags: [string, string][] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (!word.startsWith("--")) {
      positional.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    if (equals > 0) flags.push([word.slice(0, equals), word.slice(equals + 1)]);
    else if (withValue.has(word)) flags.push([word, words[++at] ?? ""]);
    else flags.push([word, ""]);
  }
  return { positional, flags };
}

/** mcp-remote fills in variables that its entry's own `env` block sets; the others are left for the time of connecting. */
function fromEntry(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => env[name] ?? whole);
}
