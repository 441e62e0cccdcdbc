// docs/errors.md must be what the catalogue says today.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { catalog } from "./catalog.ts";
import { errorsPage } from "./docs.ts";

describe("docs/errors.md", () => {
  it("is up to date; if this fails, run node scripts/generate-docs.ts", () => {
    assert.equal(readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8"), errorsPage());
  });

  it("names every code once in its tables", () => {
    const page = errorsPage();
    for (const code of Object.keys(catalog)) assert.equal(page.split(`| \`${code}\` |`).length, 2, code);
  });
});
