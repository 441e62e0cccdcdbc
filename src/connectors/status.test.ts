// Status is what was seen, with its time: one word for each state, when it becomes visible, and since when it holds.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Evidence, type Status } from "./status.ts";

const windowMs = 30_000;
const opened = 1_000_000;
const open = () => new Evidence(opened, windowMs);
const shown = ({ kind, sinceMs, errorCode }: Status) => [kind, sinceMs - opened, errorCode];

describe("a server that has never answered", () => {
  it("is being connected to, and unreachable as soon as the first try has failed", () => {
    const evidence = open();
    assert.deepEqual(shown(evidence.status(opened + 50)), ["connecting", 0, undefined]);
    evidence.failed({ code: "UPSTREAM_REFUSED_CONNECTION" }, opened + 100);
    assert.deepEqual(shown(evidence.status(opened + 100)), ["unreachable", 100, "UPSTREAM_REFUSED_CONNECTION"]);
    evidence.failed({ code: "UPSTREAM_UNAVAILABLE", status: 503, head: "later" }, opened + 2_000);
    const status = evidence.status(opened + 2_000);
    assert.deepEqual(shown(status), ["unreachable", 100, "UPSTREAM_UNAVAILABLE"], "since the first failure");
    assert.deepEqual(status.lastAnswer, { atMs: opened + 2_000, status: 503, head: "later" });
  });
});

describe("a server that has answered and is in trouble", () => {
  const good = () => {
    const evidence = open();
    evidence.good(opened + 10);
    evidence.failed({ code: undefined }, opened + 5_000);
    return evidence;
  };

  it("shows as connected for the first second, since a restore that is over by then is nobody's concern", () => {
    const evidence = good();
    assert.deepEqual(shown(evidence.status(opened + 5_999)), ["connected", 10, undefined]);
    evidence.good(opened + 5_999);
    assert.deepEqual(shown(evidence.status(opened + 60_000)), ["connected", 10, undefined], "it was never away");
  });

  it("shows as recovering from then on, since the trouble began, with the next try and what was good last", () => {
    const evidence = good();
    evidence.nextTry(opened + 9_000);
    const status = evidence.status(opened + 6_000);
    assert.deepEqual(shown(status), ["recovering", 5_000, undefined]);
    assert.deepEqual([status.lastGoodAtMs, status.nextTryAtMs], [opened + 10, opened + 9_000]);
    evidence.failed({ code: "UPSTREAM_CUT" }, opened + 7_000);
    assert.deepEqual(shown(evidence.status(opened + 7_000)), ["recovering", 5_000, "UPSTREAM_CUT"]);
  });

  it("shows as unreachable once no request would wait for it any longer", () => {
    const evidence = good();
    assert.equal(evidence.status(opened + 5_000 + windowMs - 1).kind, "recovering");
    assert.deepEqual(shown(evidence.status(opened + 5_000 + windowMs)), ["unreachable", 5_000, undefined]);
  });

  it("is connected since it answered again, if it was seen away, and no next try is left over", () => {
    const evidence = good();
    evidence.nextTry(opened + 9_000);
    evidence.good(opened + 8_000);
    const status = evidence.status(opened + 8_100);
    assert.deepEqual(shown(status), ["connected", 8_000, undefined]);
    assert.equal(status.nextTryAtMs, undefined);
  });
});

describe("a server that asks for a sign-in", () => {
  it("says so at once, whether it has answered before or not", () => {
    for (const before of [true, false]) {
      const evidence = open();
      if (before) evidence.good(opened + 10);
      evidence.failed({ code: "AUTHORIZATION_REQUIRED", status: 401 }, opened + 500);
      assert.deepEqual(shown(evidence.status(opened + 500)), ["needs-sign-in", 500, "AUTHORIZATION_REQUIRED"]);
    }
  });
});
