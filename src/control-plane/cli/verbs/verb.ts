// What all verbs share: their flags, how one is run, and how its failure is said. A verb itself lives in the file of its name.
import { ConfigError } from "../../../config/index.ts";
import { catalog, ProxyError } from "../../../errors/index.ts";
import { exitCodeOf, exitCodes, VerbError } from "../hub/exit-codes.ts";
import type { LocalParts } from "../hub/local-parts.ts";
import { openTerminal, type Terminal } from "../hub/terminal.ts";

export interface CommonFlags {
  readonly dataDir?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What a verb is given beside its arguments and flags. */
export interface VerbContext {
  readonly terminal: Terminal;
  readonly parts: LocalParts;
  /** Prints the result: the value itself with --json, else what is made of it for a person. */
  readonly show: (value: unknown, forPeople: () => string) => void;
}

/** Runs a verb; what it gives back is the exit code, 0 if it gives back nothing. */
export async function runVerb(
  flags: CommonFlags,
  parts: LocalParts,
  verb: (context: VerbContext) => Promise<number | void>,
): Promise<void> {
  const terminal = openTerminal({ quiet: flags.quiet ?? false });
  const show: VerbContext["show"] = (value, forPeople) => {
    if (flags.json === true) return terminal.out(JSON.stringify(value));
    const text = forPeople();
    if (text !== "") terminal.out(text);
  };
  try {
    process.exitCode = (await verb({ terminal, parts, show })) ?? exitCodes.ok;
  } catch (error) {
    const { message, code, exitCode } = failureOf(error);
    process.stderr.write(
      flags.json === true
        ? `${JSON.stringify({ error: { ...(code === undefined ? {} : { code }), message, exitCode } })}\n`
        : `holdfast: ${message}${code === undefined ? "" : ` (${code})`}\n`,
    );
    process.exitCode = exitCode;
  }
}

function failureOf(error: unknown): VerbError {
  if (error instanceof VerbError) return error;
  if (error instanceof ConfigError) return new VerbError(error.message, exitCodes.usage);
  if (error instanceof ProxyError) {
    const { code, message } = error;
    return new VerbError(message, exitCodeOf(code, catalog[code].http), code);
  }
  const { message, code, name } = error as NodeJS.ErrnoException;
  // A disk that is full or a file that may not be written is nobody's fault here.
  const isOutside = code !== undefined || name === "StoreError";
  return new VerbError(message, isOutside ? exitCodes.unreachable : exitCodes.internal);
}
