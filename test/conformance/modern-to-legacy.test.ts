// The official suite for revision 2026-07-28 on a server of 2025-11-25, which does not know it: what the suite says of Holdfast's bridge.
import { describePair } from "./describe-pair.ts";
import { modernRequirements as requirements } from "./scenarios.ts";

describePair("the conformance suite for 2026-07-28 through Holdfast to a legacy server", {
  pair: "ML",
  era: "legacy",
  requirements,
});
