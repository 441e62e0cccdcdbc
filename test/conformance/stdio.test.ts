// The official suite through Holdfast to a server on standard input and output that speaks one era alone: what HTTP says beside the messages is Holdfast's to say.
import { describePair } from "./describe-pair.ts";
import { legacyRequirements, modernRequirements } from "./scenarios.ts";

const stdio = true;

describePair("the conformance suite for 2026-07-28 through Holdfast to a modern stdio server", {
  pair: "MM",
  era: "modern",
  requirements: modernRequirements,
  stdio,
});

describePair("the conformance suite for 2025-11-25 through Holdfast to a modern stdio server", {
  pair: "LM",
  era: "modern",
  requirements: legacyRequirements,
  stdio,
});

describePair("the conformance suite for 2026-07-28 through Holdfast to a legacy stdio server", {
  pair: "ML",
  era: "legacy",
  requirements: modernRequirements,
  stdio,
  // The suite waits 600 ms for the first event, and this call needs a process of its own that has to start first. Held over HTTP: modern-to-legacy.test.ts.
  undecided: ["sep-2575-http-server-no-independent-requests-on-stream"],
});
