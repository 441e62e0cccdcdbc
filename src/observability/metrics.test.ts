// The metrics page as a scraper reads it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createMetrics } from "./metrics.ts";

describe("the metrics page", () => {
  it("counts requests by outcome and those in flight", () => {
    const metrics = createMetrics();
    for (let started = 0; started < 4; started++) metrics.requestStarted();
    metrics.requestEnded("answered");
    metrics.requestEnded("answered");
    metrics.requestEnded("OUTCOME_UNKNOWN");
    const page = metrics.render();
    assert.match(page, /^holdfast_requests_total\{outcome="answered"\} 2$/m);
    assert.match(page, /^holdfast_requests_total\{outcome="OUTCOME_UNKNOWN"\} 1$/m);
    assert.match(page, /^holdfast_requests_in_flight 1$/m);
  });

  it("counts losses by signal, restores by outcome and replays by outcome, for each connector", () => {
    const metrics = createMetrics();
    metrics.lost("a", "session-not-found");
    metrics.lost("a", "session-not-found");
    metrics.lost("b", "session-suspected");
    metrics.restored("a", "session-not-found", 80);
    metrics.restoreFailed("b", "SESSION_NOT_RESTORED");
    metrics.replayed("a", "answered");
    const page = metrics.render();
    assert.match(page, /^holdfast_sessions_lost_total\{connector="a",signal="session-not-found"\} 2$/m);
    assert.match(page, /^holdfast_sessions_lost_total\{connector="b",signal="session-suspected"\} 1$/m);
    assert.match(page, /^holdfast_restores_total\{connector="a",outcome="restored"\} 1$/m);
    assert.match(page, /^holdfast_restores_total\{connector="b",outcome="SESSION_NOT_RESTORED"\} 1$/m);
    assert.match(page, /^holdfast_replays_total\{connector="a",outcome="answered"\} 1$/m);
  });

  it("has cumulative buckets, a sum in seconds and a count of restore times", () => {
    const metrics = createMetrics();
    metrics.restored("a", "s", 80);
    metrics.restored("a", "s", 920);
    metrics.restored("a", "s", 60_000);
    const page = metrics.render();
    const bucket = (le: string) =>
      page.includes(`holdfast_restore_seconds_bucket{connector="a",signal="s",le="${le}"}`);
    assert.ok(bucket("0.05") && bucket("30"));
    assert.match(page, /le="0.05"\} 0$/m);
    assert.match(page, /le="0.1"\} 1$/m);
    assert.match(page, /le="1"\} 2$/m);
    assert.match(page, /le="30"\} 2$/m);
    assert.match(page, /le="\+Inf"\} 3$/m);
    assert.match(page, /^holdfast_restore_seconds_sum\{connector="a",signal="s"\} 61$/m);
    assert.match(page, /^holdfast_restore_seconds_count\{connector="a",signal="s"\} 3$/m);
  });

  it("shows the number of sessions", () => {
    const metrics = createMetrics();
    metrics.sessionOpened();
    metrics.sessionOpened();
    metrics.sessionClosed();
    assert.match(metrics.render(), /^holdfast_sessions 1$/m);
  });

  it("names every metric with its help and type before anything has happened", () => {
    const page = createMetrics().render();
    assert.equal(page.match(/^# HELP holdfast_/gm)?.length, 7);
    assert.equal(page.match(/^# TYPE holdfast_\w+ (counter|gauge|histogram)$/gm)?.length, 7);
    assert.ok(page.endsWith("\n"));
  });

  it("escapes label values", () => {
    const metrics = createMetrics();
    metrics.replayed('a"b\\c\nd', "answered");
    assert.match(metrics.render(), /connector="a\\"b\\\\c\\nd"/);
  });

  it("keeps the same labels apart whatever they contain", () => {
    const metrics = createMetrics();
    metrics.lost("__proto__", "constructor");
    assert.match(metrics.render(), /connector="__proto__",signal="constructor"\} 1$/m);
  });
});
