// `holdfast login NAME`, `logout NAME` and `login-link`. Signing in to a server by OAuth is not there yet, and the first two say so.
import { exitCodes, VerbError } from "../hub/exit-codes.ts";
import { openHub } from "../hub/open-hub.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export async function login(name: string, flags: CommonFlags, { terminal, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts);
  await hub.get(name);
  throw new VerbError(
    `Signing in to a server by OAuth is not part of this version. Give the server's token instead: holdfast edit ${name} --header 'Authorization: Bearer \${TOKEN}'`,
    exitCodes.signIn,
  );
}

export async function logout(name: string, flags: CommonFlags, { terminal, show, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts);
  await hub.get(name);
  show(
    { loggedOut: false },
    () =>
      `Nothing is kept of a sign-in at ${name}: this version knows no OAuth. A token that was given with --header goes with holdfast edit or remove.`,
  );
}

export async function loginLink(flags: CommonFlags, { terminal, show, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts, "hub");
  const link = await hub.loginLink();
  show(link, () => link.url);
}
