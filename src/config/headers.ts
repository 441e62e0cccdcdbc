// Headers that the user gives for the server: parsed, their variables filled in, the forbidden ones refused. Values are secret and never in a message.
import { hopByHop, protocolVersionHeader, sessionIdHeader } from "../protocol/index.ts";
import { ConfigError } from "./config-error.ts";
import { fillIn, type Lookup } from "./variables.ts";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What the proxy sets itself, or what would break the framing of a request. */
const forbidden: ReadonlySet<string> = new Set([
  ...hopByHop,
  "host",
  "content-length",
  "content-type",
  "accept",
  "accept-encoding",
  "expect",
  sessionIdHeader,
  protocolVersionHeader,
]);

/** Flat names and values of lines like `Name: value`; `${VAR}` and `${VAR:-default}` come from the environment. */
export function parseHeaders(lines: readonly string[], env: NodeJS.ProcessEnv = process.env): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).trim();
    if (colon < 1 || !token.test(name))
      throw new ConfigError(`A header must read 'Name: value'; what stands before the colon is not a name.`);
    return header(name, line.slice(colon + 1).trim(), (variable) => env[variable]);
  });
}

/** One header, its name looked at and its variables filled in. @throws ConfigError */
export function header(name: string, text: string, lookup: Lookup): [string, string] {
  if (!token.test(name)) throw new ConfigError("The name of a header may hold letters, digits and hyphens only.");
  if (forbidden.has(name.toLowerCase()))
    throw new ConfigError(`The header ${name} is set by Holdfast itself; leave it out.`);
  const value = fillIn(text, `The header ${name}`, lookup);
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(value))
    throw new ConfigError(`The value of the header ${name} holds a control character.`);
  if (/[^\0-\xff]/.test(value))
    throw new ConfigError(
      `The value of the header ${name} holds a character that no header can carry; encode it as its server expects, for example with percent signs.`,
    );
  return [name, value];
}

/** One header per line; empty lines and lines that begin with # are left out. */
export function parseHeaderFile(text: string, env: NodeJS.ProcessEnv = process.env): string[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.trimStart().startsWith("#"));
  return parseHeaders(lines, env);
}
