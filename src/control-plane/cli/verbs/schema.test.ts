// docs/cli-schema.json must be what the verbs print today.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hubVerbs } from "../hub-verbs.ts";
import { cliSchemaPage } from "./schema.ts";

describe("docs/cli-schema.json", () => {
  it("is up to date; if this fails, run node scripts/generate-docs.ts", () => {
    assert.equal(readFileSync(new URL("../../../../docs/cli-schema.json", import.meta.url), "utf8"), cliSchemaPage());
  });

  it("describes every verb that prints a value", () => {
    const { verbs } = JSON.parse(cliSchemaPage()) as { readonly verbs: Readonly<Record<string, object>> };
    const silent = new Set(["completion", "schema"]);
    for (const verb of Object.keys(hubVerbs)) assert.equal(verb in verbs, !silent.has(verb), verb);
  });
});
