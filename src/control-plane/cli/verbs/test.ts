// `holdfast test NAME`: asks the server now, on a session that is thrown away.
import { exitCodes } from "../hub/exit-codes.ts";
import { openHub } from "../hub/open-hub.ts";
import { colourOf } from "../hub/terminal.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export async function test(name: string, flags: CommonFlags, { terminal, show, parts }: VerbContext): Promise<number> {
  await using hub = await openHub(flags, terminal, parts);
  const result = await hub.test(name);
  const { ok, status, elapsedMs } = result;
  show(result, () =>
    [
      `${terminal.paint(colourOf(status.kind), ok ? "ok" : status.kind)} in ${Math.round(elapsedMs)} ms: ${status.summary}`,
      ...(status.action === undefined ? [] : [status.action]),
    ].join("\n"),
  );
  if (ok) return exitCodes.ok;
  return status.kind === "needs-sign-in" ? exitCodes.signIn : exitCodes.unreachable;
}
