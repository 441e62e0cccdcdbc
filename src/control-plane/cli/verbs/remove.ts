// `holdfast remove NAME`: the connector and everything of it, at once.
import { openHub } from "../hub/open-hub.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export async function remove(name: string, flags: CommonFlags, { terminal, show, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts);
  await hub.remove(name);
  show({ removed: name }, () => `Removed ${name} and everything of it.`);
}
