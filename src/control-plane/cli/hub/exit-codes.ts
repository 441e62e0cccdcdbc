// What a verb's exit code says, and which one an error of the hub means. The numbers are stable; docs/hub.md lists them.

export const exitCodes = {
  ok: 0,
  /** What was typed, or a config file, cannot be used. */
  usage: 1,
  /** The server asks for a sign-in. */
  signIn: 3,
  /** The server, or the hub where one is needed, cannot be reached or cannot start. */
  unreachable: 4,
  /** The tool ran and said that it failed. */
  toolError: 5,
  /** No connector, session or token of this name. */
  notFound: 6,
  /** The hub will not do it: the name is taken, the connector is kept in a file, somebody else has changed it meanwhile. */
  refused: 7,
  /** A fault of Holdfast itself. */
  internal: 70,
} as const;

/** An error that a verb ends with: a sentence for standard error, and the exit code. */
export class VerbError extends Error {
  override readonly name = "VerbError";
  readonly exitCode: number;
  /** A code of docs/errors.md, where there is one. */
  readonly code: string | undefined;

  constructor(message: string, exitCode: number, code?: string) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
  }
}

const byCode: Readonly<Record<string, number>> = {
  CONNECTOR_UNKNOWN: exitCodes.notFound,
  NOT_THERE: exitCodes.notFound,
  INVALID_INPUT: exitCodes.usage,
  CONNECTOR_NOT_USABLE: exitCodes.usage,
  AUTHORIZATION_REQUIRED: exitCodes.signIn,
  SIGN_IN_OVER: exitCodes.signIn,
  SCOPE_REQUIRED: exitCodes.signIn,
  SIGN_IN_REFUSED: exitCodes.signIn,
  SIGN_IN_UNKNOWN: exitCodes.signIn,
  CLIENT_ID_NEEDED: exitCodes.signIn,
  INTERNAL: exitCodes.internal,
};
const unreachable: ReadonlySet<string> = new Set([
  "UPSTREAM_UNREACHABLE",
  "UPSTREAM_UNAVAILABLE",
  "UPSTREAM_NOT_FOUND",
  "UPSTREAM_CUT",
  "UPSTREAM_TIMEOUT",
  "CONNECTOR_DISCONNECTED",
]);

/** For a code of docs/errors.md and the HTTP status that it came with. */
export function exitCodeOf(code: string, status: number): number {
  const known = byCode[code];
  if (known !== undefined) return known;
  if (unreachable.has(code) || status === 502 || status === 503 || status === 504) return exitCodes.unreachable;
  return status >= 500 ? exitCodes.internal : exitCodes.refused;
}
