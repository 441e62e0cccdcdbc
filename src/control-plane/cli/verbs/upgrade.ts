// `holdfast upgrade NAME`: the connector's program is started anew, as after an upgrade of it, and takes the sessions over.
import { exitCodes } from "../hub/exit-codes.ts";
import { openHub } from "../hub/open-hub.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export async function upgrade(
  name: string,
  flags: CommonFlags,
  { terminal, show, parts }: VerbContext,
): Promise<number> {
  await using hub = await openHub(flags, terminal, parts, "hub");
  const result = await hub.upgrade(name);
  const { moved, failed, elapsedMs } = result;
  show(result, () =>
    [
      `${count(moved)} moved to the new process in ${Math.round(elapsedMs)} ms.`,
      ...(failed === 0
        ? []
        : [`${count(failed)} left on the old one: the new one did not take them. See the hub's log.`]),
    ].join("\n"),
  );
  return failed === 0 ? exitCodes.ok : exitCodes.unreachable;
}

function count(sessions: number): string {
  return sessions === 1 ? "1 session" : `${sessions} sessions`;
}
