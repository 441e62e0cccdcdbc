// The promises of the catalogue as a whole: what a new row must keep to.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CatalogRow, catalog } from "./catalog.ts";

const rows: readonly (readonly [string, CatalogRow])[] = Object.entries(catalog);
const values = rows.map(([, row]) => row);

describe("the error catalogue", () => {
  /** What 2026-07-28 says of every bad requestState, and of what a server cannot go on with. */
  const ofTheProtocol = values.filter((row) => row.jsonrpc === -32602 || row.jsonrpc === -32603);

  it("gives each cause a JSON-RPC code of its own, except where the protocol has one for all of its kind", () => {
    assert.equal(new Set(values.map((row) => row.jsonrpc)).size, rows.length - ofTheProtocol.length + 2);
  });

  it("takes a code below zero only where JSON-RPC gives one: to a malformed request, and to a retry that leads nowhere", () => {
    const negative = rows
      .filter(([, row]) => row.jsonrpc <= 0 && !ofTheProtocol.includes(row))
      .map(([code, row]) => [code, row.jsonrpc]);
    assert.deepEqual(negative, [
      ["MALFORMED_JSON", -32700],
      ["NOT_JSON_RPC", -32600],
    ]);
    const retries = rows.filter(([, row]) => ofTheProtocol.includes(row)).map(([code]) => code);
    for (const code of retries) assert.match(code, /^STATE_|^CONTINUATION_LOST$/);
  });

  it("tells each cause in one sentence that no other cause has", () => {
    assert.equal(new Set(values.map((row) => row.summary)).size, rows.length);
    for (const [code, { summary }] of rows) assert.match(summary, /^[A-Z](?:(?![.!?] )[^\n])*\.$/, code);
  });

  it("says for each cause what to do, in whole sentences", () => {
    for (const [code, { remedy }] of rows) assert.match(remedy, /^[A-Z][^\n]+\.$/, code);
  });

  it("answers a client's fault with 4xx and any other with 5xx, except the 404 that makes a client start over", () => {
    for (const [code, row] of rows) {
      const expected = row.fault === "client" || code === "SESSION_LOST" ? 4 : 5;
      assert.equal(Math.floor(row.http / 100), expected, code);
    }
  });

  it("never answers inside a 200 where the client must see the status to act", () => {
    for (const [code, row] of rows) {
      if ([400, 401, 403, 404, 405, 408, 413, 415].includes(row.http)) assert.equal(row.inBand, false, code);
    }
  });

  it("never claims that a request ran or may have run when the fault is the client's or the user's", () => {
    for (const [code, row] of rows) {
      if (row.fault === "client" || row.fault === "user") assert.equal(row.executed, "no", code);
    }
  });
});
