// The official suite for revision 2025-11-25 on a server of 2026-07-28 alone, which refuses `initialize`: what the suite says of Holdfast's bridge.
import { describePair } from "./describe-pair.ts";
import { legacyRequirements as requirements } from "./scenarios.ts";

describePair("the conformance suite for 2025-11-25 through Holdfast to a modern server", {
  pair: "LM",
  era: "modern",
  requirements,
});
