// Fills variables into what the user wrote, in the spellings of Claude Code, VS Code and Cursor. Its errors name a variable and never a value.
import { ConfigError } from "./config-error.ts";

/** Gives the value of a variable, or undefined where it is not set. */
export type Lookup = (name: string) => string | undefined;

/** `${VAR}`, `${VAR:-default}`, and with a kind before the name: `${env:VAR}`, `${input:ID}`. Anything else in braces is no variable and stays. */
const variable = /\$\{(?:(env|input|command|config):([^}]+)|(\w+)(?::-([^}]*))?)\}/g;

/**
 * @param what names the place in an error, such as "The header Authorization"
 * @throws ConfigError that names the first variable that is not set
 */
export function fillIn(text: string, what: string, lookup: Lookup): string {
  if (!text.includes("${")) return text;
  return text.replaceAll(
    variable,
    (_whole, kind: string | undefined, key: string | undefined, name: string | undefined, fallback?: string) => {
      if (kind === "command" || kind === "config")
        throw new ConfigError(
          `${what} needs \${${kind}:...}, which only an editor can fill in. Write \${VAR} instead.`,
        );
      const wanted = kind === "input" ? inputVariable(key ?? "") : (key ?? name ?? "");
      const found = lookup(wanted) ?? fallback;
      if (found === undefined) throw new ConfigError(missing(what, wanted, kind === "input" ? key : undefined));
      return found;
    },
  );
}

/** VS Code asks a person for an input; a program reads it from this variable. */
export function inputVariable(id: string): string {
  return `HOLDFAST_INPUT_${id.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")}`;
}

function missing(what: string, name: string, input: string | undefined): string {
  const asked = input === undefined ? "" : ` (the input ${input})`;
  return `${what} needs the variable ${name}${asked}, which is not set.`;
}
