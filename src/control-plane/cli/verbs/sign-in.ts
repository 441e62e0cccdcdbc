// `holdfast login NAME` and `logout NAME`: signing in to a connector's server in a browser of this machine, and out again. Never shows a token.
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { ConfigError, fillIn } from "../../../config/index.ts";
import type { BegunSignIn, ConnectorView, NewSignIn } from "../../api/schema.ts";
import { exitCodeOf, exitCodes, VerbError } from "../hub/exit-codes.ts";
import type { HubClient } from "../hub/hub-client.ts";
import { openHub } from "../hub/open-hub.ts";
import type { Terminal } from "../hub/terminal.ts";
import { openBrowser, whenEntered } from "./browser.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export interface LoginFlags extends CommonFlags {
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly clientSecretFile?: string;
  readonly scope?: string;
  readonly open?: boolean;
}

const pollMs = 300;
const tickMs = 1_000;

export async function login(name: string, flags: LoginFlags, { terminal, show, parts }: VerbContext): Promise<void> {
  const wish = readWish(flags);
  await using hub = await openHub(flags, terminal, parts);
  const ending = new AbortController();
  const stop = (): void => ending.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  try {
    const begun = await hub.signIn(name, wish);
    offer(begun, flags, ending.signal);
    await untilDone(hub, name, begun, ending.signal);
  } finally {
    ending.abort();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  }
  const { signIn } = await hub.get(name);
  show({ signedIn: true, ...(signIn === undefined ? {} : { signIn }) }, () => signedIn(name, signIn, terminal));
}

export async function logout(name: string, flags: CommonFlags, { terminal, show, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts);
  const { signedOut, revoked } = await hub.signOut(name);
  show({ loggedOut: signedOut, revoked }, () => {
    if (!signedOut)
      return `Nobody was signed in at ${name}. A token that was given with --header goes with holdfast edit.`;
    const there = revoked ? "its server has revoked it" : "its server was not heard to revoke it";
    return `Signed out of ${name}: the credential is gone from here, and ${there}.`;
  });
}

export async function loginLink(flags: CommonFlags, { terminal, show, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts, "hub");
  const link = await hub.loginLink();
  show(link, () => link.url);
}

/** @throws ConfigError for a secret on the command line, which other users of the machine could read there */
function readWish({ clientId, clientSecret, clientSecretFile, scope }: LoginFlags): NewSignIn {
  if (clientSecret !== undefined && !/^\$\{[^}]+\}$/.test(clientSecret))
    throw new ConfigError(
      "--client-secret takes the name of a variable, as in --client-secret '${CLIENT_SECRET}': a secret on the command line can be read by others. Or give --client-secret-file.",
    );
  const secret =
    clientSecretFile === undefined
      ? clientSecret && fillIn(clientSecret, "--client-secret", (variable) => process.env[variable])
      : readSecret(clientSecretFile);
  if (secret !== undefined && clientId === undefined)
    throw new ConfigError("A client's secret is of use with --client-id alone.");
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(secret === undefined ? {} : { clientSecret: secret }),
    ...(scope === undefined ? {} : { scope }),
  };
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const { code = "unknown reason" } = error as NodeJS.ErrnoException;
    throw new ConfigError(`--client-secret-file ${path} cannot be read (${code}).`);
  }
}

/** The link is what this verb is for, so it is shown with --quiet too; never on standard output, where the result comes. */
function offer({ authorizationUrl }: BegunSignIn, flags: LoginFlags, signal: AbortSignal): void {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(`Open this in a browser on this machine to sign in:\n\n  ${authorizationUrl}\n`);
  if (flags.open === true) return openBrowser(authorizationUrl, say);
  if (flags.json === true || !isatty(0) || !isatty(2)) return;
  say("Press Enter to open it, or Ctrl-C to give up.");
  whenEntered(signal, () => openBrowser(authorizationUrl, say));
}

async function untilDone(
  hub: HubClient,
  name: string,
  { id, expiresAt }: BegunSignIn,
  signal: AbortSignal,
): Promise<void> {
  const progress = waiting(Date.parse(expiresAt), signal);
  try {
    for (;;) {
      await pause(pollMs, signal);
      if (signal.aborted) throw new VerbError(`Not signed in to ${name}: given up.`, exitCodes.signIn);
      const { state, code, detail } = await hub.signInProgress(name, id);
      if (state === "done") return;
      if (state === "failed") throw new VerbError(detail ?? "The sign-in failed.", exitCodeOf(code ?? "", 502), code);
    }
  } finally {
    progress.end();
  }
}

/** How long is left, on one line where a person looks; said once elsewhere. */
function waiting(untilMs: number, signal: AbortSignal): { end(): void } {
  if (!isatty(2)) {
    process.stderr.write("Waiting for the browser, for at most ten minutes.\n");
    return { end: () => {} };
  }
  const draw = (): void => {
    const seconds = Math.max(0, Math.round((untilMs - Date.now()) / 1_000));
    const left = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    process.stderr.write(`\r\u001b[KWaiting for the browser (${left} left) `);
  };
  draw();
  const timer = setInterval(draw, tickMs);
  const end = (): void => {
    clearInterval(timer);
    process.stderr.write("\r\u001b[K");
  };
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return { end };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

function signedIn(name: string, signIn: ConnectorView["signIn"], { paint }: Terminal): string {
  const where = signIn === undefined ? "" : ` at ${signIn.issuer}`;
  const whom = signIn?.subject === undefined ? "" : ` as ${signIn.subject}`;
  return `${paint("green", `Signed in to ${name}`)}${whom}${where}.`;
}
