// Every row of the era table is a check of a pure function; the list of tests is made from the table, so that a row without one fails.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Rows } from "./rows.ts";
import { askRows } from "./rows-asks.ts";
import { envelopeRows } from "./rows-envelope.ts";
import { lifecycleRows } from "./rows-lifecycle.ts";
import { requestRows } from "./rows-requests.ts";
import { streamRows } from "./rows-streams.ts";

const checks: Rows = { ...lifecycleRows, ...requestRows, ...askRows, ...streamRows, ...envelopeRows };

interface TableRow {
  readonly id: string;
  readonly LM: string;
  readonly ML: string;
}
const file = new URL("../fixtures/era-table.json", import.meta.url);
const table = JSON.parse(readFileSync(file, "utf8")) as { readonly rows: readonly TableRow[] };

describe("the era table", () => {
  for (const row of table.rows) {
    const { LM, ML } = checks[row.id] ?? {};
    it(`${row.id}: is translated as the table says`, () => {
      assert.ok(LM !== undefined || ML !== undefined, "this row has no check");
      LM?.();
      ML?.();
    });
  }

  it("has no check for a row that is not in it", () => {
    const ids = new Set(table.rows.map(({ id }) => id));
    assert.deepEqual(
      Object.keys(checks).filter((id) => !ids.has(id)),
      [],
    );
  });
});
