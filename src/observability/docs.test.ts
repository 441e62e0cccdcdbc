// docs/observability.md must name what a log line, the metrics page and a span hold today.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { cleanRequest } from "./clean-fields.ts";
import { createMetrics } from "./metrics.ts";

const page = readFileSync(new URL("../../docs/observability.md", import.meta.url), "utf8");
const rows = [...page.matchAll(/^\| `(\w+)` \| .+ \|$/gm)].map(([, name]) => name ?? "");

describe("docs/observability.md", () => {
  it("explains every metric, and none that is gone", () => {
    const served = [
      ...createMetrics()
        .render()
        .matchAll(/^# TYPE (\w+) /gm),
    ].map(([, name]) => name ?? "");
    assert.ok(served.length > 0);
    assert.deepEqual(rows.filter((name) => name.startsWith("holdfast_")).toSorted(), served.toSorted());
  });

  it("explains every field of a request line, in the line's order", () => {
    const fields = Object.keys(
      cleanRequest({
        user_id: "",
        session_id: "",
        http_method: "",
        jsonrpc_method: "",
        jsonrpc_id: "",
        body_len: 0,
        status: 0,
        elapsed_ms: 0,
        connector: "",
        era_pair: "",
        recovery: "",
        error_code: "",
        request_id: "",
      }),
    );
    assert.deepEqual(
      rows.filter((name) => !name.startsWith("holdfast_")),
      ["time", "level", "msg", ...fields],
    );
  });

  it("names every attribute of a span", () => {
    const source = readFileSync(new URL("tracing.ts", import.meta.url), "utf8");
    const names = [...source.matchAll(/"((?:holdfast|mcp|error)\.[\w.]+)"/g)].map(([, name]) => name ?? "");
    assert.ok(names.length > 5);
    for (const name of names) assert.ok(page.includes(`| \`${name}\` |`), name);
  });
});
