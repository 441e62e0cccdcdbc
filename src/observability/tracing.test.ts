// When the tracing API is loaded at all. Imports it nowhere itself.
import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { describe, it } from "node:test";
import { openTracer } from "./tracing.ts";

const asked: string[] = [];
registerHooks({
  resolve: (specifier, context, nextResolve) => {
    asked.push(specifier);
    return nextResolve(specifier, context);
  },
});

describe("the tracer", () => {
  it("is absent, and its API not loaded, unless an OTEL_* variable says something", async () => {
    assert.equal(await openTracer({ PATH: "/bin", HOTEL_X: "1", OTEL_SERVICE_NAME: "" }), undefined);
    assert.ok(!asked.includes("@opentelemetry/api"));
    const tracer = await openTracer({ OTEL_SERVICE_NAME: "x" });
    assert.ok(asked.includes("@opentelemetry/api"));
    assert.ok(tracer !== undefined);
  });

  it("runs a restore once also where the user has registered no SDK", async () => {
    const tracer = await openTracer({ OTEL_SERVICE_NAME: "x" });
    let runs = 0;
    await tracer?.restore({ connector: "c", sessionHash: "0", signal: "s", generation: 2 }, () => {
      runs += 1;
      return Promise.resolve({ outcome: "overtaken" });
    });
    assert.equal(runs, 1);
  });
});
