// `holdfast connect NAME` and `holdfast disconnect NAME`: what is wanted is stored before this answers, and holds over restarts.
import { openHub } from "../hub/open-hub.ts";
import { described } from "./get.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export async function setWanted(
  name: string,
  wanted: "connected" | "disconnected",
  flags: CommonFlags,
  { terminal, show, parts }: VerbContext,
): Promise<void> {
  await using hub = await openHub(flags, terminal, parts);
  const view = await hub.setWanted(name, wanted);
  show(view, () => described(view, terminal));
}
