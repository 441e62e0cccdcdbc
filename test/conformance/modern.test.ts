// The official suite for revision 2026-07-28 on a server of that revision alone: against the fixture itself, and through Holdfast, which passes the bytes.
import { describePair } from "./describe-pair.ts";
import { modernRequirements as requirements } from "./scenarios.ts";

describePair("the conformance suite for 2026-07-28 against the modern fixture itself", {
  pair: "modern fixture",
  era: "modern",
  requirements,
  direct: true,
});

describePair("the conformance suite for 2026-07-28 through Holdfast to a modern server", {
  pair: "MM",
  era: "modern",
  requirements,
});
